"""Manifests and indexes of results: the same result gives the same bytes. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from sampan.images.registry.manifests import DOCKER_CONFIG, DOCKER_LAYER, Descriptor
from sampan.specs.oci import digest as digests
from sampan.specs.oci.image import (
    CONFIG,
    DOCKER_INDEX,
    DOCKER_MANIFEST,
    INDEX,
    LAYER,
    LAYER_GZIP,
    MANIFEST,
)

_DOCKER_LAYERS = {LAYER: DOCKER_LAYER, LAYER_GZIP: f"{DOCKER_LAYER}.gzip"}


@dataclass(frozen=True)
class Document:
    """A manifest or an index."""

    media_type: str
    data: bytes

    @property
    def digest(self) -> str:
        return digests.of(self.data)

    def descriptor(self, **more: Any) -> dict[str, Any]:
        """`more`: platform, annotations; left out when empty."""
        base = {"mediaType": self.media_type, "digest": self.digest, "size": len(self.data)}
        return base | {name: value for name, value in more.items() if value}


def manifest(
    config: Descriptor, layers: Sequence[Descriptor], *, oci: bool, annotations: Mapping[str, str]
) -> Document:
    """Docker's media types where Docker has one for each layer and `oci` is not asked for."""
    oci = oci or not all(layer.media_type in (*_DOCKER_LAYERS, *_DOCKER_LAYERS.values()) for layer in layers)
    media_type = MANIFEST if oci else DOCKER_MANIFEST
    own = {value: key for key, value in _DOCKER_LAYERS.items()} if oci else _DOCKER_LAYERS
    document: dict[str, Any] = {
        "schemaVersion": 2,
        "mediaType": media_type,
        "config": _plain(Descriptor(CONFIG if oci else DOCKER_CONFIG, config.digest, config.size)),
        "layers": [
            _plain(Descriptor(own.get(layer.media_type, layer.media_type), layer.digest, layer.size))
            for layer in layers
        ],
    }
    if annotations:
        document["annotations"] = dict(sorted(annotations.items()))
    return Document(media_type, orjson.dumps(document, option=orjson.OPT_INDENT_2))


def index(descriptors: Sequence[Mapping[str, Any]], *, oci: bool, annotations: Mapping[str, str]) -> Document:
    media_type = INDEX if oci else DOCKER_INDEX
    document: dict[str, Any] = {
        "schemaVersion": 2,
        "mediaType": media_type,
        "manifests": [dict(one) for one in descriptors],
    }
    if annotations:
        document["annotations"] = dict(sorted(annotations.items()))
    return Document(media_type, orjson.dumps(document, option=orjson.OPT_INDENT_2))


def platform_of(document: Mapping[str, Any]) -> dict[str, Any]:
    """A descriptor's platform, from an image's config document."""
    names = ("architecture", "os", "os.version", "os.features", "variant")
    return {name: document[name] for name in names if document.get(name)}


def _plain(item: Descriptor) -> dict[str, Any]:
    return {"mediaType": item.media_type, "digest": item.digest, "size": item.size}
