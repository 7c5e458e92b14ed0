"""`--output type=oci` and `type=docker`: an image layout in a tar or a directory. Blocks.

Equal results give equal bytes: members are sorted and dated 1970.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from sampan.builder.export import manifests
from sampan.builder.export.attributes import Attributes
from sampan.builder.export.layers import LayerBlob, LayerBlobs, writing
from sampan.builder.export.manifests import Document
from sampan.engine.images.save import LAYOUT, directory_member, file_header, file_member
from sampan.errors import Failed
from sampan.images.registry.manifests import INDEXES, Descriptor
from sampan.images.tarwrite import END, padding
from sampan.specs.oci import digest as digests
from sampan.specs.oci.image import CONFIG, CONTAINERD_NAME, INDEX, REF_NAME, ImageConfig

CREATED = "org.opencontainers.image.created"


@dataclass(frozen=True)
class Result:
    """One platform's image."""

    platform: str
    document: ImageConfig
    config: bytes  # the same, as bytes
    layers: tuple[str, ...]

    @property
    def id(self) -> str:
        return digests.of(self.config)


@dataclass(frozen=True)
class Layout:
    """All that goes into an archive. `top` is what its index names."""

    top: Document
    manifests: tuple[Document, ...]
    small: dict[str, bytes]  # by digest
    layers: dict[str, LayerBlob]  # by digest
    index: dict[str, Any]
    docker: list[dict[str, Any]] | None  # manifest.json

    @property
    def is_index(self) -> bool:
        return self.top.media_type in INDEXES

    def files(self, blobs: LayerBlobs) -> Iterator[tuple[str, int, Iterator[bytes]]]:
        """(path, size, content), sorted."""
        for digest in sorted({*self.small, *self.layers}):
            path = f"blobs/sha256/{digest.removeprefix('sha256:')}"
            if digest in self.small:
                yield path, len(self.small[digest]), iter((self.small[digest],))
            else:
                blob = self.layers[digest]
                yield path, blob.descriptor.size, blobs.chunks(blob)
        documents = {"index.json": orjson.dumps(self.index), "oci-layout": LAYOUT}
        if self.docker is not None:
            documents["manifest.json"] = orjson.dumps(self.docker)
        for path, data in sorted(documents.items()):
            yield path, len(data), iter((data,))


def layout(
    results: Sequence[Result],
    attributes: Attributes,
    blobs: LayerBlobs,
    *,
    docker: bool = False,
    several: bool = False,
) -> Layout:
    """`several`: an index, even of one platform. Compresses the layers if asked to. Raises Failed."""
    small: dict[str, bytes] = {}
    layers: dict[str, LayerBlob] = {}
    made: list[Document] = []
    for result in results:
        found = [blobs.blob(diff_id, attributes.compression) for diff_id in result.layers]
        layers |= {blob.descriptor.digest: blob for blob in found}
        small[result.id] = result.config
        document = manifests.manifest(
            Descriptor(CONFIG, result.id, len(result.config)),
            [blob.descriptor for blob in found],
            oci=attributes.oci,
            annotations=attributes.annotations.of_manifest(result.platform),
        )
        made.append(document)
        small[document.digest] = document.data
    top = made[0]
    if several or len(results) > 1:
        top = index_of(results, made, attributes)
        small[top.digest] = top.data
    return Layout(
        top=top,
        manifests=tuple(made),
        small=small,
        layers=layers,
        index=_index(top, results, attributes),
        docker=[_docker(results[0], made[0], attributes)] if docker else None,
    )


def index_of(results: Sequence[Result], made: Sequence[Document], attributes: Attributes) -> Document:
    """The index of several platforms' images."""
    annotations = attributes.annotations
    descriptors = [
        document.descriptor(
            annotations=annotations.of_descriptor(result.platform),
            platform=manifests.platform_of(dict(result.document)),
        )
        for result, document in zip(results, made, strict=True)
    ]
    return manifests.index(descriptors, oci=attributes.oci, annotations=annotations.index)


def _index(top: Document, results: Sequence[Result], attributes: Attributes) -> dict[str, Any]:
    more: dict[str, Any] = {}
    if top.media_type not in INDEXES:
        more["platform"] = manifests.platform_of(dict(results[0].document))
        common = attributes.annotations.of_descriptor(results[0].platform)
    else:
        common = dict(attributes.annotations.descriptor.get("index", {}))
    common[CREATED] = str(results[0].document.get("created", ""))
    descriptors: list[dict[str, Any]] = []
    for name in attributes.names:
        own = {CONTAINERD_NAME: str(name), REF_NAME: name.tag or ""}
        descriptors.append(top.descriptor(annotations=common | own, **more))
    if not descriptors:
        descriptors.append(top.descriptor(annotations=common, **more))
    return {"schemaVersion": 2, "mediaType": INDEX, "manifests": descriptors}


def _docker(result: Result, document: Document, attributes: Attributes) -> dict[str, Any]:
    layers = orjson.loads(document.data)["layers"]
    return {
        "Config": f"blobs/sha256/{result.id.removeprefix('sha256:')}",
        "RepoTags": [name.familiar for name in attributes.names] or None,
        "Layers": [f"blobs/sha256/{one['digest'].removeprefix('sha256:')}" for one in layers] or None,
    }


def archive(found: Layout, blobs: LayerBlobs) -> Iterator[bytes]:
    """The tar, in pieces."""
    yield directory_member("blobs") + directory_member("blobs/sha256")
    for path, size, chunks in found.files(blobs):
        if size < 1 << 16:
            yield file_member(path, b"".join(chunks))
            continue
        yield file_header(path, size)
        written = 0
        for piece in chunks:
            written += len(piece)
            yield piece
        if written != size:
            raise Failed(f"{path} is {written} bytes long, not {size}")
        yield padding(size)
    yield END


def write_directory(found: Layout, blobs: LayerBlobs, directory: Path) -> None:
    """The same as files: tar=false."""
    (directory / "blobs" / "sha256").mkdir(parents=True)
    for path, _, chunks in found.files(blobs):
        with writing(directory / path) as file:
            for piece in chunks:
                file.write(piece)
