"""Manifests as registries send them: hostile until checked. Pure.

OCI image-spec manifest.md, image-index.md.
"""

from dataclasses import dataclass
from typing import Any

import orjson

from sampan.http.transport import Refused
from sampan.specs.oci.digest import is_sha256
from sampan.specs.oci.image import (
    CONFIG,
    DOCKER_INDEX,
    DOCKER_MANIFEST,
    INDEX,
    LAYER,
    LAYER_GZIP,
    LAYER_ZSTD,
    MANIFEST,
)

MAX_MANIFEST = 4 << 20  # bytes, the least a registry must take and the most we do. distribution-spec
MAX_LAYERS = 1000
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar"
FOREIGN = ".foreign."
NONDISTRIBUTABLE = ".nondistributable."
SCHEMA1 = (
    "application/vnd.docker.distribution.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v1+prettyjws",
)
INDEXES = (INDEX, DOCKER_INDEX)
MANIFESTS = (MANIFEST, DOCKER_MANIFEST)
ACCEPT = ", ".join((DOCKER_MANIFEST, DOCKER_INDEX, MANIFEST, INDEX))
IMAGE_CONFIGS = (CONFIG, DOCKER_CONFIG)
# What servers send that do not know better; the document itself says what it is then.
VAGUE = ("", "application/json", "application/octet-stream", "text/plain", "binary/octet-stream")


@dataclass(frozen=True)
class Descriptor:
    """OCI image-spec descriptor.md, without its optional fields; `size` in bytes, and `media_type` may be
    empty.
    """

    media_type: str
    digest: str
    size: int


@dataclass(frozen=True)
class Fetched:
    """A manifest's bytes as they came, checked against their digest."""

    data: bytes
    media_type: str
    digest: str

    @property
    def is_index(self) -> bool:
        return self.media_type in INDEXES


@dataclass(frozen=True)
class ImageManifest:
    """OCI image-spec manifest.md, or Docker's schema 2, which says the same; the bottom layer comes first."""

    config: Descriptor
    layers: tuple[Descriptor, ...]
    subject: Descriptor | None = None

    @property
    def is_image(self) -> bool:
        """Whether it can run; otherwise it is an artifact, which is only kept."""
        return self.config.media_type in IMAGE_CONFIGS and all(
            _is_layer(layer.media_type) for layer in self.layers
        )


def _is_layer(media_type: str) -> bool:
    return media_type.startswith((LAYER, DOCKER_LAYER)) or media_type == "" or NONDISTRIBUTABLE in media_type


def identify(data: bytes, content_type: str) -> str:
    """The media type of a manifest, from the header and the document. Raises Refused when they disagree."""
    declared = content_type.partition(";")[0].strip().lower()
    if declared in SCHEMA1:
        raise Refused(
            "Docker Image Format v1 and Docker Image manifest version 2, schema 1 are not supported: "
            "push the image again with a newer client"
        )
    if declared not in (*INDEXES, *MANIFESTS, *VAGUE):
        raise Refused(f"unsupported manifest media type {declared[:100]!r}")
    document = document_of(data)
    own = document.get("mediaType") or ""
    if own and declared not in VAGUE and own != declared:
        raise Refused(f"the manifest calls itself {str(own)[:100]!r}, the registry {declared!r}")
    found = declared if declared not in VAGUE else own or (INDEX if "manifests" in document else MANIFEST)
    if found not in (*INDEXES, *MANIFESTS):
        raise Refused(f"unsupported manifest media type {str(found)[:100]!r}")
    # A document that is both could be read as either: OCI image-spec, CVE-2021-41190.
    wrong = ("layers", "config") if found in INDEXES else ("manifests",)
    if any(name in document for name in wrong):
        raise Refused("the manifest is ambiguous: it is both an image and an index")
    return found


def document_of(data: bytes) -> dict[str, Any]:
    """Checks only that it is an object of schemaVersion 2: its fields are still hostile. Raises Refused."""
    try:
        document = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise Refused(f"error unmarshalling content: {error}") from None
    if not isinstance(document, dict):
        raise Refused("error unmarshalling content: not an object")
    if document.get("schemaVersion") != 2:
        raise Refused(f"unsupported manifest schema version {str(document.get('schemaVersion'))[:20]}")
    return document


def parse_image(data: bytes) -> ImageManifest:
    """Raises Refused."""
    document = document_of(data)
    layers = document.get("layers")
    if not isinstance(layers, list) or len(layers) > MAX_LAYERS:
        raise Refused("invalid manifest: bad layers")
    subject = document.get("subject")
    return ImageManifest(
        descriptor(document.get("config")),
        tuple(descriptor(layer) for layer in layers),
        descriptor(subject) if subject is not None else None,
    )


def parse_index(data: bytes) -> list[dict[str, Any]]:
    """The descriptors, each checked. Raises Refused."""
    found = document_of(data).get("manifests")
    if not isinstance(found, list) or len(found) > MAX_LAYERS:
        raise Refused("invalid index: bad manifests")
    for item in found:
        descriptor(item)
        if not isinstance(item.get("platform") or {}, dict):
            raise Refused("invalid index: bad platform")
    return found


def descriptor(value: Any) -> Descriptor:
    """Raises Refused: digests go into paths and URLs."""
    if not isinstance(value, dict):
        raise Refused("invalid manifest: a descriptor is not an object")
    digest, size, kind = value.get("digest"), value.get("size"), value.get("mediaType") or ""
    if not isinstance(digest, str) or not is_sha256(digest):
        raise Refused(f"invalid manifest: bad digest {str(digest)[:100]!r}")
    if not isinstance(size, int) or isinstance(size, bool) or size < 0 or size >= 1 << 50:
        raise Refused(f"invalid manifest: bad size {str(size)[:40]!r} of {digest}")
    if not isinstance(kind, str) or len(kind) > 255:
        raise Refused(f"invalid manifest: bad media type of {digest}")
    return Descriptor(kind, digest, size)


def make(config: Descriptor, layers: list[Descriptor], *, docker: bool = False) -> bytes:
    """An image manifest: the same image gives the same bytes."""
    document = {
        "schemaVersion": 2,
        "mediaType": DOCKER_MANIFEST if docker else MANIFEST,
        "config": _document(config),
        "layers": [_document(layer) for layer in layers],
    }
    return orjson.dumps(document, option=orjson.OPT_INDENT_2)


def _document(item: Descriptor) -> dict[str, Any]:
    return {"mediaType": item.media_type, "size": item.size, "digest": item.digest}


def oci_layer(compression: str) -> str:
    """The media type for "", "gzip" or "zstd". Raises KeyError for any other compression."""
    return {"": LAYER, "gzip": LAYER_GZIP, "zstd": LAYER_ZSTD}[compression]
