"""What images, references and layers there are: rows in the database, and the same in memory.

    images/<hex>         {"parent", "last_tagged", "manifest"?, "added", "last_used"}
                         the config is the blob sha256:<hex>; times but last_tagged in ns since 1970
    references/<name>    {"image": ID}                 docker.io/library/busybox:latest, or ...@sha256:...
    layers/<hex>         {"size", "tar_size", "blob", "blob_size", "media_type"}    <hex> of the diff ID

An image, the layers it is the first to need and its names become true in one transaction, after the disk has
them. Whatever is not named by a row is removed: at once when an image goes, or at the next start.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from sampan.db.sqlite import Change, Delete, Put, Store
from sampan.engine import trash
from sampan.errors import Failed, NotFound, SampanError
from sampan.images import config as image_config
from sampan.images.blobs import BlobStore
from sampan.paths import Paths
from sampan.specs.golang import time as times
from sampan.specs.oci import reference as references
from sampan.specs.oci.digest import is_digest, is_identifier
from sampan.specs.oci.image import ImageConfig
from sampan.specs.oci.reference import Reference
from sampan.storage.layers import LayerStore

# A run a second need not write a row a second: nobody prunes by the minute. Nanoseconds.
USE_GRANULARITY = 60 * 10**9


@dataclass(frozen=True)
class Layer:
    """An unpacked layer and the blob it came from. `size` counts files as Docker does, `tar_size` its tar."""

    diff_id: str
    size: int
    tar_size: int
    blob: str
    blob_size: int
    media_type: str

    def row(self) -> dict[str, Any]:
        return {
            "size": self.size,
            "tar_size": self.tar_size,
            "blob": self.blob,
            "blob_size": self.blob_size,
            "media_type": self.media_type,
        }


@dataclass(frozen=True)
class Image:
    """One image as it is now; tags change by replacing the value.

    `created` is the config's word: a reproducible image is as old as its base. `added` is when it came into
    this store, `last_used` when it last came again, or was built or run upon; nanoseconds since 1970.
    """

    id: str
    config: ImageConfig
    diff_ids: tuple[str, ...]
    size: int
    created: str
    parent: str = ""
    last_tagged: str = ""
    manifest: str = ""
    added: int = 0
    last_used: int = 0
    references: tuple[Reference, ...] = field(default=())

    @property
    def repo_tags(self) -> list[str]:
        return sorted(reference.familiar for reference in self.references if reference.tag)

    @property
    def repo_digests(self) -> list[str]:
        return sorted(reference.familiar for reference in self.references if reference.digest)

    @property
    def labels(self) -> dict[str, str]:
        return (self.config.get("config") or {}).get("Labels") or {}

    def row(self) -> dict[str, Any]:
        return {
            "parent": self.parent,
            "last_tagged": self.last_tagged,
            "manifest": self.manifest,
            "added": self.added,
            "last_used": self.last_used,
        }


@dataclass(frozen=True)
class NewImage:
    """An image to make: its config document, the names it takes, and the image it was made from here."""

    config: bytes
    names: Sequence[Reference] = ()
    parent: str = ""
    manifest: str = ""  # the digest of the one it was pulled by, whose blob is in the content store


@dataclass
class Staging:
    """What a load or build has put on disk so far: kept from removal until it is committed or dropped."""

    layers: dict[str, Layer] = field(default_factory=dict)
    pins: list[str] = field(default_factory=list)  # diff IDs and blob digests


class ImageStore:
    """Owned by the event loop; only what is said to block may run in a thread."""

    def __init__(self, store: Store, paths: Paths) -> None:
        self._store = store
        self.clock: Callable[[], int] = time.time_ns
        self.blobs = BlobStore(paths.content)
        self.layer_files = LayerStore(paths.layers, paths.tmp, partial(trash.discard, paths))
        self.images: dict[str, Image] = {}
        self.references: dict[str, str] = {}
        self.layers: dict[str, Layer] = {}
        self._holders: list[Callable[[], set[str]]] = []
        self._blob_holders: list[Callable[[], Iterable[str]]] = []
        self._pins: Counter[str] = Counter()

    # Who else needs what is here: they say so before `load`

    def keep_for(self, holder: Callable[[], set[str]]) -> None:
        """Layers of these diff IDs stay without an image: of containers, of the build cache."""
        self._holders.append(holder)

    def keep_blobs_for(self, holder: Callable[[], Iterable[str]]) -> None:
        """These blobs belong to what is no image."""
        self._blob_holders.append(holder)

    def held(self) -> set[str]:
        return set().union(*(holder() for holder in self._holders))

    # Start

    def start(self) -> set[str]:
        """Read the layers' rows, remove what they do not name; returns diff IDs whose files are gone."""
        self.blobs.start()
        for key, row in self._store.list("layers/"):
            diff_id = f"sha256:{key.removeprefix('layers/')}"
            self.layers[diff_id] = Layer(
                diff_id, row["size"], row["tar_size"], row["blob"], row["blob_size"], row["media_type"]
            )
        return self.layer_files.reconcile(set(self.layers))

    def load(self) -> list[str]:
        """Read the images' rows. Returns what cannot be used, with why; that stays on disk as it is."""
        broken: dict[str, str] = {}
        for key, row in self._store.list("images/"):
            id = f"sha256:{key.removeprefix('images/')}"
            try:
                self._read_image(id, row)
            except SampanError as error:
                broken[id] = f"image {id}: {error}"
        for key, row in self._store.list("references/"):
            if row["image"] in self.images:
                self.references[key.removeprefix("references/")] = row["image"]
        for id in self.images:
            self._refresh(id)
        if not broken:
            self.collect()
            self.blobs.reconcile(self._known_blobs())
        return list(broken.values())

    def _read_image(self, id: str, row: dict[str, Any]) -> None:
        config = image_config.parse(self.blobs.read(id))
        image = self.describe(id, config, row.get("parent", ""), row.get("manifest", ""))
        for diff_id in image.diff_ids:
            if diff_id not in self.layers or not self.layer_files.exists(diff_id):
                raise NotFound(f"layer {diff_id} is missing")
        self.images[id] = replace(
            image,
            last_tagged=row.get("last_tagged", ""),
            added=row["added"],
            last_used=row["last_used"],
        )

    def _known_blobs(self) -> set[str]:
        known = {layer.blob for layer in self.layers.values()} | set(self.images)
        known |= {image.manifest for image in self.images.values() if image.manifest}
        return known.union(*(holder() for holder in self._blob_holders))

    # Look-up

    def find(self, text: str) -> Image | None:
        """By reference, ID or the beginning of an ID. Raises Invalid for what can be neither."""
        if is_identifier(text):
            return self.images.get(f"sha256:{text}")
        if is_digest(text):
            return self.images.get(text)
        reference = references.parse(text).with_default_tag()
        id = self.references.get(lookup_key(reference))
        if id is not None:
            return self.images[id]
        return self._by_prefix(text)

    def _by_prefix(self, text: str) -> Image | None:
        prefix = text.removeprefix("sha256:")
        if not prefix or set(prefix) - set("0123456789abcdef"):
            return None
        found = [id for id in self.images if id.startswith(f"sha256:{prefix}")]
        return self.images[found[0]] if len(found) == 1 else None

    def get(self, text: str) -> Image:
        """As `find`, but raises NotFound in Docker's words."""
        image = self.find(text)
        if image is None:
            raise NotFound(f"No such image: {display(text)}")
        return image

    def children(self, id: str) -> list[Image]:
        return [image for image in self.images.values() if image.parent == id]

    # Change

    def describe(self, id: str, config: ImageConfig, parent: str = "", manifest: str = "") -> Image:
        diff_ids = tuple(config["rootfs"].get("diff_ids") or ())
        size = sum(self.layers[diff_id].size for diff_id in diff_ids if diff_id in self.layers)
        created = config.get("created") or times.ZERO
        return Image(id, config, diff_ids, size, created, parent, manifest=manifest)

    def pin(self, staging: Staging, name: str) -> None:
        """Keep a layer (by diff ID) or a blob from being removed until the staging ends."""
        self._pins[name] += 1
        staging.pins.append(name)

    def reuse(self, staging: Staging, diff_id: str) -> Layer:
        """Make a layer that exists part of a staging: it stays even when its last image goes."""
        layer = staging.layers[diff_id] = self.layers[diff_id]
        self.pin(staging, diff_id)
        self.pin(staging, layer.blob)
        return layer

    async def commit(
        self,
        staging: Staging,
        new: Sequence[NewImage],
        *,
        keep: Iterable[str] = (),
        changes: Callable[[], Sequence[Change]] = tuple,
    ) -> list[Image]:
        """Make images true: durable on disk first, then one transaction.

        Their layers are in `staging`. An image that exists already stays as it is, but for its last use, and
        gets the names.
        `keep`: diff IDs of layers that somebody else needs rows of; `changes` are that somebody's own, asked
        for at the end.
        """
        parsed: dict[str, ImageConfig] = {}
        ids: list[str] = []
        for item in new:
            ids.append(self.blobs.write(item.config, sync=False))
            self.pin(staging, ids[-1])
            parsed[ids[-1]] = image_config.parse(item.config)
        needed = {diff_id for config in parsed.values() for diff_id in config["rootfs"].get("diff_ids") or ()}
        needed.update(keep)
        if not self._all_known(needed, ids, new):
            await asyncio.to_thread(self.layer_files.sync)
        fresh = {key: staging.layers[key] for key in needed if key not in self.layers}
        self.layers.update(fresh)
        rows: list[Change] = [Put(f"layers/{hexadecimal(key)}", layer.row()) for key, layer in fresh.items()]
        for id, item in zip(ids, new, strict=True):
            if id not in self.images:
                made = self.describe(id, parsed[id], item.parent, item.manifest)
                now = self.clock()
                self.images[id] = replace(made, added=now, last_used=now)
                rows.append(self._put(id))
            elif item.manifest and not self.images[id].manifest:
                self.images[id] = replace(self.images[id], manifest=item.manifest)
                rows.append(self._put(id))
        names = [(name, id) for id, item in zip(ids, new, strict=True) for name in item.names]
        same = not rows and all(self.references.get(str(name)) == id for name, id in names)
        rows += [*changes(), *self._name(names)]
        rows += [self._used(id, self.clock()) for id in dict.fromkeys(ids)]
        if rows:
            # That a name was given again to the image that has it, and its use, may be forgotten.
            self._store.apply(rows, durable=not same)
        return [self.images[id] for id in ids]

    def _all_known(self, layers: Iterable[str], ids: Sequence[str], new: Sequence[NewImage]) -> bool:
        """Whether nothing that the rows will name was written since the last sync."""
        return all(layer in self.layers for layer in layers) and all(
            id in self.images and not (item.manifest and not self.images[id].manifest)
            for id, item in zip(ids, new, strict=True)
        )

    def adopt(self, staging: Staging, layer: Layer) -> None:
        """Make a layer that another staging brought in part of this one as well."""
        staging.layers[layer.diff_id] = layer
        self.pin(staging, layer.diff_id)
        self.pin(staging, layer.blob)

    def release(self, staging: Staging) -> None:
        """End a staging; what it brought and no image took is removed."""
        for name in staging.pins:
            self._pins[name] -= 1
            if self._pins[name] <= 0:
                del self._pins[name]
        diff_ids = [diff_id for diff_id in staging.layers if diff_id not in self.layers]
        self.layer_files.remove(diff_id for diff_id in diff_ids if diff_id not in self._pins)
        known = self._known_blobs()
        for name in {*staging.pins, *(layer.blob for layer in staging.layers.values())}:
            if name not in known and name not in self._pins:
                self.blobs.delete(name)

    def use(self, image: Image) -> None:
        """A container or a build stands on it. May be forgotten: nobody's work fails for it."""
        now = self.clock()
        if image.id in self.images and abs(now - self.images[image.id].last_used) > USE_GRANULARITY:
            with suppress(Failed):
                self._store.apply([self._used(image.id, now)], durable=False)

    def _used(self, id: str, now: int) -> Put:
        self.images[id] = replace(self.images[id], last_used=now)
        return self._put(id)

    def _put(self, id: str) -> Put:
        return Put(f"images/{hexadecimal(id)}", self.images[id].row())

    def name(self, pairs: Iterable[tuple[Reference, str]]) -> None:
        """Point references at images, durably."""
        self._store.apply(self._name(pairs))

    def _name(self, pairs: Iterable[tuple[Reference, str]]) -> list[Change]:
        changes: list[Change] = []
        now = times.now()
        for reference, id in pairs:
            key = str(reference)
            before = self.references.get(key)
            self.references[key] = id
            changes.append(Put(f"references/{key}", {"image": id}))
            self.images[id] = replace(self.images[id], last_tagged=now)
            changes.append(self._put(id))
            for touched in {id, before} - {None}:
                self._refresh(touched)  # type: ignore[arg-type]
        return changes

    def unname(self, reference: Reference) -> None:
        key = str(reference)
        id = self.references.pop(key)
        self._store.apply([Delete(f"references/{key}")])
        self._refresh(id)

    def _refresh(self, id: str) -> None:
        if id not in self.images:
            return
        found = tuple(parse_key(key) for key, value in self.references.items() if value == id)
        self.images[id] = replace(self.images[id], references=found)

    def delete(self, id: str) -> None:
        """Remove an image, its names, and the layers and blobs nobody else needs."""
        image = self.images.pop(id)
        keys = [key for key, value in self.references.items() if value == id]
        for key in keys:
            del self.references[key]
        self.collect(
            [Delete(f"images/{hexadecimal(id)}"), *(Delete(f"references/{key}") for key in keys)],
            [id, image.manifest],
        )

    def collect(self, changes: Sequence[Change] = (), blobs: Sequence[str] = ()) -> None:
        """Remove layers that neither an image nor a container needs, in one transaction with `changes`."""
        used = {diff_id for image in self.images.values() for diff_id in image.diff_ids} | self.held()
        gone = [layer for diff_id, layer in self.layers.items() if diff_id not in used]
        for layer in gone:
            del self.layers[layer.diff_id]
        changes = [*changes, *(Delete(f"layers/{hexadecimal(layer.diff_id)}") for layer in gone)]
        if changes:
            self._store.apply(changes)
        self.layer_files.remove(layer.diff_id for layer in gone if layer.diff_id not in self._pins)
        self.drop_blobs({*blobs, *(layer.blob for layer in gone)} - {""})

    def drop_blobs(self, blobs: Iterable[str]) -> list[str]:
        """Delete those of `blobs` that nothing needs any more; returns them."""
        asked = set(blobs)
        gone = sorted(asked - self._known_blobs() - set(self._pins)) if asked else []
        for blob in gone:
            self.blobs.delete(blob)
        return gone


def hexadecimal(digest: str) -> str:
    return digest.removeprefix("sha256:")


def lookup_key(reference: Reference) -> str:
    """A reference with both tag and digest is looked up by its digest: what it names can't change."""
    return str(reference.with_digest(reference.digest) if reference.digest else reference)


def parse_key(key: str) -> Reference:
    return references.parse(key)


def display(text: str) -> str:
    """How Docker names an image that is not there."""
    if is_identifier(text):
        return f"sha256:{text}"
    if is_digest(text):
        return text
    return references.parse(text).with_default_tag().familiar
