"""`docker save`: one tar that is both what Docker loads (manifest.json) and an OCI image layout (index.json).

The same images give the same bytes: names are sorted and every member is dated 1970.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from sampan.engine.images.store import Image, ImageStore, Layer, hexadecimal
from sampan.errors import Failed, NotFound
from sampan.images.blobs import CHUNK, BlobStore
from sampan.images.compression import decompressed
from sampan.images.tarread import DIRECTORY, REGULAR, Entry
from sampan.images.tarwrite import END, header, padding
from sampan.specs.oci import digest as digests
from sampan.specs.oci import platform as platforms
from sampan.specs.oci import reference as references
from sampan.specs.oci.image import CONFIG, CONTAINERD_NAME, INDEX, LAYER, MANIFEST, REF_NAME
from sampan.specs.oci.platform import Platform
from sampan.specs.oci.reference import Reference
from sampan.storage.layers import LayerStore

LAYOUT = b'{"imageLayoutVersion": "1.0.0"}'


@dataclass(frozen=True)
class Saved:
    image: Image
    names: tuple[Reference, ...]


def choose(store: ImageStore, names: Sequence[str]) -> list[Saved]:
    """The images asked for, each with the tags it is saved under.

    A repository without a tag stands for all its tags, an ID for the image without a name. Raises NotFound,
    Invalid.
    """
    chosen: dict[str, set[Reference]] = {}
    for name in names:
        for image, reference in _resolve(store, name):
            chosen.setdefault(image.id, set()).update([reference] if reference else [])
    return [Saved(store.images[id], tuple(sorted(found, key=str))) for id, found in chosen.items()]


def _resolve(store: ImageStore, name: str) -> Iterator[tuple[Image, Reference | None]]:
    if digests.is_identifier(name) or digests.is_digest(name):
        image = store.find(name)
        if image is None:
            raise NotFound(f"No such image: {name}")
        yield image, None
        return
    reference = references.parse(name)
    if reference.tag is None and reference.digest is None:
        found = [
            (image, other)
            for image in store.images.values()
            for other in image.references
            if other.name == reference.name and other.tag
        ]
        if found:
            yield from found
            return
    image = store.find(name)
    if image is None:
        raise NotFound(f"No such image: {name}")
    # Found by the beginning of its ID, or by digest: saved without a name.
    known = reference in image.references and reference.tag
    yield image, reference if known else None


def for_platform(saved: Sequence[Saved], platform: Platform | None) -> None:
    """Raises NotFound when one of the images is for another platform than asked."""
    for item in saved:
        if platform and not platforms.matches(dict(item.image.config), platform):
            name = item.names[0].familiar if item.names else item.image.id
            raise NotFound(
                f"image with reference {name} was found but does not provide the specified platform "
                f"({platform})"
            )


def archive(
    blobs: BlobStore,
    layers_on_disk: LayerStore,
    known: dict[str, Layer],
    saved: Sequence[Saved],
) -> Iterator[bytes]:
    """The tar in pieces of up to 1 MB. Blocks. Its blobs and layers must stay while it is read."""
    manifests = {item.image.id: _manifest(blobs, known, item.image) for item in saved}
    small = {digests.of(data): data for data in manifests.values()}
    layers = {diff_id for item in saved for diff_id in item.image.diff_ids}
    yield directory_member("blobs") + directory_member("blobs/sha256")
    for digest in sorted({*small, *layers, *manifests}):
        path = f"blobs/sha256/{hexadecimal(digest)}"
        if digest in small:
            yield file_member(path, small[digest])
        elif digest in manifests:
            yield file_member(path, blobs.read(digest))
        else:
            yield from _layer(layer_tar(blobs, layers_on_disk, known[digest]), path, known[digest])
    yield file_member("index.json", orjson.dumps(_index(saved, manifests)))
    yield file_member("manifest.json", orjson.dumps([_docker(known, item, saved) for item in saved] or None))
    yield file_member("oci-layout", LAYOUT)
    if repositories := _repositories(saved):
        yield file_member("repositories", orjson.dumps(repositories))
    yield END


def layer_tar(blobs: BlobStore, layers: LayerStore, layer: Layer) -> Iterator[bytes]:
    """What the layer's diff ID is the digest of: as it lies there, or inflated again."""
    tar = layers.tar(layer.diff_id)
    if tar is None:
        yield from decompressed(blobs.chunks(layer.blob))
        return
    with open(tar, "rb") as file:
        while piece := file.read(CHUNK):
            yield piece


def _layer(tar: Iterator[bytes], path: str, layer: Layer) -> Iterator[bytes]:
    """The uncompressed tar: Docker names layers in an archive by their diff ID."""
    yield file_header(path, layer.tar_size)
    written = 0
    for piece in tar:
        written += len(piece)
        yield piece
    if written != layer.tar_size:
        raise Failed(f"layer {layer.diff_id} is {written} bytes long, not {layer.tar_size}")
    yield padding(written)


def _manifest(blobs: BlobStore, known: dict[str, Layer], image: Image) -> bytes:
    layers = [
        {"mediaType": LAYER, "digest": diff_id, "size": known[diff_id].tar_size} for diff_id in image.diff_ids
    ]
    config = {"mediaType": CONFIG, "digest": image.id, "size": blobs.size(image.id)}
    return orjson.dumps({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers})


def _index(saved: Sequence[Saved], manifests: dict[str, bytes]) -> dict[str, Any]:
    descriptors: list[dict[str, Any]] = []
    for item in saved:
        data = manifests[item.image.id]
        plain: dict[str, Any] = {"mediaType": MANIFEST, "digest": digests.of(data), "size": len(data)}
        for name in item.names:
            annotations = {CONTAINERD_NAME: str(name), REF_NAME: name.tag}
            descriptors.append({**plain, "annotations": annotations})
        if not item.names:
            descriptors.append(plain)
    return {"schemaVersion": 2, "mediaType": INDEX, "manifests": descriptors or None}


def _docker(known: dict[str, Layer], item: Saved, saved: Sequence[Saved]) -> dict[str, Any]:
    image = item.image
    layers = [f"blobs/sha256/{hexadecimal(diff_id)}" for diff_id in image.diff_ids]
    document: dict[str, Any] = {
        "Config": f"blobs/sha256/{hexadecimal(image.id)}",
        "RepoTags": [name.familiar for name in item.names] or None,
        "Layers": layers or None,
    }
    if image.parent and any(other.image.id == image.parent for other in saved):
        document["Parent"] = image.parent
    document["LayerSources"] = {
        diff_id: {"mediaType": LAYER, "size": known[diff_id].tar_size, "digest": diff_id}
        for diff_id in image.diff_ids
    }
    return document


def _repositories(saved: Sequence[Saved]) -> dict[str, dict[str, str]]:
    """What Docker before 1.10 read: repository, tag, top layer."""
    found: dict[str, dict[str, str]] = {}
    for item in saved:
        top = item.image.diff_ids[-1] if item.image.diff_ids else item.image.id
        for name in item.names:
            found.setdefault(name.familiar_name, {})[name.tag or ""] = hexadecimal(top)
    return found


def file_header(path: str, size: int) -> bytes:
    """What comes before `size` bytes of a file's data."""
    entry = Entry(path.encode(), REGULAR)
    entry.mode, entry.size = 0o644, size
    return header(entry)


def file_member(path: str, data: bytes) -> bytes:
    """With the padding to the next 512 bytes; mode 0644, owner and time 0, so that equal images give equal
    archives.
    """
    return file_header(path, len(data)) + data + padding(len(data))


def directory_member(path: str) -> bytes:
    """`path` is without the slash that ends it in the archive; mode 0755, owner and time 0."""
    entry = Entry(path.encode() + b"/", DIRECTORY)
    entry.mode = 0o755
    return header(entry)
