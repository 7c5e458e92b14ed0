"""Bring layers and blobs in: streams from a client or from an archive, into the store, on worker threads."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import TypeVar

from sampan.engine.images.feed import Aborted, Feed
from sampan.engine.images.store import ImageStore, Layer, Staging
from sampan.errors import Failed, SampanError
from sampan.images.blobs import tee
from sampan.images.compression import decompressed, detect, peek
from sampan.images.unpack import Unpacked, unpack
from sampan.specs.oci_image import LAYER, LAYER_GZIP, LAYER_ZSTD
from sampan.storage.layers import Prepared

T = TypeVar("T")
MEDIA_TYPES = {"": LAYER, "gzip": LAYER_GZIP, "zstd": LAYER_ZSTD}


@asynccontextmanager
async def staging(store: ImageStore) -> AsyncIterator[Staging]:
    """What is brought in inside belongs to an image at the end, or is removed."""
    staged = Staging()
    try:
        yield staged
    finally:
        store.release(staged)


async def run_with_stream(chunks: AsyncIterator[bytes], work: Callable[[Iterable[bytes]], T]) -> T:
    """Run `work` in a thread on what arrives asynchronously; an error or cancellation ends both."""
    feed = Feed(asyncio.get_running_loop())
    worker = asyncio.create_task(asyncio.to_thread(feed.run, work))
    try:
        await feed.fill(chunks)
        return await asyncio.shield(worker)
    except BaseException as error:
        feed.fail(error)
        # The thread owns files that are about to be removed: wait for it to let go.
        await asyncio.wait([worker])
        cause = None if worker.cancelled() else worker.exception()
        if cause is None or isinstance(cause, Aborted) or isinstance(error, asyncio.CancelledError):
            raise
        raise cause from None


class LayerWriter:
    """Unpacks one layer and keeps the bytes it came as, if they are not a blob already."""

    def __init__(self, store: ImageStore) -> None:
        self._store = store
        self._prepared: Prepared = store.layer_files.prepare()

    def unpack(self, chunks: Iterable[bytes]) -> tuple[Unpacked, str, int, str]:
        """Blocks. Returns what came out, and the digest, size and media type of the blob that was kept."""
        head, stream = peek(chunks)
        compression = detect(head)
        ingest = self._store.blobs.ingest()
        try:
            if compression in MEDIA_TYPES:
                result = unpack(decompressed(tee(stream, ingest)), str(self._prepared.fs))
            else:
                # bzip2 and xz are no layer media types: what is kept is the tar itself.
                result = unpack(tee(decompressed(stream), ingest), str(self._prepared.fs))
            size = ingest.size
            return result, ingest.commit(sync=False), size, MEDIA_TYPES.get(compression, LAYER)
        finally:
            ingest.abort()

    def unpack_blob(self, digest: str) -> tuple[Unpacked, str]:
        """Blocks. The same from a blob that is there; returns its media type as well."""
        head, stream = peek(self._store.blobs.chunks(digest))
        result = unpack(decompressed(stream), str(self._prepared.fs))
        return result, MEDIA_TYPES.get(detect(head), LAYER)

    def commit(self, diff_id: str) -> None:
        self._store.layer_files.commit(self._prepared, diff_id)

    def discard(self) -> None:
        self._store.layer_files.discard(self._prepared)


async def add_layer(store: ImageStore, staged: Staging, chunks: AsyncIterator[bytes]) -> Layer:
    """A layer from a client's stream, compressed or not. Raises Failed for a bad archive."""
    return await _add(store, staged, lambda work: run_with_stream(chunks, work))


async def add_local_layer(store: ImageStore, staged: Staging, chunks: Iterable[bytes]) -> Layer:
    """A layer from bytes made on this machine; `chunks` is consumed in a thread."""
    return await _add(store, staged, lambda work: uncancelled(asyncio.to_thread(work, chunks)))


async def _add(store: ImageStore, staged: Staging, run: Callable[..., object]) -> Layer:
    writer = LayerWriter(store)
    try:
        result, blob, blob_size, media_type = await run(lambda stream: writer.unpack(stream))  # type: ignore
        store.pin(staged, result.diff_id)
        store.pin(staged, blob)
        if result.diff_id in store.layers:
            writer.discard()
            return store.reuse(staged, result.diff_id)
        layer = Layer(result.diff_id, result.size, result.tar_size, blob, blob_size, media_type)
        staged.layers[layer.diff_id] = layer
        await uncancelled(asyncio.to_thread(writer.commit, layer.diff_id))
        return layer
    except BaseException:
        writer.discard()
        raise


async def add_blob_layer(store: ImageStore, staged: Staging, diff_id: str, blob: str) -> Layer:
    """Unpack a layer that is in the content store already. Raises Failed when it is not `diff_id`."""
    if diff_id in store.layers:
        return store.reuse(staged, diff_id)
    store.pin(staged, diff_id)
    size = store.blobs.size(blob)
    writer = LayerWriter(store)
    try:
        result, media_type = await uncancelled(asyncio.to_thread(writer.unpack_blob, blob))
        if result.diff_id != diff_id:
            raise Failed(f"invalid diffID for layer: expected {diff_id}, got {result.diff_id}")
        await uncancelled(asyncio.to_thread(writer.commit, diff_id))
    except BaseException:
        writer.discard()
        raise
    staged.layers[diff_id] = Layer(diff_id, result.size, result.tar_size, blob, size, media_type)
    return staged.layers[diff_id]


async def restore_layers(store: ImageStore, diff_ids: Iterable[str]) -> None:
    """Unpack again, from the blobs they came as, layers whose directory is gone; as many as can be."""
    for diff_id in diff_ids:
        writer = LayerWriter(store)
        try:
            result, _ = await asyncio.to_thread(writer.unpack_blob, store.layers[diff_id].blob)
            if result.diff_id == diff_id:
                await asyncio.to_thread(writer.commit, diff_id)
                continue
        except SampanError:
            pass
        writer.discard()


async def uncancelled(work: Awaitable[T]) -> T:
    """Await a thread to its end even when cancelled meanwhile: what it writes is removed afterwards."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise
