"""Layers as blobs of an archive: as they are here, or compressed as asked. Blocks."""

import asyncio
import hashlib
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TypeVar

from sampan.builder.export.attributes import Compression
from sampan.engine.images.save import layer_tar
from sampan.engine.images.store import ImageStore, Layer, Staging
from sampan.errors import Failed
from sampan.images.compression import compressed
from sampan.images.registry.manifests import Descriptor, oci_layer
from sampan.specs.oci.image import LAYER

CHUNK = 1 << 20
T = TypeVar("T")


@contextmanager
def writing(path: Path) -> Iterator[BinaryIO]:
    """A new file of an export. Raises Failed when the disk refuses."""
    try:
        with open(path, "wb") as file:
            yield file
    except OSError as error:
        raise Failed(f"export: write {path.name}: {error.strerror}") from error


@dataclass(frozen=True)
class LayerBlob:
    """`path` is None for the plain tar, which is read from the layer."""

    layer: Layer
    descriptor: Descriptor
    path: Path | None = None


class LayerBlobs:
    """Of one export; compressed forms are written below `directory`, which the caller removes."""

    def __init__(self, store: ImageStore, staging: Staging, directory: Path) -> None:
        self._store = store
        self._staged: Mapping[str, Layer] = staging.layers
        self._directory = directory
        self._stopped = threading.Event()
        self._made: dict[tuple[str, Compression], LayerBlob] = {}

    def layer(self, diff_id: str) -> Layer:
        return self._staged.get(diff_id) or self._store.layers[diff_id]

    def blob(self, diff_id: str, how: Compression) -> LayerBlob:
        """Raises Failed."""
        key = (diff_id, how)
        if key not in self._made:
            self._made[key] = self._make(self.layer(diff_id), how)
        return self._made[key]

    def _make(self, layer: Layer, how: Compression) -> LayerBlob:
        came = "" if layer.media_type == LAYER else layer.media_type.rpartition("+")[2].rpartition(".")[2]
        if came == how.type or (came and not how.force):
            if not came:
                return LayerBlob(layer, Descriptor(LAYER, layer.diff_id, layer.tar_size))
            descriptor = Descriptor(layer.media_type, layer.blob, layer.blob_size)
            return LayerBlob(layer, descriptor, self._store.blobs.path(layer.blob))
        if not how.type:
            return LayerBlob(layer, Descriptor(LAYER, layer.diff_id, layer.tar_size))
        return self._compress(layer, how)

    def _compress(self, layer: Layer, how: Compression) -> LayerBlob:
        digest = hashlib.sha256()
        size = 0
        path = self._directory / f"{layer.diff_id.removeprefix('sha256:')}.{how.type}"
        with writing(path) as file:
            for piece in compressed(self.plain(layer), how.type, how.level):
                digest.update(piece)
                size += len(piece)
                file.write(piece)
        descriptor = Descriptor(oci_layer(how.type), f"sha256:{digest.hexdigest()}", size)
        return LayerBlob(layer, descriptor, path)

    def plain(self, layer: Layer) -> Iterator[bytes]:
        """Raises Failed once `run` was cancelled."""
        for piece in layer_tar(self._store.blobs, self._store.layer_files, layer):
            if self._stopped.is_set():
                raise Failed("context canceled")
            yield piece

    async def run(self, work: Callable[[], T]) -> T:
        """`work` in a thread. Cancelled: it stops at the next piece of a layer, and is waited for."""
        task = asyncio.ensure_future(asyncio.to_thread(work))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            self._stopped.set()
            await asyncio.gather(task, return_exceptions=True)
            raise

    def chunks(self, blob: LayerBlob) -> Iterator[bytes]:
        if blob.path is None:
            yield from self.plain(blob.layer)
            return
        with open(blob.path, "rb") as file:
            while piece := file.read(CHUNK):
                yield piece
