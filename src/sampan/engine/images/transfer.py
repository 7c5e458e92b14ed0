"""The download of one blob: from the first server that has it, again after a cut, from where it was cut."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import aiohttp

from sampan.engine.images.ingest import uncancelled
from sampan.errors import SampanError
from sampan.http.transport import Refused, Unreachable, translate
from sampan.images.partial import Partial
from sampan.images.registry.client import Repository
from sampan.images.registry.errors import RegistryError

INTERVAL = 0.1  # seconds between two progress lines of a layer, as Docker
STALL = 60.0  # seconds within which at least STALL_BYTES must come
STALL_BYTES = 16 << 10
GAIN = 1 << 20  # bytes; an attempt that brought as many does not count as failed
BATCH, BATCH_LEAST = 1 << 20, 64 << 10  # bytes given to the disk at once
QUEUE = 8 << 20  # bytes that may wait for a slow disk


@dataclass(frozen=True)
class Limits:
    downloads: int = 3
    attempts: int = 5
    delay: float = 1.0  # seconds before the first repetition; doubled for each next


class Transfer:
    """`progress(text, current, total)` and `status(text)` tell those who wait."""

    def __init__(
        self,
        partial: Partial,
        sources: Sequence[Repository],
        progress: Callable[[str, int, int], None],
        status: Callable[[str], None],
        limits: Limits,
    ) -> None:
        self._partial = partial
        self._sources = sources
        self._progress = progress
        self._status = status
        self._limits = limits
        # What is not on disk yet is lost when the daemon is killed: never more than half a percent.
        self._batch = min(BATCH, max(BATCH_LEAST, partial.total // 200))

    async def run(self) -> None:
        """Raises RegistryError, Refused, Unreachable; then what came stays in the partial file."""
        failures = 0
        while self._partial.size < self._partial.total:
            before = self._partial.size
            error = await self._once()
            if error is None:
                continue
            gained = self._partial.size - before
            failures = 0 if gained >= min(GAIN, max(1, self._partial.total // 10)) else failures + 1
            if failures >= (self._limits.attempts or 1):
                raise error
            if failures:
                await self._pause(self._limits.delay * 2 ** (failures - 1))

    async def _once(self) -> SampanError | None:
        """Ask every source in turn. Returns why it is worth trying again; raises what is final."""
        last: SampanError | None = None
        final: SampanError | None = None
        for source in self._sources:
            try:
                await self._from(source)
                return None
            except Unreachable as error:
                last = error
            except RegistryError as error:
                if error.temporary:
                    last = error
                else:
                    final = error
            except Refused as error:
                final = error
        if last is None and final is not None:
            raise final
        return last

    async def _pause(self, seconds: float) -> None:
        whole = int(seconds)
        for left in range(whole, 0, -1):
            self._status(f"Retrying in {left} second{'s' if left > 1 else ''}")
            await asyncio.sleep(1)
        await asyncio.sleep(seconds - whole)

    async def _from(self, source: Repository) -> None:
        partial = self._partial
        async with source.blob(partial.digest, partial.size) as response:
            skip = self._check(response)
            try:
                await self._read(response, skip)
            except (aiohttp.ClientError, TimeoutError) as error:
                raise translate(error, "GET", str(response.url)) from error
        if partial.size < partial.total:
            raise Unreachable(f"unexpected EOF: {partial.digest} has {partial.size} of {partial.total} bytes")

    def _check(self, response: aiohttp.ClientResponse) -> int:
        """How many bytes of the answer are there already. Raises Refused when it cannot be the blob."""
        partial = self._partial
        start = 0
        if response.status == 206:
            begin, _, total = response.headers.get("Content-Range", "").removeprefix("bytes ").partition("/")
            first = begin.partition("-")[0]
            if not first.isdigit() or int(first) > partial.size or total not in (str(partial.total), "*"):
                raise Refused(
                    f"invalid Content-Range of {partial.digest}: {response.headers.get('Content-Range')!r}"
                )
            start = int(first)
        length = response.content_length
        if length is not None and start + length != partial.total:
            raise Refused(
                f"size validation failed: {partial.digest} is {start + length} bytes long, "
                f"its descriptor says {partial.total}"
            )
        return partial.size - start

    async def _read(self, response: aiohttp.ClientResponse, skip: int) -> None:
        partial = self._partial
        writer = _Writer(partial, self._batch)
        shown = window = time.monotonic()
        received = 0
        try:
            async for chunk in response.content.iter_any():
                received += len(chunk)
                if skip:
                    skip, chunk = max(0, skip - len(chunk)), chunk[skip:]
                if writer.end + len(chunk) > partial.total:
                    raise Refused(
                        f"size validation failed: {partial.digest} is longer than {partial.total} bytes"
                    )
                await writer.put(chunk)
                now = time.monotonic()
                if now - shown >= INTERVAL:
                    self._progress("Downloading", partial.size, partial.total)
                    shown = now
                if now - window >= STALL:
                    if received < STALL_BYTES:
                        raise Unreachable(f"the registry sends {partial.digest} too slowly")
                    window, received = now, 0
        finally:
            # Also after a cut or when cancelled: what came need not come again.
            await uncancelled(writer.flush())
        self._progress("Downloading", partial.size, partial.total)


class _Writer:
    """Gives the disk what came, a batch at a time, while more comes.

    The connection's own buffer stays empty: what waits there is lost with the connection.
    """

    def __init__(self, partial: Partial, batch: int) -> None:
        self._partial = partial
        self._batch = batch
        self._pending: list[bytes] = []
        self._count = 0
        self._writing: asyncio.Task[None] | None = None
        self.end = partial.size  # of the file, once all that came is in it

    async def put(self, chunk: bytes) -> None:
        """Raises Failed when the disk is full."""
        self._pending.append(chunk)
        self._count += len(chunk)
        self.end += len(chunk)
        if self._writing is not None and (self._writing.done() or self._count >= QUEUE):
            writing, self._writing = self._writing, None
            await uncancelled(writing)
        if self._writing is None and self._count >= self._batch:
            self._writing = asyncio.create_task(self._write())

    async def _write(self) -> None:
        while self._pending:
            data, self._pending, self._count = b"".join(self._pending), [], 0
            await asyncio.to_thread(self._partial.append, data)

    async def flush(self) -> None:
        """All that came is in the file."""
        writing, self._writing = self._writing, None
        if writing is not None:
            await writing
        await self._write()
