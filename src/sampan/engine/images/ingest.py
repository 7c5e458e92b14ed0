"""Bring layers and blobs in: streams from a client or from an archive, into the store, on worker threads."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterable
from contextlib import asynccontextmanager
from typing import TypeVar

from sampan.engine.images.layerwriter import LayerWriter, Written
from sampan.engine.images.pipes import Aborted, Feed
from sampan.engine.images.store import ImageStore, Layer, Staging
from sampan.errors import Failed, SampanError

T = TypeVar("T")


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


async def add_layer(store: ImageStore, staged: Staging, chunks: AsyncIterator[bytes]) -> Layer:
    """A layer from a client's stream, compressed or not. Raises Failed for a bad archive."""
    return await _add(store, staged, lambda work: run_with_stream(chunks, work))


async def add_local_layer(store: ImageStore, staged: Staging, chunks: Iterable[bytes]) -> Layer:
    """A layer from bytes made on this machine; `chunks` is consumed in a thread."""

    def consume(work: Callable[[Iterable[bytes]], object]) -> object:
        try:
            return work(chunks)
        finally:
            # A packer that is left in the middle holds files open, and with them the space they take.
            if isinstance(chunks, Generator):
                chunks.close()

    return await _add(store, staged, lambda work: uncancelled(asyncio.to_thread(consume, work)))


async def _add(store: ImageStore, staged: Staging, run: Callable[..., object]) -> Layer:
    writer = LayerWriter(store)
    try:
        written: Written = await run(lambda stream: writer.unpack(stream))  # type: ignore[misc]
        diff_id = written.layer.diff_id
        store.pin(staged, diff_id)
        store.pin(staged, written.blob)
        if diff_id in store.layers:
            writer.discard()
            return store.reuse(staged, diff_id)
        layer = _layer(written)
        staged.layers[layer.diff_id] = layer
        await uncancelled(asyncio.to_thread(writer.commit, layer.diff_id))
        return layer
    except BaseException:
        writer.discard()
        raise


def _layer(written: Written) -> Layer:
    layer = written.layer
    return Layer(
        layer.diff_id, layer.size, layer.tar_size, written.blob, written.blob_size, written.media_type
    )


async def add_blob_layer(store: ImageStore, staged: Staging, diff_id: str, blob: str) -> Layer:
    """Unpack a layer that is in the content store already. Raises Failed when it is not `diff_id`."""
    if diff_id in store.layers:
        return store.reuse(staged, diff_id)
    store.pin(staged, diff_id)
    writer = LayerWriter(store)
    try:
        written = await uncancelled(asyncio.to_thread(writer.unpack_blob, blob))
        if written.layer.diff_id != diff_id:
            raise Failed(f"invalid diffID for layer: expected {diff_id}, got {written.layer.diff_id}")
        await uncancelled(asyncio.to_thread(writer.commit, diff_id))
    except BaseException:
        writer.discard()
        raise
    staged.layers[diff_id] = _layer(written)
    return staged.layers[diff_id]


async def restore_layers(store: ImageStore, diff_ids: Iterable[str]) -> None:
    """Unpack again, from the blobs they came as, layers that are gone; as many as can be."""
    for diff_id in diff_ids:
        writer = LayerWriter(store)
        try:
            written = await asyncio.to_thread(writer.unpack_blob, store.layers[diff_id].blob)
            if written.layer.diff_id == diff_id:
                # It has a row: once it has its name as well, it is believed to be whole.
                await asyncio.to_thread(store.layer_files.sync)
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
