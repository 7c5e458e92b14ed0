"""Where audit events go: a file with its older parts beside it, or a webhook. Requests wait for neither.

Both take what comes into a bounded buffer; when that is full, events are dropped and counted.
"""

import contextlib
import logging
import os
import queue
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import orjson

from sampan.kube.kinds.resource import Object

log = logging.getLogger("sampan.kube")

BUFFERED = 10_000  # events
LARGEST = 100 << 10  # bytes of an event; larger ones lose their objects
_BATCH, _BATCH_BYTES = 400, 10 << 20  # events and bytes that a webhook gets at once
_WAIT = 30.0  # seconds until a batch goes that is not full
_DAY = 86400


def line(event: Object, largest: int = LARGEST) -> bytes:
    """An event as JSON; without its objects if it is too large with them."""
    data = orjson.dumps(event, option=orjson.OPT_NON_STR_KEYS)
    if len(data) <= largest:
        return data
    kept = {key: value for key, value in event.items() if key not in ("requestObject", "responseObject")}
    kept["annotations"] = {**event.get("annotations", {}), "audit.k8s.io/truncated": "true"}
    return orjson.dumps(kept)


class Dropped:
    """How many events were lost; said at most once a minute."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.count = 0
        self._clock = clock
        self._said = -60.0

    def one(self) -> None:
        self.count += 1
        now = self._clock()
        if now - self._said >= 60:
            self._said = now
            log.warning("audit: %d events dropped: the buffer of %d is full", self.count, BUFFERED)


class LogFile:
    """A file that is set aside when it is large: audit-2026-01-02T03-04-05.000.log beside audit.log."""

    def __init__(
        self,
        path: Path,
        *,
        largest: int = 100 << 20,
        backups: int = 0,
        days: int = 0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`largest` in bytes; of backups and days 0 is no limit."""
        self._path = path
        self._largest, self._backups, self._days = largest, backups, days
        self._clock = clock
        self._size = 0
        self._descriptor = -1

    def write(self, data: bytes) -> None:
        """Whole lines, in one go; the file may be reopened or set aside before."""
        if self._descriptor < 0:
            self._open()
        if self._size and self._size + len(data) > self._largest:
            self._set_aside()
        view = memoryview(data)
        while view:
            view = view[os.write(self._descriptor, view) :]
        self._size += len(data)

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _open(self) -> None:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        self._descriptor = os.open(self._path, flags, 0o600)
        self._size = os.fstat(self._descriptor).st_size

    def _set_aside(self) -> None:
        self.close()
        now = self._clock()
        text = time.strftime("%Y-%m-%dT%H-%M-%S", time.gmtime(now)) + f".{int(now * 1000) % 1000:03d}"
        os.rename(self._path, self._path.with_name(f"{self._path.stem}-{text}{self._path.suffix}"))
        self._open()
        self._remove_old(now)

    def _remove_old(self, now: float) -> None:
        """The names sort by their time."""
        found = sorted(self._path.parent.glob(f"{self._path.stem}-*{self._path.suffix}"), reverse=True)
        for index, path in enumerate(found):
            many = 0 < self._backups <= index
            old = self._days and now - path.stat().st_mtime > self._days * _DAY
            if many or old:
                path.unlink(missing_ok=True)


class LogSink:
    """Writes by a thread of its own, so that a slow disk is no request's trouble."""

    def __init__(self, file: LogFile, buffered: int = BUFFERED) -> None:
        self._file = file
        self._queue: queue.Queue[Object | None] = queue.Queue(buffered)
        self.dropped = Dropped()
        self._thread = threading.Thread(target=self._run, name="audit", daemon=True)
        self._thread.start()

    def put(self, event: Object) -> None:
        """See Sink."""
        try:
            self._queue.put_nowait(event)
        except queue.Full:
            self.dropped.one()

    def close(self) -> None:
        """Write what has come, and end."""
        self._queue.put(None)
        self._thread.join()
        self._file.close()

    def _run(self) -> None:
        while True:
            events, last = self._taken()
            lines = b"".join(line(event) + b"\n" for event in events)
            if lines:
                try:
                    self._file.write(lines)
                except OSError as error:
                    log.error("audit: %d events lost: %s", len(events), error)
            if last:
                return

    def _taken(self) -> tuple[list[Object], bool]:
        """All that has come, at least one; and whether that was the end."""
        found = [self._queue.get()]
        with contextlib.suppress(queue.Empty):
            while found[-1] is not None and len(found) < 1000:
                found.append(self._queue.get_nowait())
        events = [event for event in found if event is not None]
        return events, len(events) < len(found)


class WebhookSink:
    """Sends batches as EventLists; `run` is the task that does."""

    def __init__(
        self,
        send: Callable[[bytes], Awaitable[None]],
        pause: Callable[[float], Awaitable[None]],
        buffered: int = BUFFERED,
    ) -> None:
        """`send` raises OSError or TimeoutError if that failed; `pause` waits for so many seconds."""
        import asyncio

        self._send = send
        self._pause = pause
        self._queue: asyncio.Queue[Object] = asyncio.Queue(buffered)
        self.dropped = Dropped()

    def put(self, event: Object) -> None:
        """See Sink."""
        import asyncio

        try:
            self._queue.put_nowait(event)
        except asyncio.QueueFull:
            self.dropped.one()

    async def run(self, wait: float = _WAIT) -> None:
        """Send until cancelled."""
        while True:
            batch = await self._batch(wait)
            data = b'{"kind":"EventList","apiVersion":"audit.k8s.io/v1","metadata":{},"items":['
            await self._deliver(data + b",".join(batch) + b"]}", len(batch))

    async def _batch(self, wait: float) -> list[bytes]:
        """Until it is full, or `wait` seconds after its first event."""
        import asyncio

        batch = [line(await self._queue.get())]
        size = len(batch[0])
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait):
                while len(batch) < _BATCH and size < _BATCH_BYTES:
                    batch.append(line(await self._queue.get()))
                    size += len(batch[-1])
        return batch

    async def _deliver(self, data: bytes, count: int) -> None:
        for delay in (0.0, 10.0, 15.0, 22.5, 33.75):
            if delay:
                await self._pause(delay)
            try:
                await self._send(data)
                return
            except (OSError, TimeoutError) as error:
                problem = error
        log.error("audit: %d events lost: the webhook does not take them: %s", count, problem)
