"""Uploads: started, appended to, finished or given up, from any worker.

The row says that an upload exists and where to; its file's length is how far it is. Requests for one upload
take turns by flock(2) on the file, across workers. Closing one: sync the file, then in one transaction rename
it to its digest, note the blob, link it and drop the upload's row. Killed anywhere, an upload is either still
there as far as it was acknowledged, or a blob.
"""

import asyncio
import fcntl
import os
import sqlite3
import uuid
from collections.abc import AsyncIterable, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from sampan.registry.blobs import Blob, Blobs, Clock, discard
from sampan.registry.database import Database
from sampan.registry.errors import (
    DigestInvalid,
    RangeInvalid,
    SizeInvalid,
    UploadBusy,
    UploadUnknown,
)
from sampan.registry.hashing import State, States, new_state
from sampan.registry.layout import Layout, sync_directory
from sampan.registry.receive import Receiver, open_upload, translated

TURN_SECONDS = (
    5.0  # a client that resumes may come before the server has noticed that its old connection is gone
)
TURN_POLL = 0.02


@dataclass(frozen=True)
class Chunk:
    """A request's body; `start` and `length` as Content-Range or Content-Length announce them."""

    data: AsyncIterable[bytes]
    start: int | None = None
    length: int | None = None


@dataclass
class Session:
    """One request's turn at an upload."""

    id: str
    descriptor: int
    state: State
    size: int


class Uploads:
    def __init__(
        self,
        layout: Layout,
        database: Database,
        blobs: Blobs,
        clock: Clock,
        turn_seconds: float = TURN_SECONDS,
    ) -> None:
        self._layout = layout
        self._database = database
        self._blobs = blobs
        self._clock = clock
        self._turn_seconds = turn_seconds
        self._states = States()

    async def start(self, name: str, algorithm: str = "sha256") -> str:
        """A new upload's id. Raises DiskFull."""
        id, now = str(uuid.uuid4()), self._clock()
        self._database.reserve.check()
        os.close(open_upload(self._layout.upload(id), new=True))
        await asyncio.to_thread(sync_directory, self._layout.uploads)
        await self._database.write(
            lambda db: db.execute(
                "INSERT INTO uploads (id, repository, started, touched, algorithm) VALUES (?, ?, ?, ?, ?)",
                (id, name, now, now, algorithm),
            ),
            durable=False,  # after a power failure the client starts again
        )
        self._states.keep(id, new_state(algorithm))
        return id

    def offset(self, name: str, id: str) -> int:
        """How many bytes have arrived. Raises UploadUnknown."""
        self._algorithm(name, id)
        try:
            return os.stat(self._layout.upload(id)).st_size
        except FileNotFoundError:
            raise _unknown(name, id) from None

    async def append(self, name: str, id: str, chunk: Chunk) -> int:
        """Add a chunk, which is on the disk then; returns the length.

        Raises UploadUnknown, RangeInvalid, SizeInvalid, UploadBusy, DiskFull.
        """
        async with self._turn(name, id) as session:
            await self._receive(name, session, chunk)
            await self._sync(session)
        now = self._clock()
        await self._database.write(
            lambda db: db.execute("UPDATE uploads SET touched=? WHERE id=?", (now, id)), durable=False
        )
        return session.size

    async def finish(self, name: str, id: str, digest: str, last: Chunk | None = None) -> Blob:
        """Add the last chunk and make the upload the blob `digest`. A wrong digest ends the upload.

        Raises UploadUnknown, RangeInvalid, SizeInvalid, UploadBusy, DigestInvalid, Denied over quota,
        DiskFull.
        """
        async with self._turn(name, id) as session:
            if last is not None:
                await self._receive(name, session, last)
            if session.state.algorithm != digest.partition(":")[0]:
                session.state = new_state(digest.partition(":")[0])
                await asyncio.to_thread(session.state.catch_up, session.descriptor, session.size)
            if session.state.digest != digest:
                await self._forget(id)
                raise _mismatch(digest, session.state.digest)
            blob = await self._commit(name, session, digest)
        self._states.drop(id)
        return blob

    async def put(self, name: str, digest: str, chunk: Chunk) -> Blob:
        """A whole blob in one request; on any failure nothing is left. Raises as `finish`.

        There is no row: a file without one is removed once it is old.
        """
        id = str(uuid.uuid4())
        descriptor = open_upload(self._layout.upload(id), new=True)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            session = Session(id, descriptor, new_state(digest.partition(":")[0]), 0)
            await self._receive(name, session, chunk)
            if session.state.digest != digest:
                raise _mismatch(digest, session.state.digest)
            return await self._commit(name, session, digest)
        finally:
            os.close(descriptor)
            discard(self._layout.upload(id))

    async def cancel(self, name: str, id: str) -> None:
        """Raises UploadUnknown, UploadBusy."""
        async with self._turn(name, id):
            await self._forget(id)

    async def _receive(self, name: str, session: Session, chunk: Chunk) -> None:
        if chunk.start is not None and chunk.start != session.size:
            raise RangeInvalid(
                f"chunk starts at {chunk.start}, but {session.size} bytes have arrived",
                {"start": chunk.start, "received": session.size},
                {"Range": range_header(session.size)},
            )
        if chunk.length:
            self._database.reserve.check(chunk.length)
        receiver = Receiver(session.descriptor, session.state, self._database.reserve)
        try:
            received = await receiver.receive(self._within(name, session.size, chunk.data), chunk.length)
        finally:
            session.size = session.state.offset
        if chunk.length is not None and received != chunk.length:
            raise SizeInvalid(f"{chunk.length} bytes were announced, {received} arrived")

    async def _within(self, name: str, size: int, data: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
        """What is not finished yet takes room as well. Raises Denied past the repository's quota."""
        async for piece in data:
            size += len(piece)
            self._blobs.check_quota(name, size)
            yield piece

    async def _commit(self, name: str, session: Session, digest: str) -> Blob:
        path = self._layout.upload(session.id)
        if not self._blobs.known(digest):
            await self._sync(session)

        def change(db: sqlite3.Connection) -> Blob:
            if not self._blobs.known_in(db, digest):
                os.fsync(session.descriptor)  # collected since we looked; otherwise nothing is left to write
            self._blobs.take_in(db, name, digest, session.size, path)
            db.execute("DELETE FROM uploads WHERE id=?", (session.id,))
            return Blob(digest, session.size, self._layout.blob(digest))

        try:
            blob = await self._database.write(change)
        except FileNotFoundError:  # expired and collected at this very moment
            raise _unknown(name, session.id) from None
        except OSError as error:
            raise translated(error) from error
        discard(path)
        return blob

    async def _sync(self, session: Session) -> None:
        try:
            await asyncio.to_thread(os.fsync, session.descriptor)
        except OSError as error:
            raise translated(error) from error

    async def _forget(self, id: str) -> None:
        self._states.drop(id)
        discard(self._layout.upload(id))
        await self._database.write(lambda db: db.execute("DELETE FROM uploads WHERE id=?", (id,)), frees=True)

    def _algorithm(self, name: str, id: str) -> str:
        row = self._database.read.execute(
            "SELECT algorithm FROM uploads WHERE id=? AND repository=?", (id, name)
        ).fetchone()
        if row is None:
            raise _unknown(name, id)
        return str(row[0])

    @asynccontextmanager
    async def _turn(self, name: str, id: str) -> AsyncIterator[Session]:
        """The upload for this request alone, its hash caught up. Raises UploadUnknown, UploadBusy."""
        algorithm = self._algorithm(name, id)
        try:
            descriptor = open_upload(self._layout.upload(id))
        except FileNotFoundError:
            raise _unknown(name, id) from None
        try:
            await self._lock(descriptor)
            found = os.fstat(descriptor)
            if found.st_nlink == 0 or not self._exists(id):
                raise _unknown(name, id)
            state = self._states.take(id, algorithm)
            if state.offset < found.st_size:
                await asyncio.to_thread(state.catch_up, descriptor, found.st_size)
            session = Session(id, descriptor, state, found.st_size)
            try:
                yield session
            finally:
                if os.fstat(descriptor).st_nlink and session.state.algorithm == algorithm:
                    self._states.keep(id, session.state)
        finally:
            os.close(descriptor)

    def _exists(self, id: str) -> bool:
        return self._database.read.execute("SELECT 1 FROM uploads WHERE id=?", (id,)).fetchone() is not None

    async def _lock(self, descriptor: int) -> None:
        deadline = asyncio.get_running_loop().time() + self._turn_seconds
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                if asyncio.get_running_loop().time() > deadline:
                    raise UploadBusy("another request is writing to this upload") from None
            await asyncio.sleep(TURN_POLL)


def range_header(size: int) -> str:
    """What has arrived, as Docker's registry says it: `0-0` is also said of nothing."""
    return f"0-{max(size - 1, 0)}"


def _unknown(name: str, id: str) -> UploadUnknown:
    return UploadUnknown("blob upload unknown to registry", {"name": name, "upload": id})


def _mismatch(provided: str, computed: str) -> DigestInvalid:
    return DigestInvalid(
        f"provided digest did not match uploaded content: {provided} was announced, {computed} arrived",
        {"provided": provided, "computed": computed},
    )
