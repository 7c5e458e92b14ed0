"""What is in registries and no image: charts, signatures, models. Kept as it is, under its name.

artifacts/<reference>      {"manifest": digest, "media_type", "blobs": [digest, ...]}
"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sampan.db.sqlite import Delete, Put, Store
from sampan.engine.images import lines
from sampan.engine.images.downloads import Downloads
from sampan.engine.images.ingest import staging
from sampan.engine.images.store import ImageStore
from sampan.images.registry.client import Repository
from sampan.images.registry.manifests import Fetched, ImageManifest
from sampan.specs.oci.digest import is_digest, is_identifier
from sampan.specs.oci.reference import Reference, parse


@dataclass(frozen=True)
class Artifact:
    manifest: str
    media_type: str
    blobs: tuple[str, ...]

    def row(self) -> dict[str, Any]:
        return {"manifest": self.manifest, "media_type": self.media_type, "blobs": list(self.blobs)}


class Artifacts:
    """Owned by the event loop."""

    def __init__(self, rows: Store, store: ImageStore, downloads: Downloads) -> None:
        self._rows = rows
        self._store = store
        self._downloads = downloads
        self._found: dict[str, Artifact] = {}
        store.keep_blobs_for(self.blobs)

    def start(self) -> None:
        for key, row in self._rows.list("artifacts/"):
            artifact = Artifact(row["manifest"], row["media_type"], tuple(row["blobs"]))
            self._found[key.removeprefix("artifacts/")] = artifact

    def find(self, reference: Reference) -> Artifact | None:
        return self._found.get(str(reference))

    def blobs(self) -> Iterable[str]:
        """Every blob that belongs to one."""
        for artifact in self._found.values():
            yield artifact.manifest
            yield from artifact.blobs

    async def take(
        self,
        name: Reference,
        fetched: Fetched,
        manifest: ImageManifest,
        sources: Sequence[Repository],
        put: lines.Put,
    ) -> bool:
        """Bring all its blobs in; whether any of it is new. Raises what the registry says."""
        before = self._found.get(str(name))
        if before is not None and before.manifest == fetched.digest:
            return False
        wanted = {blob.digest: blob for blob in (manifest.config, *manifest.layers)}
        async with staging(self._store) as staged:
            try:
                async with asyncio.TaskGroup() as group:
                    for blob in wanted.values():
                        group.create_task(self._downloads.blob(staged, put, sources, blob))
            except BaseExceptionGroup as failures:
                raise failures.exceptions[0] from None
            self._store.pin(staged, self._store.blobs.write(fetched.data, sync=False))
            await asyncio.to_thread(self._store.layer_files.sync)
            artifact = Artifact(fetched.digest, fetched.media_type, tuple(wanted))
            self._found[str(name)] = artifact
            self._rows.apply([Put(f"artifacts/{name}", artifact.row())])
        if before is not None:
            self._drop(before)
        return True

    def untag(self, text: str) -> list[dict[str, str]]:
        """`docker rmi` of one: what was untagged and deleted; nothing when there is none of that name."""
        if is_digest(text) or is_identifier(text):
            return []
        name = parse(text).with_default_tag()
        if self.find(name) is None:
            return []
        return [
            {"Untagged": name.familiar},
            *({"Deleted": digest} for digest in self.remove(name)),
        ]

    def remove(self, name: Reference) -> list[str]:
        """Forget one; returns the digests of what it alone had."""
        artifact = self._found.pop(str(name))
        self._rows.apply([Delete(f"artifacts/{name}")])
        return self._drop(artifact)

    def _drop(self, artifact: Artifact) -> list[str]:
        return self._store.drop_blobs({artifact.manifest, *artifact.blobs})
