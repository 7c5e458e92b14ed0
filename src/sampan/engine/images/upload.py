"""One layer on its way out: found there, mounted from beside, or sent; compressed on the way when need be."""

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Callable, Iterator

from sampan.engine.images import progress
from sampan.engine.images.blobrecords import BlobRecords
from sampan.engine.images.lines import Put
from sampan.engine.images.manifests import kept
from sampan.engine.images.pipes import pieces
from sampan.engine.images.store import ImageStore, Layer
from sampan.engine.images.transfer import INTERVAL
from sampan.http.transport import Unreachable
from sampan.images.compression import compressed, decompressed
from sampan.images.registry.client import Repository
from sampan.images.registry.errors import RegistryError
from sampan.images.registry.manifests import Descriptor, oci_layer
from sampan.specs.oci.image import LAYER
from sampan.specs.oci.reference import Reference

ATTEMPTS = 5
DELAY = 1.0  # seconds before the first repetition; doubled for each next
SOURCES = 3  # repositories a mount is tried from
Sent = Callable[[int], None]


class Upload:
    """`wanted` is the form the image's own manifest names, if it has one."""

    def __init__(
        self,
        store: ImageStore,
        records: BlobRecords,
        repository: Repository,
        name: Reference,
        layer: Layer,
        wanted: Descriptor | None,
        compression: str,
        put: Put,
    ) -> None:
        self._store = store
        self._records = records
        self._repository = repository
        self._name = name
        self._layer = layer
        self._wanted = wanted
        self._compression = compression
        self._put = put
        self._shown = 0.0
        self._loop = asyncio.get_running_loop()

    async def run(self) -> Descriptor:
        """Raises RegistryError, Refused, Unreachable."""
        for blob in self._candidates():
            if await self._repository.blob_size(blob.digest) is not None:
                self._status("Layer already exists")
                return blob
            if source := await self._mounted(blob):
                self._status(f"Mounted from {source}")
                return blob
        for attempt in range(ATTEMPTS):
            try:
                blob = await self._send()
                self._status("Pushed")
                return blob
            except (RegistryError, Unreachable) as error:
                final = isinstance(error, RegistryError) and not error.temporary
                if final or attempt == ATTEMPTS - 1:
                    raise
            await self._pause(DELAY * 2**attempt)
        raise AssertionError("unreachable")

    def _candidates(self) -> list[Descriptor]:
        """Forms of the layer the registry may have already, the one that is wanted first."""
        own = kept(self._layer)
        found = [self._wanted] if self._wanted else []
        if own.media_type != LAYER:
            found.append(own)
        elif record := self._records.of_layer(self._layer.diff_id, self._compression):
            found.append(record.descriptor)
        return list({blob.digest: blob for blob in found}.values())

    async def _mounted(self, blob: Descriptor) -> str:
        """The repository it was mounted from, or "". A refusal is no failure: then it is sent."""
        for source in self._records.sources(blob.digest, self._name.domain)[:SOURCES]:
            if source == self._name.path:
                continue
            try:
                location = await self._repository.mount(blob.digest, source)
            except RegistryError:
                continue
            if not location:
                return source
            await self._repository.cancel_upload(location)
        return ""

    async def _send(self) -> Descriptor:
        own = kept(self._layer)
        if self._wanted and self._store.blobs.exists(self._wanted.digest):
            return await self._send_as_is(self._wanted)
        if own.media_type != LAYER:
            return await self._send_as_is(own)
        return await self._send_compressed()

    async def _send_as_is(self, blob: Descriptor) -> Descriptor:
        await send_blob(self._store, self._repository, blob, lambda sent: self._progress(sent, blob.size))
        return blob

    async def _send_compressed(self) -> Descriptor:
        """Compress while sending: nobody knows the digest before the end, so the end tells it."""
        digest = hashlib.sha256()
        size = 0
        layer = self._layer

        def made() -> Iterator[bytes]:
            nonlocal size
            chunks = self._watched(self._store.blobs.chunks(layer.blob))
            for piece in compressed(decompressed(chunks), self._compression):
                digest.update(piece)
                size += len(piece)
                yield piece

        location = await self._repository.start_upload()
        location = await self._repository.append(location, pieces(made()))
        name = f"sha256:{digest.hexdigest()}"
        await self._repository.finish_upload(location, name)
        return Descriptor(oci_layer(self._compression), name, size)

    def _watched(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        """In the worker thread: progress counts bytes of the layer, as Docker's does."""
        read = 0
        for chunk in chunks:
            read += len(chunk)
            self._loop.call_soon_threadsafe(self._progress, read, self._layer.tar_size)
            yield chunk

    def _progress(self, current: int, total: int) -> None:
        now = time.monotonic()
        if now - self._shown >= INTERVAL:
            self._shown = now
            self._put(progress.progress("Pushing", self._id, current, total))

    @property
    def _id(self) -> str:
        return self._layer.diff_id.removeprefix("sha256:")[:12]

    def _status(self, text: str) -> None:
        self._put({"status": text, "progressDetail": {}, "id": self._id})

    async def _pause(self, seconds: float) -> None:
        whole = int(seconds)
        for left in range(whole, 0, -1):
            self._status(f"Retrying in {left} second{'s' if left > 1 else ''}")
            await asyncio.sleep(1)
        await asyncio.sleep(seconds - whole)


async def _counted(chunks: Iterator[bytes], sent: Sent) -> AsyncIterator[bytes]:
    count = 0
    async for piece in pieces(chunks):
        yield piece
        count += len(piece)
        sent(count)


async def send_blob(store: ImageStore, repository: Repository, blob: Descriptor, sent: Sent) -> None:
    """In one request, from the content store."""
    location = await repository.start_upload()
    body = _counted(store.blobs.chunks(blob.digest), sent)
    await repository.upload(location, blob.digest, blob.size, body)
