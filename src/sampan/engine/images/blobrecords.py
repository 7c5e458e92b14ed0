"""What is known of layers' blobs besides the one kept: other compressed forms, and who has them.

    blobs/<hex>      {"diff_id", "size", "media_type", "sources": ["registry/repository", ...]}

With it a second push sends nothing, and a push to a repository beside one that has a blob asks for a mount.
It is a memory, not a promise: registries are asked before it is believed.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sampan.db.sqlite import Change, Delete, Put, Store
from sampan.images.registry.manifests import Descriptor

SOURCES = 8  # repositories remembered for each blob, the latest ones


@dataclass(frozen=True)
class BlobRecord:
    digest: str
    diff_id: str
    size: int
    media_type: str
    sources: tuple[str, ...] = ()

    @property
    def descriptor(self) -> Descriptor:
        return Descriptor(self.media_type, self.digest, self.size)

    def row(self) -> dict[str, Any]:
        return {
            "diff_id": self.diff_id,
            "size": self.size,
            "media_type": self.media_type,
            "sources": list(self.sources),
        }


class BlobRecords:
    """Owned by the event loop."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._records: dict[str, BlobRecord] = {}

    def start(self, layers: Iterable[str]) -> None:
        """Read the rows; those of layers that are gone are removed."""
        known = set(layers)
        gone: list[Change] = []
        for key, row in self._store.list("blobs/"):
            digest = f"sha256:{key.removeprefix('blobs/')}"
            if row["diff_id"] not in known:
                gone.append(Delete(key))
                continue
            self._records[digest] = BlobRecord(
                digest, row["diff_id"], row["size"], row["media_type"], tuple(row["sources"])
            )
        if gone:
            self._store.apply(gone, durable=False)

    def get(self, digest: str) -> BlobRecord | None:
        return self._records.get(digest)

    def of_layer(self, diff_id: str, media_type_end: str) -> BlobRecord | None:
        """A form of the layer that is compressed in a certain way: "gzip" or "zstd"."""
        for record in self._records.values():
            if record.diff_id == diff_id and record.media_type.endswith(media_type_end):
                return record
        return None

    def sources(self, digest: str, domain: str) -> list[str]:
        """Paths of repositories of that registry that had the blob, the latest first."""
        record = self._records.get(digest)
        prefix = f"{domain}/"
        found = record.sources if record else ()
        return [name.removeprefix(prefix) for name in reversed(found) if name.startswith(prefix)]

    def learn(self, repository: str, blobs: Sequence[tuple[str, Descriptor]]) -> None:
        """`repository` has these blobs of these layers."""
        changes: list[Change] = []
        for diff_id, blob in blobs:
            old = self._records.get(blob.digest) or BlobRecord(
                blob.digest, diff_id, blob.size, blob.media_type
            )
            sources = (*(name for name in old.sources if name != repository), repository)[-SOURCES:]
            if old.sources == sources:
                continue
            self._records[blob.digest] = replace(old, sources=sources)
            key = f"blobs/{blob.digest.removeprefix('sha256:')}"
            changes.append(Put(key, self._records[blob.digest].row()))
        if changes:
            # Lost with the power, it is learnt again.
            self._store.apply(changes, durable=False)
