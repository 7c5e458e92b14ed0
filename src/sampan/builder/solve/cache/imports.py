"""`--cache-from`: records of other machines, whose layers are brought in only when a step needs them.

An image that a classic client names is looked for here, then in its registry, and is also known by its
history (cache/ancestors.py).

A cache that is not there, is not ours or cannot be read is no failure: its vertex shows why, and the build
goes on without, as BuildKit's do.
"""

import asyncio
import base64
import binascii
from collections.abc import Awaitable, Callable, Container, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import orjson

from sampan.builder.credentials import credentials_for
from sampan.builder.execute.cachemounts import CacheMounts, Wanted
from sampan.builder.options import CacheOption
from sampan.builder.plan.graph import Plan, Step
from sampan.builder.progress import Progress, now
from sampan.builder.requester import Requester
from sampan.builder.solve.cache import portable
from sampan.builder.solve.cache.ancestors import Ancestor, Histories, ancestor
from sampan.builder.solve.cache.locations import HasBlobs, Layout, Offered, Place
from sampan.builder.solve.cache.portable import Document, Portable, PortableMount
from sampan.builder.solve.cache.records import Details, Record, new_id
from sampan.builder.solve.cache.store import Cache, Lease
from sampan.builder.solve.vertices import vertex_progress
from sampan.engine.images import Image, Images
from sampan.engine.images.ingest import add_layer
from sampan.errors import Failed, Invalid, NotFound, SampanError
from sampan.images import config as image_config
from sampan.images.compression import decompressed
from sampan.images.registry.client import Repository
from sampan.images.registry.manifests import Descriptor, Fetched, ImageManifest, parse_image, parse_index
from sampan.specs.oci import platform as platforms
from sampan.specs.oci import reference as references
from sampan.specs.oci.image import ImageConfig
from sampan.specs.oci.platform import Platform
from sampan.specs.oci.reference import Reference

Bring = Callable[[str], Awaitable[None]]  # a layer, by diff ID, into the staging


@dataclass(frozen=True)
class Imported:
    """One cache, opened for a build."""

    document: Document
    bring: Bring
    plain: Callable[[str], Awaitable[Iterator[bytes]]] | None = None


class Imports:
    """All of one build's `--cache-from`."""

    def __init__(
        self,
        images: Images,
        cache: Cache,
        lease: Lease,
        requester: Requester,
        progress: Progress,
        mounts: CacheMounts,
        plan: Plan,
    ) -> None:
        self._histories = Histories(plan)
        self._ancestors: list[tuple[Ancestor, Bring]] = []
        self._images = images
        self._cache = cache
        self._lease = lease
        self._requester = requester
        self._progress = progress
        self._mounts = mounts
        self._by_key: dict[str, tuple[Portable, Imported]] = {}

    async def open(self, stack: AsyncExitStack, options: Sequence[CacheOption], salt: str) -> None:
        """Read what records there are; `stack` keeps directories open as long as the build takes."""
        await asyncio.gather(*(self._open(stack, option, salt) for option in options))

    async def _open(self, stack: AsyncExitStack, option: CacheOption, salt: str) -> None:
        name = option.attrs.get("ref") or option.attrs.get("src") or option.type
        vertex = vertex_progress(self._progress, salt, f"importing cache manifest from {name}")
        vertex.announce()
        vertex.start()
        try:
            if option.type == "registry":
                found = await self._registry(option.attrs.get("ref", ""))
            elif option.type == "image":
                found = await self._image(option.attrs.get("ref", ""))
            elif option.type == "local":
                found = await self._local(stack, option)
            else:
                raise Invalid(f"unknown cache importer: {option.type}")
        except SampanError as error:
            vertex.finish(error=f"failed to configure {option.type} cache importer: {error.message}")
            return
        if found is not None:
            for record in found.document.records:
                for key in record.keys:
                    self._by_key.setdefault(key, (record, found))
            for mount in found.document.mounts:
                await self._restore(mount, found)
        vertex.finish()

    def knows(self, key: str) -> bool:
        """Whether a record answers, as far as its layers can be had."""
        return key in self._by_key

    async def find(self, key: str, within: Container[str] | None = None) -> Record | None:
        """A record that answers, its layers here. One whose layers cannot be had is forgotten.

        `within`: diff IDs; a record that needs others is left alone.
        """
        while (entry := self._by_key.get(key)) is not None:
            found, source = entry
            if within is not None and not all(diff_id in within for diff_id in found.layers):
                return None
            try:
                await self._bring(found.layers, source.bring)
            except SampanError:
                for other in found.keys:
                    self._by_key.pop(other, None)
                continue
            return self._cache.find(self._lease, key) or self._add(found)
        return None

    def ancestors(self, step: Step, below: Sequence[str]) -> dict[str, Bring]:
        """Layers that images have for a step that stands on `below`, by diff ID, and how they come here."""
        found: dict[str, Bring] = {}
        for image, bring in self._ancestors:
            if not platforms.matches(dict(image.config), _platform(step)):
                continue
            if layer := self._histories.layer(step, below, image):
                found.setdefault(layer, bring)
        return found

    async def take(self, layer: str, bring: Bring) -> bool:
        """Bring one of `ancestors` in; whether it could be had."""
        try:
            await self._bring([layer], bring)
        except SampanError:
            return False
        return True

    async def _bring(self, layers: Sequence[str], bring: Bring) -> None:
        staging, store = self._lease.staging, self._images.store
        for diff_id in layers:
            if diff_id in staging.layers:
                continue
            if diff_id in store.layers:
                store.reuse(staging, diff_id)
            else:
                await bring(diff_id)

    def _add(self, found: Portable) -> Record:
        staging = self._lease.staging
        size = staging.layers[found.layers[-1]].size if found.layers else 0
        record = Record(
            id=new_id(),
            keys=found.keys,
            description=found.description,
            layers=found.layers,
            size=size,
            created=now(),
            last_used=now(),
            uses=1,
            place=found.place,
            instruction=found.instruction,
        )
        self._cache.add(self._lease, record, Details())
        return record

    async def _restore(self, mount: PortableMount, source: Imported) -> None:
        """What a cache mount held elsewhere, unless there is one here."""
        if source.plain is None or self._mounts.has(mount.key):
            return
        chunks = await source.plain(mount.layer)
        wanted = Wanted(
            key=mount.key, id=mount.id, sharing="shared", mode=mount.mode, uid=mount.uid, gid=mount.gid
        )
        await self._mounts.restore(wanted, lambda: chunks)

    # Images

    async def _image(self, ref: str) -> Imported | None:
        """Raises what the registry says."""
        image = self._images.store.find(ref)
        if image is not None:
            self._add_ancestor(image.config, _not_here)
            return self._inline(image)
        reference = references.parse(ref).with_default_tag()
        found = await self._fetch(reference)
        if found.manifest.config.media_type == portable.CONFIG_TYPE:
            return self._remote(found.config, found)
        config = image_config.parse(found.config)
        layers = dict(zip(config["rootfs"].get("diff_ids") or (), found.manifest.layers, strict=False))
        self._add_ancestor(config, self._downloading(layers, found.sources))
        inline = inline_of(found.config)
        return None if inline is None else self._remote(inline, found)

    def _add_ancestor(self, config: ImageConfig, bring: Bring) -> None:
        if (found := ancestor(config)) is not None:
            self._ancestors.append((found, bring))

    def _inline(self, image: Image) -> Imported | None:
        inline = inline_of(self._images.store.blobs.read(image.id))
        return None if inline is None else Imported(portable.load(inline), _not_here)

    # Registries

    async def _registry(self, ref: str) -> Imported | None:
        """Raises what the registry says."""
        reference = references.parse(ref).with_default_tag()
        try:
            found = await self._fetch(reference)
        except SampanError:
            image = self._images.store.find(str(reference))
            if image is not None and (here := self._inline(image)) is not None:
                return here
            raise
        if found.manifest.config.media_type == portable.CONFIG_TYPE:
            return self._remote(found.config, found)
        inline = inline_of(found.config)
        return None if inline is None else self._remote(inline, found)

    async def _fetch(self, reference: Reference) -> "_Found":
        """An image's manifest and config, or a cache's document in its place."""
        remote = self._images.remote
        credentials = await credentials_for(self._requester, reference)
        repositories = await remote.registries.repositories(reference, "pull", credentials)
        name = reference.digest or reference.tag or ""
        resolved = await remote.registries.resolve(repositories, name, reference)
        fetched = await self._manifest(resolved.fetched, resolved.sources)
        manifest = parse_image(fetched.data)
        source = resolved.sources[0]
        data = await source.small_blob(manifest.config.digest, manifest.config.size, portable.MAX_SIZE)
        return _Found(manifest, data, resolved.sources)

    async def _manifest(self, fetched: Fetched, sources: Sequence[Repository]) -> Fetched:
        if not fetched.is_index:
            return fetched
        host = platforms.host()
        chosen = platforms.choose(parse_index(fetched.data), host)
        return await sources[0].manifest(chosen["digest"])

    def _remote(self, data: bytes, found: "_Found") -> Imported:
        document = portable.load(data)
        if len(document.layers) > len(found.manifest.layers):
            raise Invalid("it speaks of layers that its manifest has not")
        blobs = dict(zip(document.layers, found.manifest.layers, strict=False))

        async def plain(diff_id: str) -> Iterator[bytes]:
            blob, downloads = blobs[diff_id], self._images.remote.downloads
            await downloads.blob(self._lease.staging, lambda line: None, found.sources, blob)
            return decompressed(self._images.store.blobs.chunks(blob.digest))

        return Imported(document, self._downloading(blobs, found.sources), plain)

    def _downloading(self, blobs: Mapping[str, Descriptor], sources: Sequence[Repository]) -> Bring:
        downloads = self._images.remote.downloads

        async def bring(diff_id: str) -> None:
            if diff_id not in blobs:
                raise NotFound(f"layer {diff_id} is in no manifest")
            await downloads.layer(self._lease.staging, lambda line: None, sources, blobs[diff_id], diff_id)

        return bring

    # Directories

    async def _local(self, stack: AsyncExitStack, option: CacheOption) -> Imported:
        """An OCI layout of the requester: its directory, or the blobs it offers. Raises NotFound, Invalid."""
        source = option.attrs.get("src", "")
        place: Place
        if isinstance(self._requester, HasBlobs):
            place = Offered(self._requester, f"local:{source}")
        else:
            directory = await stack.enter_async_context(self._requester.directory(source))
            place = Layout(directory.path)
        manifest = parse_image(await place.manifest(option.attrs))
        if manifest.config.media_type != portable.CONFIG_TYPE:
            raise Invalid(f"{manifest.config.media_type[:100]} is no cache of this builder")
        document = portable.load(await place.small(manifest.config))
        blobs = dict(zip(document.layers, manifest.layers, strict=False))

        async def bring(diff_id: str) -> None:
            store, staging = self._images.store, self._lease.staging
            layer = await add_layer(store, staging, place.chunks(blobs[diff_id]))
            if layer.diff_id != diff_id:
                raise Failed(f"invalid diffID for layer: expected {diff_id}, got {layer.diff_id}")

        async def plain(diff_id: str) -> Iterator[bytes]:
            return decompressed(iter([piece async for piece in place.chunks(blobs[diff_id])]))

        return Imported(document, bring, plain)


@dataclass(frozen=True)
class _Found:
    manifest: ImageManifest
    config: bytes
    sources: Sequence[Repository]


async def _not_here(diff_id: str) -> None:
    raise NotFound(f"layer {diff_id} is not here")


def _platform(step: Step) -> Platform:
    return platforms.parse(step.platform) if step.platform else platforms.host()


def inline_of(config: bytes) -> bytes | None:
    """The cache in an image's config, if there is one of ours."""
    try:
        found: Any = orjson.loads(config)
        text = found.get(portable.INLINE) if isinstance(found, dict) else None
        return base64.b64decode(text, validate=True) if isinstance(text, str) else None
    except (orjson.JSONDecodeError, binascii.Error):
        return None
