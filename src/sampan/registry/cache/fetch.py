"""A blob on its way in from upstream, fetched once however many ask, in this process and in others.

The file fetches/<key> grows; who holds flock(2) on it is the one that fetches. Everybody else, here and in
other workers, reads along. When the lock is free and there is no blob, whoever notices fetches on from where
the file ends, so neither a killed worker nor a broken connection costs what has come already.

The last byte is sent to no client before the digest of the whole blob has been verified: a client that is
being sent a corrupt blob never gets all of it, and its connection is closed.
"""

import asyncio
import fcntl
import hashlib
import os
import sqlite3
from contextlib import suppress
from pathlib import Path

import aiohttp

from sampan.registry.blobs import Blob, Blobs, discard, unknown
from sampan.registry.cache.upstream import Upstream
from sampan.registry.database import Database, finished
from sampan.registry.errors import BlobUnknown, DiskFull, RegistryError, Unavailable
from sampan.registry.hashing import State, new_state
from sampan.registry.layout import Layout
from sampan.registry.metrics import families
from sampan.registry.metrics.measure import Metrics
from sampan.registry.receive import translated
from sampan.tasks import Tasks

SMALL = 32 << 10  # hashed and written here: handing it to a thread would take longer
POLL = 0.02  # seconds between looks at what another process fetches
TRIES = 5


class Fetch:
    """What readers see of it: `offset` bytes are there, `total` is what there will be, once known."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.descriptor = -1
        self.offset = 0
        self.total: int | None = None
        self.verified = False
        self.error: RegistryError | None = None
        self._changed = asyncio.Event()
        self._readers = 1  # the one that fetches

    @property
    def started(self) -> bool:
        return self.total is not None or self.verified or self.error is not None

    @property
    def readable(self) -> int:
        """How many bytes readers may have."""
        if self.verified:
            return self.offset
        return self.offset - 1 if self.total is None else min(self.offset, self.total - 1)

    def notify(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def change(self) -> None:
        await self._changed.wait()

    def hold(self) -> None:
        self._readers += 1

    def release(self) -> None:
        self._readers -= 1
        if not self._readers and self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1


class Fetches:
    def __init__(self, layout: Layout, database: Database, blobs: Blobs, metrics: Metrics) -> None:
        self._layout = layout
        self._database = database
        self._blobs = blobs
        self._metrics = metrics
        self._running: dict[Path, Fetch] = {}
        self._tasks = Tasks()

    async def join(self, name: str, digest: str, upstream: Upstream) -> tuple[Fetch, bool]:
        """The fetch of a blob, begun if there is none (True), and held for the caller: `release` it."""
        # Per repository: that one upstream gives a blob does not say that another would.
        key = hashlib.sha256(f"{name}@{digest}".encode()).hexdigest()
        path = self._layout.fetches / key
        found = self._running.get(path)
        if found is not None:
            found.hold()
            return found, False
        fetch = self._running[path] = Fetch(path)
        self._tasks.spawn(self._run(fetch, name, digest, upstream))
        fetch.hold()
        return fetch, True

    async def close(self) -> None:
        """Give up what runs; it goes on from there next time."""
        await self._tasks.stop()

    async def _run(self, fetch: Fetch, name: str, digest: str, upstream: Upstream) -> None:
        """Whatever happens ends up in the fetch, where the readers find it."""
        try:
            # Other processes give no sign but the file's length.
            while not await self._turn(fetch, name, digest, upstream):  # noqa: ASYNC110
                await asyncio.sleep(POLL)
        except asyncio.CancelledError:
            fetch.error = Unavailable("the registry is stopping; try again")
            raise
        except RegistryError as error:
            fetch.error = error
        except OSError as error:
            fetch.error = translated(error)
        except Exception as error:
            fetch.error = RegistryError(f"cannot fetch {digest}: {type(error).__name__}")
            raise
        finally:
            del self._running[fetch.path]
            if fetch.descriptor >= 0:
                fcntl.flock(fetch.descriptor, fcntl.LOCK_UN)
            fetch.notify()
            fetch.release()

    async def _turn(self, fetch: Fetch, name: str, digest: str, upstream: Upstream) -> bool:
        """Fetch, if nobody does; look how far others are, if they do. True when the blob is there."""
        if fetch.descriptor < 0:
            flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
            fetch.descriptor = os.open(fetch.path, flags, 0o600)
        mine = _try_lock(fetch.descriptor)
        with suppress(BlobUnknown):
            self._finish(fetch, self._blobs.find(name, digest), mine)
            return True
        if mine and not _same_file(fetch):
            # Another was done with it, well or badly, between our open and our lock.
            if fetch.offset:
                raise Unavailable("the download was abandoned")
            os.close(fetch.descriptor)
            fetch.descriptor = -1
            return False
        if mine:
            await self._download(fetch, name, digest, upstream)
            return True
        fetch.offset = os.fstat(fetch.descriptor).st_size
        row = self._database.read.execute(
            "SELECT size FROM fetches WHERE key=?", (fetch.path.name,)
        ).fetchone()
        fetch.total = row[0] if row else fetch.total
        fetch.notify()
        return False

    def _finish(self, fetch: Fetch, blob: Blob, mine: bool) -> None:
        """It is a blob by now: what we have open, or another file that came another way."""
        if mine and _same_file(fetch):
            discard(fetch.path)  # left over
        descriptor = os.open(blob.path, os.O_RDONLY | os.O_CLOEXEC)
        os.dup2(descriptor, fetch.descriptor, inheritable=False)
        os.close(descriptor)
        fetch.total = fetch.offset = blob.size
        fetch.verified = True

    async def _download(self, fetch: Fetch, name: str, digest: str, upstream: Upstream) -> None:
        state = new_state(digest.partition(":")[0])
        there = os.fstat(fetch.descriptor).st_size
        if there:
            await asyncio.to_thread(state.catch_up, fetch.descriptor, there)
            fetch.offset = state.offset
        if not there or state.digest != digest:
            try:
                await self._receive_all(fetch, state, name, digest, upstream)
            except DiskFull:
                await self._forget(fetch)  # going on from there would need more room still
                raise
        if state.digest != digest:
            await self._forget(fetch)
            raise Unavailable(f"upstream of {name} sent {state.digest} for {digest}: not kept")
        await asyncio.to_thread(os.fsync, fetch.descriptor)

        def keep(db: sqlite3.Connection) -> None:
            _drop(db, fetch.path.name)
            self._blobs.take_in(db, name, digest, state.offset, fetch.path)

        await self._database.write(keep)
        discard(fetch.path)
        fetch.total, fetch.verified = state.offset, True

    async def _receive_all(
        self, fetch: Fetch, state: State, name: str, digest: str, upstream: Upstream
    ) -> None:
        for attempt in range(1, TRIES + 1):
            try:
                return await self._receive(fetch, state, name, digest, upstream)
            except Unavailable:
                # Nothing came at all: the upstream is down, the client need not wait for more tries.
                if attempt == TRIES or not state.offset:
                    raise
                await asyncio.sleep(0.1 * 2**attempt)

    async def _receive(self, fetch: Fetch, state: State, name: str, digest: str, upstream: Upstream) -> None:
        asked = state.offset
        headers = {"Range": f"bytes={asked}-"} if asked else {}
        async with upstream.request("GET", name, f"blobs/{digest}", headers) as response:
            if response.status in (404, 416):
                await self._forget(fetch)
                raise unknown(name, digest)
            skip = _skip(response, asked)
            await self._announce(fetch, response, asked - skip)
            await self._pump(fetch, state, response.content, skip)
        if fetch.total is not None and state.offset != fetch.total:
            raise Unavailable(f"{state.offset} of {fetch.total} bytes arrived")

    async def _announce(self, fetch: Fetch, response: aiohttp.ClientResponse, start: int) -> None:
        """Tell the size, here and in other processes."""
        length = response.content_length
        if length is None or fetch.total is not None:
            return
        fetch.total = start + length
        self._database.reserve.check(length)
        key, total = fetch.path.name, fetch.total
        await self._database.write(
            lambda db: db.execute("INSERT OR REPLACE INTO fetches (key, size) VALUES (?, ?)", (key, total)),
            durable=False,
        )
        fetch.notify()

    async def _pump(self, fetch: Fetch, state: State, content: aiohttp.StreamReader, skip: int) -> None:
        """Write what comes as it comes; while a thread writes, more gathers for the next turn."""
        while chunk := await content.readany():
            if skip:
                chunk, skip = chunk[skip:], skip - min(skip, len(chunk))
                if not chunk:
                    continue
            if fetch.total is not None and state.offset + len(chunk) > fetch.total:
                raise RegistryError(f"upstream sends more than the {fetch.total} bytes it announced")
            self._database.reserve.check()
            if len(chunk) <= SMALL:
                _append(fetch.descriptor, state, chunk)
            else:
                await self._in_thread(fetch, state, chunk)
            self._metrics.cell(families.CACHE_BYTES).add(len(chunk))
            fetch.offset = state.offset
            fetch.notify()

    async def _in_thread(self, fetch: Fetch, state: State, chunk: bytes) -> None:
        writing = asyncio.get_running_loop().run_in_executor(None, _append, fetch.descriptor, state, chunk)
        try:
            await asyncio.shield(writing)
        except asyncio.CancelledError:
            await finished(writing)  # the descriptor must not be closed under it
            raise

    async def _forget(self, fetch: Fetch) -> None:
        discard(fetch.path)
        key = fetch.path.name
        await self._database.write(
            lambda db: db.execute("DELETE FROM fetches WHERE key=?", (key,)), durable=False, frees=True
        )


def _append(descriptor: int, state: State, chunk: bytes) -> None:
    """Raises DiskFull, RegistryError."""
    view = memoryview(chunk)
    while view:
        try:
            count = os.write(descriptor, view)
        except OSError as error:
            raise translated(error) from error
        state.hash.update(view[:count])
        state.offset += count
        view = view[count:]


def _skip(response: aiohttp.ClientResponse, asked: int) -> int:
    """How many bytes of the body we have already: an upstream may not know ranges."""
    if not asked or response.status == 200:
        return asked
    if not response.headers.get("Content-Range", "").startswith(f"bytes {asked}-"):
        raise RegistryError("upstream answered with a different range than was requested")
    return 0


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _same_file(fetch: Fetch) -> bool:
    try:
        return os.stat(fetch.path).st_ino == os.fstat(fetch.descriptor).st_ino
    except FileNotFoundError:
        return False


async def sweep(layout: Layout, database: Database, before: float) -> int:
    """Remove downloads abandoned before that time and not resumed since; returns how many."""
    count = 0
    for entry in list(os.scandir(layout.fetches)):
        with suppress(FileNotFoundError):
            if entry.stat().st_mtime >= before:
                continue
            descriptor = os.open(entry.path, os.O_RDWR | os.O_CLOEXEC)
            try:
                if _try_lock(descriptor):
                    discard(Path(entry.path))
                    key = entry.name
                    await database.write(lambda db, key=key: _drop(db, key), durable=False)  # type: ignore[misc]
                    count += 1
            finally:
                os.close(descriptor)
    return count


def _drop(db: sqlite3.Connection, key: str) -> None:
    db.execute("DELETE FROM fetches WHERE key=?", (key,))
