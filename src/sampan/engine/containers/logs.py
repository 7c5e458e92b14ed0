"""Container logs as `docker logs` asks for them: tail, since, until, streams, timestamps, follow.

Files are read on a thread, a block at a time, and a block is turned into bytes for the client at once; the
client's socket sets the pace. Following waits for inotify on the log's directory and ends with the container.
"""

import asyncio
import os
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote_plus

from sampan.engine.containers import logfiles
from sampan.engine.containers.logfiles import Entry, Format, LogFile
from sampan.engine.containers.record import ContainerRecord
from sampan.engine.events import Event, Events
from sampan.errors import Failed, Invalid, Unsupported
from sampan.linux import inotify
from sampan.paths import Paths
from sampan.specs.docker import filters
from sampan.specs.golang import time as times

STREAMS = {"stdout": 1, "stderr": 2}
CHANGES = inotify.IN_MODIFY | inotify.IN_CREATE | inotify.IN_MOVED_TO


@dataclass(frozen=True)
class LogRequest:
    """Parameters of GET /containers/{id}/logs; `details` puts the attributes of --log-opt labels and env
    before each entry.
    """

    stdout: bool
    stderr: bool
    follow: bool = False
    tail: int = -1  # entries; negative: all
    since: int = 0  # nanoseconds since the epoch; 0: unbounded
    until: int = 0
    timestamps: bool = False
    details: bool = False


def parse_timestamp(text: str) -> int:
    """ "seconds[.fraction]" in nanoseconds, or an RFC 3339 time. Raises Failed (500, as Docker)."""
    if not text or text == "0":
        return 0
    try:
        return filters.parse_timestamp(text)
    except Invalid as error:
        try:
            return times.parse(text)
        except Invalid:
            raise Failed(error.message) from None


def parse_tail(text: str) -> int:
    """What is no number, or negative, means everything, as in Docker."""
    return int(text) if text.isascii() and text.isdecimal() else -1


class Formatter:
    """Entries -> the bytes of the answer."""

    def __init__(self, request: LogRequest, *, framed: bool) -> None:
        self._wanted = {name for name in STREAMS if getattr(request, name)}
        self._since = times.rfc3339(request.since) if request.since else ""
        self._until = times.rfc3339(request.until) if request.until else ""
        self._timestamps = request.timestamps
        self._details = request.details
        self._framed = framed
        self.ended = False  # an entry after `until` was seen

    def format(self, entries: list[Entry]) -> bytes:
        out: list[bytes] = []
        plain = not (self._timestamps or self._details)
        for entry in entries:
            if self._since and before(entry.time, self._since):
                continue
            if self._until and before(self._until, entry.time):
                self.ended = True
                break
            if entry.stream not in self._wanted:
                continue
            line = entry.line if plain else self._prefix(entry) + entry.line
            if self._framed:
                out.append(bytes((STREAMS[entry.stream], 0, 0, 0)) + len(line).to_bytes(4, "big"))
            out.append(line)
        return b"".join(out)

    def _prefix(self, entry: Entry) -> bytes:
        parts = []
        if self._timestamps:
            parts.append(fixed(entry.time))
        if self._details:
            pairs = sorted((entry.attrs or {}).items())
            parts.append(",".join(f"{quote_plus(k)}={quote_plus(v)}" for k, v in pairs))
        return (" ".join(parts) + " ").encode()


def before(a: str, b: str) -> bool:
    """Whether time `a` is earlier: both RFC 3339 in UTC, with up to nine digits of fraction."""
    return (a[:19], a[19:].rstrip("Z")) < (b[:19], b[19:].rstrip("Z"))


def fixed(time: str) -> str:
    """With all nine digits, as `--timestamps` prints."""
    return f"{time[:19]}.{time[20:].rstrip('Z'):0<9}Z"


class Logs:
    """The logs of all containers."""

    def __init__(self, paths: Paths, events: Events) -> None:
        self._paths = paths
        self._events = events

    def check_readable(self, record: ContainerRecord) -> str:
        """The driver's name. Raises Unsupported for one that keeps nothing."""
        driver = (record.host_config.get("LogConfig") or {}).get("Type") or "json-file"
        if driver not in logfiles.FORMATS:
            raise Unsupported("configured logging driver does not support reading")
        return str(driver)

    async def read(self, record: ContainerRecord, request: LogRequest) -> AsyncGenerator[bytes, None]:
        """The answer's body, piece by piece. Raises Unsupported before the first."""
        driver = self.check_readable(record)
        paths = self._paths.container(record.id)
        path = record.log_path or str(paths.log if driver == "json-file" else paths.local_log)
        formatter = Formatter(request, framed=not record.config.get("Tty"))
        reader = Reader(path, str(self._paths.tmp), logfiles.FORMATS[driver], formatter)
        try:
            if not (request.follow and record.state.running):
                await asyncio.to_thread(reader.open, request.tail)
                while chunk := await asyncio.to_thread(reader.next):
                    yield chunk
                return
            subscription = self._events.subscribe(ends(record.id))
            try:
                async for chunk in follow(reader, request, subscription.get, lambda: record.state.running):
                    yield chunk
            finally:
                self._events.unsubscribe(subscription)
        finally:
            # A cancelled reader may still be at work on its thread: close() waits for it, there.
            asyncio.get_running_loop().run_in_executor(None, reader.close)


def ends(id: str) -> Callable[[Event], bool]:
    def match(event: Event) -> bool:
        return bool(event["Type"] == "container" and event["Action"] == "die" and event["Actor"]["ID"] == id)

    return match


class Reader:
    """Walks the chain of files from the tail on. Blocking; one thread at a time."""

    def __init__(self, path: str, scratch: str, form: Format, formatter: Formatter) -> None:
        self._path = path
        self._scratch = scratch
        self._format = form
        self._formatter = formatter
        self._chain: list[LogFile] = []
        self._rest = bytearray()
        self._blocks: Iterator[list[Entry]] = iter(())
        self._last = ""  # time of the newest entry seen
        self._skip_to = ""
        self._surplus = 0  # entries to drop before the first: local's records hold several
        self._lock = threading.Lock()

    def open(self, tail: int) -> None:
        with self._lock:
            self._chain = logfiles.open_chain(self._path, self._scratch)
            if tail >= 0:
                self._chain, self._surplus = logfiles.seek_tail(self._chain, self._format, tail)
            self._enter()

    def _enter(self) -> None:
        self._rest.clear()
        if self._chain:
            self._blocks = logfiles.blocks(self._chain[0].file, self._format, self._rest)

    def next(self) -> bytes:
        """The next piece that is not empty; b"" at the end of the newest file (more may come)."""
        with self._lock:
            return self._next()

    def _next(self) -> bytes:
        while self._chain and not self._formatter.ended:
            for entries in self._blocks:
                data = self._formatter.format(self._fresh(entries))
                if data or self._formatter.ended:
                    return data
            if len(self._chain) == 1:
                self._blocks = logfiles.blocks(self._chain[0].file, self._format, self._rest)
                return b""
            self._chain.pop(0).close()
            self._enter()
        return b""

    def _fresh(self, entries: list[Entry]) -> list[Entry]:
        if self._surplus:
            entries, self._surplus = entries[self._surplus :], max(self._surplus - len(entries), 0)
        if self._skip_to:
            entries = [entry for entry in entries if before(self._skip_to, entry.time)]
        if entries:
            self._last = entries[-1].time
        return entries

    def advance(self) -> bool:
        """At the end of the newest file: whether newer ones appeared, which are then opened."""
        with self._lock:
            if self._chain and logfiles.identity(self._path) in (None, self._chain[0].identity):
                return False
            return self._advance()

    def _advance(self) -> bool:
        newer = logfiles.open_chain(self._path, self._scratch)
        if not self._chain:
            self._chain = newer
            self._enter()
            return bool(newer)
        current = self._chain[0]
        found = [
            index
            for index, item in enumerate(newer)
            if item.identity == current.identity or logfiles.is_compressed_twin(item, current)
        ]
        if found:
            logfiles.close_all(newer[: found[-1] + 1])
            newer = newer[found[-1] + 1 :]
        else:
            # Rotated away altogether, by a container that writes faster than we read: go on by time.
            self._skip_to = self._last
        if not newer:
            return False
        # What was written between our last read and the rotation is still ahead in our file.
        self._chain += newer
        return True

    @property
    def ended(self) -> bool:
        return self._formatter.ended

    @property
    def directory(self) -> str:
        return os.path.dirname(self._path)

    def close(self) -> None:
        with self._lock:
            logfiles.close_all(self._chain)
            self._chain = []


async def follow(
    reader: Reader,
    request: LogRequest,
    stopped: Callable[[], Coroutine[Any, Any, Event | None]],
    running: Callable[[], bool],
) -> AsyncIterator[bytes]:
    """Everything there is, then what is added, until the container stops."""
    loop = asyncio.get_running_loop()
    changed = asyncio.Event()
    with inotify.Inotify() as notes:

        def drain() -> None:
            while notes.read():
                changed.set()

        os.makedirs(reader.directory, exist_ok=True)
        notes.watch(reader.directory, CHANGES)
        loop.add_reader(notes.fileno(), drain)
        end = loop.create_task(stopped())
        end.add_done_callback(lambda _: changed.set())
        try:
            await asyncio.to_thread(reader.open, request.tail)
            while True:
                last = end.done() or not running()
                changed.clear()
                while chunk := await asyncio.to_thread(reader.next):
                    yield chunk
                if reader.ended:
                    return
                if await asyncio.to_thread(reader.advance):
                    continue
                if last:
                    return
                await changed.wait()
        finally:
            loop.remove_reader(notes.fileno())
            end.cancel()
            await asyncio.wait([end])
