"""Layers on their way in: downloaded, checked and unpacked at the same time, once for all who want them."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from sampan.engine.images import progress, threads
from sampan.engine.images.ingest import add_blob_layer, staging, uncancelled
from sampan.engine.images.layerwriter import LayerWriter
from sampan.engine.images.lines import Put
from sampan.engine.images.progress import Line
from sampan.engine.images.store import ImageStore, Layer, Staging, hexadecimal
from sampan.engine.images.transfer import INTERVAL, Limits, Transfer
from sampan.errors import Failed
from sampan.images.blobs import KEEP_PARTIAL
from sampan.images.partial import Partial
from sampan.images.registry.client import Repository
from sampan.images.registry.manifests import Descriptor
from sampan.images.space import DiskFull
from sampan.images.unpack import Unpacked

# What a layer may unfold to: deflate's limit is 1032-fold; zstd has none, which is a bomb's way.
UNFOLD, UNFOLD_LEAST = 1100, 4 << 30


class WrongDigest(Failed):
    """Bytes came that are not the blob asked for."""


@dataclass(eq=False)
class Asker:
    """One pull that wants the layer."""

    staged: Staging
    put: Put


@dataclass(eq=False)
class Job:
    """One layer in work. It ends when nobody asks any more."""

    short: str
    askers: list[Asker] = field(default_factory=list)
    task: "asyncio.Task[Layer] | None" = None
    last: Line | None = None
    leaving: bool = False

    def tell(self, line: Line) -> None:
        self.last = line
        for asker in self.askers:
            asker.put(line)

    def status(self, text: str) -> None:
        self.tell({"status": text, "progressDetail": {}, "id": self.short})

    def progress(self, text: str, current: int, total: int) -> None:
        self.tell(progress.progress(text, self.short, current, total))


class Downloads:
    """All of one engine. `layer` may be asked for one blob by many at once."""

    def __init__(self, store: ImageStore, limits: Limits) -> None:
        self._store = store
        self._jobs: dict[str, Job] = {}
        self._trimming: asyncio.TimerHandle | None = None
        self.configure(limits)

    def configure(self, limits: Limits) -> None:
        """For downloads that start from now on."""
        self._limits = limits
        self._slots = asyncio.Semaphore(limits.downloads or 1000)

    def forget_partials(self) -> int:
        """Delete what came of downloads nobody goes on with; returns the bytes freed."""
        return self._store.blobs.forget_partials(set(self._jobs))

    async def stop(self) -> None:
        """End what is under way; what came stays for the next start."""
        if self._trimming is not None:
            self._trimming.cancel()
        tasks = [job.task for job in self._jobs.values() if job.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _ended(self, digest: str) -> None:
        """What came of a download that was cut is not kept for ever."""
        del self._jobs[digest]
        self._trim()

    def _trim(self) -> None:
        self._store.blobs.trim_partials(set(self._jobs))
        if self._trimming is not None:
            self._trimming.cancel()
        self._trimming = asyncio.get_running_loop().call_later(KEEP_PARTIAL, self._trim)

    async def layer(
        self, staged: Staging, put: Put, sources: Sequence[Repository], blob: Descriptor, diff_id: str
    ) -> Layer:
        """The layer, part of `staged`. Raises Failed, and what the registry answers."""
        while (job := self._jobs.get(blob.digest)) is not None and job.leaving and job.task:
            await asyncio.wait([job.task])
        if job is None:
            job = self._jobs[blob.digest] = Job(short_id(blob.digest))
            job.task = asyncio.create_task(self._work(job, sources, blob, diff_id))
        assert job.task is not None
        asker = Asker(staged, put)
        job.askers.append(asker)
        if job.last is not None:
            put(job.last)
        try:
            return await asyncio.shield(job.task)
        finally:
            job.askers.remove(asker)
            if not job.askers and not job.task.done():
                job.leaving = True
                job.task.cancel()
                await asyncio.wait([job.task])

    async def blob(self, staged: Staging, put: Put, sources: Sequence[Repository], blob: Descriptor) -> None:
        """A blob that is no layer, kept as it is."""
        store = self._store
        job = Job(short_id(blob.digest), [Asker(staged, put)])
        store.pin(staged, blob.digest)
        if store.blobs.exists(blob.digest):
            job.status("Already exists")
            return
        while (other := self._jobs.get(blob.digest)) is not None and other.task:
            await asyncio.wait([other.task])
        if store.blobs.exists(blob.digest):
            return
        self._jobs[blob.digest] = job
        job.task = asyncio.create_task(self._plain(job, sources, blob))
        try:
            await job.task
        finally:
            self._ended(blob.digest)

    async def _plain(self, job: Job, sources: Sequence[Repository], blob: Descriptor) -> Layer:
        job.status("Pulling fs layer")
        partial = Partial(self._store.blobs, blob.digest, blob.size)
        try:
            await self._download(job, sources, partial)
            job.status("Verifying Checksum")
            if (found := await uncancelled(asyncio.to_thread(partial.hash))) != blob.digest:
                partial.discard()
                raise WrongDigest(f"unexpected digest of a blob: expected {blob.digest}, got {found}")
            partial.commit()
            job.status("Download complete")
            return Layer("", 0, 0, blob.digest, blob.size, blob.media_type)
        except DiskFull:
            partial.discard()
            raise
        finally:
            partial.close()

    async def _work(self, job: Job, sources: Sequence[Repository], blob: Descriptor, diff_id: str) -> Layer:
        try:
            async with staging(self._store) as own:
                job.status("Pulling fs layer")
                layer = await self._fetch(job, own, sources, blob, diff_id)
                for asker in job.askers:
                    self._store.adopt(asker.staged, layer)
                job.status("Pull complete")
                return layer
        finally:
            self._ended(blob.digest)

    async def _fetch(
        self, job: Job, own: Staging, sources: Sequence[Repository], blob: Descriptor, diff_id: str
    ) -> Layer:
        store = self._store
        if store.blobs.exists(blob.digest) and store.blobs.size(blob.digest) == blob.size:
            store.pin(own, blob.digest)
            return await add_blob_layer(store, own, diff_id, blob.digest)
        partial = Partial(store.blobs, blob.digest, blob.size)
        resumed = partial.size > 0
        try:
            return await self._bring(job, own, sources, partial, diff_id)
        except WrongDigest:
            if not resumed:
                raise
        # What an earlier attempt left behind may have been the wrong part: once more, from nothing.
        return await self._bring(job, own, sources, Partial(store.blobs, blob.digest, blob.size), diff_id)

    async def _bring(
        self, job: Job, own: Staging, sources: Sequence[Repository], partial: Partial, diff_id: str
    ) -> Layer:
        """Download, hash and unpack at the same time. Closes `partial`."""
        writer = LayerWriter(self._store)
        limit = max(UNFOLD * partial.total, UNFOLD_LEAST)
        hashing = threads.start(partial.hash, "hash")
        unpacking = threads.start(lambda: writer.unpack_partial(partial, limit), "unpack")
        try:
            await self._download(job, sources, partial)
            job.status("Verifying Checksum")
            if (found := await asyncio.shield(hashing)) != partial.digest:
                partial.discard()
                raise WrongDigest(f"unexpected digest of a layer: expected {partial.digest}, got {found}")
            job.status("Download complete")
            while not unpacking.done():
                job.progress("Extracting", partial.position, partial.total)
                await asyncio.wait([unpacking], timeout=INTERVAL)
            result, media_type = unpacking.result()
            job.progress("Extracting", partial.total, partial.total)
            if result.diff_id != diff_id:
                raise Failed(f"invalid diffID for layer: expected {diff_id}, got {result.diff_id}")
            return await self._keep(own, writer, partial, result, media_type)
        except BaseException as error:
            partial.finish(error)
            # Both threads hold files that are about to go.
            await asyncio.gather(hashing, unpacking, return_exceptions=True)
            writer.discard()
            if isinstance(error, DiskFull):
                partial.discard()
            raise
        finally:
            partial.close()

    async def _download(self, job: Job, sources: Sequence[Repository], partial: Partial) -> None:
        if self._slots.locked():
            job.status("Waiting")
        async with self._slots:
            partial.check_space()
            transfer = Transfer(partial, sources, job.progress, job.status, self._limits)
            await transfer.run()
        partial.finish()

    async def _keep(
        self, own: Staging, writer: LayerWriter, partial: Partial, result: Unpacked, media_type: str
    ) -> Layer:
        layer = Layer(result.diff_id, result.size, result.tar_size, partial.digest, partial.total, media_type)
        self._store.pin(own, layer.diff_id)
        self._store.pin(own, layer.blob)
        partial.commit()
        if layer.diff_id in self._store.layers:
            writer.discard()
            return self._store.layers[layer.diff_id]
        own.layers[layer.diff_id] = layer
        await uncancelled(asyncio.to_thread(writer.commit, layer.diff_id))
        return layer


def short_id(digest: str) -> str:
    """How Docker names layers in progress lines."""
    return hexadecimal(digest)[:12]
