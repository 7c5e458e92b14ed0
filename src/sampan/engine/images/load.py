"""`docker load`: archives of `docker save` and OCI layouts, compressed or not, one image or many."""

import asyncio
from collections.abc import AsyncIterator, Iterable

import orjson

from sampan.engine.images import progress
from sampan.engine.images.ingest import add_blob_layer, run_with_stream, staging
from sampan.engine.images.progress import Send
from sampan.engine.images.store import Image, ImageStore, NewImage, Staging, hexadecimal
from sampan.errors import Failed
from sampan.images import config as image_config
from sampan.images.archives import Archive, ArchivedImage
from sampan.images.blobs import BlobStore
from sampan.images.compression import decompressed
from sampan.images.tarread import HARDLINK, REGULAR, SYMLINK, TarReader
from sampan.images.unpack import clean
from sampan.specs.oci import digest as digests
from sampan.specs.oci.platform import Platform
from sampan.specs.oci.reference import Reference

MAX_MEMBERS = 100_000
PARALLEL = 2  # layers unpacked at once


async def load(
    store: ImageStore, chunks: AsyncIterator[bytes], *, platform: Platform, quiet: bool, send: Send
) -> list[Image]:
    """All images of an archive, in one transaction. Raises Failed for a bad archive."""
    async with staging(store) as staged:
        found: list[tuple[str, str]] = []
        try:
            members = await run_with_stream(chunks, lambda stream: ingest_members(store.blobs, stream, found))
        finally:
            for _, digest in found:
                store.pin(staged, digest)
        archive = Archive(members, store.blobs.read, store.blobs.size)
        archived = await asyncio.to_thread(archive.images, platform)
        for item in archived:
            await _add_layers(store, staged, item, quiet, send)
        new = [NewImage(store.blobs.read(item.config), item.names, item.parent) for item in archived]
        before = dict(store.references)
        images = await store.commit(staged, [_with_checked_parent(item, new) for item in new])
        for item, image in zip(archived, images, strict=True):
            await _report(image, item.names, before, send)
        return images


def ingest_members(blobs: BlobStore, chunks: Iterable[bytes], found: list[tuple[str, str]]) -> dict[str, str]:
    """Every file of the archive becomes a blob. Blocks. Returns path -> digest; `found` even on failure."""
    links: dict[str, str] = {}
    reader = TarReader(decompressed(chunks))
    for entry in reader:
        parts = clean(entry.name)
        path = b"/".join(parts).decode(errors="surrogateescape")
        if entry.type == REGULAR and entry.sparse is None:
            ingest = blobs.ingest()
            try:
                for piece in reader.data():
                    ingest.write(piece)
                found.append((path, ingest.commit(sync=False)))
            finally:
                ingest.abort()
        elif entry.type in (SYMLINK, HARDLINK):
            # Before Docker 25, a layer that another image had as well was a link to that one's.
            base = b"/".join(parts[:-1]) + b"/" if entry.type == SYMLINK else b""
            links[path] = b"/".join(clean(base + entry.linkname)).decode(errors="surrogateescape")
        if len(found) + len(links) > MAX_MEMBERS:
            raise Failed(f"invalid archive: more than {MAX_MEMBERS} files")
    members = dict(found)
    for path, target in links.items():
        if target in members:
            members.setdefault(path, members[target])
    return members


async def _add_layers(
    store: ImageStore, staged: Staging, image: ArchivedImage, quiet: bool, send: Send
) -> None:
    diff_ids = image_config.parse(store.blobs.read(image.config))["rootfs"].get("diff_ids") or []
    if len(diff_ids) != len(image.layers):
        raise Failed(
            f"invalid manifest, layers length mismatch: expected {len(image.layers)}, got {len(diff_ids)}"
        )
    limit = asyncio.Semaphore(PARALLEL)

    async def add(diff_id: str, blob: str) -> None:
        async with limit:
            if diff_id in staged.layers:
                return
            known = diff_id in store.layers
            size = store.blobs.size(blob)
            if not quiet and not known:
                await send(progress.progress("Loading layer", hexadecimal(diff_id)[:12], 0, size))
            await add_blob_layer(store, staged, diff_id, blob)
            if not quiet and not known:
                await send(progress.progress("Loading layer", hexadecimal(diff_id)[:12], size, size))

    try:
        async with asyncio.TaskGroup() as group:
            for diff_id, blob in dict(zip(diff_ids, image.layers, strict=True)).items():
                group.create_task(add(diff_id, blob))
    except BaseExceptionGroup as group_error:
        raise group_error.exceptions[0] from None


def _with_checked_parent(item: NewImage, all: list[NewImage]) -> NewImage:
    """A parent counts only when it is in the archive and is this image without its last step."""
    if not item.parent:
        return item
    history = orjson.loads(item.config).get("history") or []
    for other in all:
        others = orjson.loads(other.config).get("history") or []
        if digests.of(other.config) == item.parent and history[:-1] == others:
            return item
    return NewImage(item.config, item.names)


async def _report(image: Image, names: tuple[Reference, ...], before: dict[str, str], send: Send) -> None:
    for name in names:
        previous = before.get(str(name), image.id)
        if previous != image.id:
            await send(
                progress.stream(
                    f"The image {name.familiar} already exists, renaming the old one with ID {previous} "
                    "to empty string\n"
                )
            )
        await send(progress.stream(f"Loaded image: {name.familiar}\n"))
    if not names:
        await send(progress.stream(f"Loaded image ID: {image.id}\n"))
