"""Images in OCI layouts that the requester has: `--build-context NAME=oci-layout://PATH[:TAG][@DIGEST]`.

buildx offers the layout as a store of blobs in its session, under an id it makes up: `oci-layout://ID:TAG@DIGEST`
(BuildKit's session/content). Our own API names a directory: `oci-layout:NAME[:TAG][@DIGEST]`.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from sampan.builder.requester import Requester
from sampan.builder.solve.cache.locations import HasBlobs, Layout, Offered, Place
from sampan.engine.images.ingest import add_layer
from sampan.engine.images.store import ImageStore, Staging
from sampan.errors import Failed, Invalid
from sampan.images import config as configs
from sampan.images.registry.manifests import Descriptor, descriptor, document_of, parse_image, parse_index
from sampan.specs.oci import platform as platforms
from sampan.specs.oci.image import ImageConfig
from sampan.specs.oci.platform import Platform

SCHEME = "oci-layout:"
MOST_INDEXES = 3  # an index within an index is allowed, without end it is not


@dataclass(frozen=True)
class LayoutImage:
    """Its layers are in the staging; it has no name, and is no image of the store."""

    id: str
    config: ImageConfig
    diff_ids: tuple[str, ...]


@dataclass(frozen=True)
class Source:
    store: str
    offered: bool  # as a store of blobs in a session
    attrs: dict[str, str]

    @classmethod
    def parse(cls, text: str) -> "Source":
        rest = text.removeprefix(SCHEME)
        name, _, digest = rest.removeprefix("//").partition("@")
        store, _, tag = name.partition(":")
        return cls(store, rest.startswith("//"), {"tag": tag, "digest": digest})


async def bring(
    source: str, platform: Platform, requester: Requester, store: ImageStore, staging: Staging
) -> LayoutImage:
    """Raises NotFound, Invalid, Failed."""
    parsed = Source.parse(source)
    async with opened(parsed, requester) as place:
        manifest = parse_image(await manifest_for(place, parsed, platform))
        config = configs.parse(await place.small(manifest.config))
        diff_ids = tuple(config["rootfs"]["diff_ids"])
        if len(diff_ids) != len(manifest.layers):
            raise Invalid(f"{source}: the config speaks of other layers than the manifest")
        for diff_id, blob in zip(diff_ids, manifest.layers, strict=True):
            await bring_layer(place, blob, diff_id, store, staging)
    return LayoutImage(manifest.config.digest, config, diff_ids)


@asynccontextmanager
async def opened(source: Source, requester: Requester) -> AsyncIterator[Place]:
    if source.offered:
        if not isinstance(requester, HasBlobs):
            raise Invalid(f"no content store {source.store}")
        yield Offered(requester, f"oci:{source.store}")
    else:
        async with requester.directory(source.store) as directory:
            yield Layout(directory.path)


async def manifest_for(place: Place, source: Source, platform: Platform) -> bytes:
    """Through indexes, to the one of a platform."""
    data = await place.manifest(source.attrs)
    for _ in range(MOST_INDEXES):
        if "manifests" not in document_of(data):
            return data
        chosen = descriptor(platforms.choose(parse_index(data), platform))
        data = await place.small(chosen)
    raise Invalid(f"{source.store}: too many indexes within each other")


async def bring_layer(
    place: Place, blob: Descriptor, diff_id: str, store: ImageStore, staging: Staging
) -> None:
    if diff_id in staging.layers:
        return
    if diff_id in store.layers:
        store.reuse(staging, diff_id)
        return
    layer = await add_layer(store, staging, place.chunks(blob))
    if layer.diff_id != diff_id:
        raise Failed(f"invalid diffID for layer: expected {diff_id}, got {layer.diff_id}")
