"""Layers as blobs of an archive: as they are here, or compressed as asked. Blocks."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from sampan.engine.builder.export.attributes import Compression
from sampan.engine.images.save import layer_tar
from sampan.engine.images.store import ImageStore, Layer, Staging
from sampan.images.compression import compressed
from sampan.images.registry.manifests import Descriptor, oci_layer
from sampan.specs.oci_image import LAYER

CHUNK = 1 << 20


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
        with open(path, "wb") as file:
            for piece in compressed(self.plain(layer), how.type, how.level):
                digest.update(piece)
                size += len(piece)
                file.write(piece)
        descriptor = Descriptor(oci_layer(how.type), f"sha256:{digest.hexdigest()}", size)
        return LayerBlob(layer, descriptor, path)

    def plain(self, layer: Layer) -> Iterator[bytes]:
        return layer_tar(self._store.blobs, self._store.layer_files, layer)

    def chunks(self, blob: LayerBlob) -> Iterator[bytes]:
        if blob.path is None:
            yield from self.plain(blob.layer)
            return
        with open(blob.path, "rb") as file:
            while piece := file.read(CHUNK):
                yield piece
