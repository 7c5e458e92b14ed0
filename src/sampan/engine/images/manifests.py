"""The manifest of an image that was made here: what a registry, or one that shares our store, is told."""

from collections.abc import Iterable

from sampan.engine.images.store import Image, ImageStore, Layer
from sampan.images.registry import manifests
from sampan.images.registry.manifests import DOCKER_CONFIG, Descriptor
from sampan.specs.oci.image import CONFIG, DOCKER_MANIFEST, LAYER, LAYER_GZIP, MANIFEST

DOCKER_TYPES = {
    LAYER: manifests.DOCKER_LAYER,
    LAYER_GZIP: f"{manifests.DOCKER_LAYER}.gzip",
}


def kept(layer: Layer) -> Descriptor:
    """The blob a layer came as."""
    return Descriptor(layer.media_type, layer.blob, layer.blob_size)


def manifest_of(store: ImageStore, image: Image) -> tuple[str, bytes]:
    """(media type, bytes): the one it was pulled by, or one of the blobs that are here. Deterministic."""
    if image.manifest and store.blobs.exists(image.manifest):
        data = store.blobs.read(image.manifest)
        return manifests.identify(data, ""), data
    return build(store, image, [kept(store.layers[diff_id]) for diff_id in image.diff_ids])


def build(store: ImageStore, image: Image, layers: Iterable[Descriptor]) -> tuple[str, bytes]:
    """A manifest with these layers: Docker's where Docker has a name for each, else OCI's."""
    found = list(layers)
    size = store.blobs.size(image.id)
    if all(layer.media_type == LAYER_GZIP or layer.media_type in DOCKER_TYPES.values() for layer in found):
        named = [
            Descriptor(DOCKER_TYPES.get(layer.media_type, layer.media_type), layer.digest, layer.size)
            for layer in found
        ]
        config = Descriptor(DOCKER_CONFIG, image.id, size)
        return DOCKER_MANIFEST, manifests.make(config, named, docker=True)
    return MANIFEST, manifests.make(Descriptor(CONFIG, image.id, size), found)
