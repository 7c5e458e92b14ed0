"""Receiving the bytes of an upload: hashed and written in one pass, in pieces, with back-pressure.

One piece is hashed and written on a thread while the next arrives; a client that is faster waits.
"""

import asyncio
import errno
import os
from collections.abc import AsyncIterable, Sequence
from pathlib import Path

from sampan.registry.database import finished
from sampan.registry.errors import EXHAUSTED, DiskFull, RegistryError, SizeInvalid, exhausted
from sampan.registry.hashing import State
from sampan.registry.reserve import Reserve

PIECE = 1 << 20
SMALL = 128 << 10  # hashing and writing less than this takes no longer than handing it to a thread


class Receiver:
    """Appends to one open file, whose hash up to its end is `state`."""

    def __init__(self, descriptor: int, state: State, reserve: Reserve) -> None:
        self._descriptor = descriptor
        self._reserve = reserve
        self.state = state

    async def receive(self, chunks: AsyncIterable[bytes], limit: int | None = None) -> int:
        """Write all of `chunks`; returns how many bytes. What arrived before a failure stays.

        Raises SizeInvalid past `limit` bytes, DiskFull, and what `chunks` raises.
        """
        loop = asyncio.get_running_loop()
        pending: list[bytes] = []
        size = total = 0
        writing: asyncio.Future[None] | None = None
        try:
            async for chunk in chunks:
                total += len(chunk)
                if limit is not None and total > limit:
                    raise SizeInvalid(f"more than the {limit} bytes announced")
                pending.append(chunk)
                size += len(chunk)
                if size >= PIECE:
                    if writing is not None:
                        await writing
                    writing = loop.run_in_executor(None, self._put, pending)
                    pending, size = [], 0
            if writing is not None:
                await writing
                writing = None
            if size > SMALL:
                writing = loop.run_in_executor(None, self._put, pending)
                pending = []
                await writing
        finally:
            # The descriptor is about to be closed: the thread must be done with it.
            if writing is not None and not writing.done():
                await finished(writing)
            if writing is None or writing.exception() is None:
                self._put(pending)
        return total

    def _put(self, chunks: Sequence[bytes]) -> None:
        for chunk in chunks:
            view = memoryview(chunk)
            while view:
                self._reserve.check()  # each time: a whole piece could take the reserve itself
                try:
                    count = os.write(self._descriptor, view[:SMALL])
                except OSError as error:
                    raise translated(error) from error
                self.state.hash.update(view[:count])
                self.state.offset += count
                view = view[count:]


def translated(error: OSError) -> RegistryError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFull(f"cannot write upload: {os.strerror(error.errno)}")
    if error.errno in EXHAUSTED:
        return exhausted()
    return RegistryError(f"cannot write upload: {error.strerror}")


def open_upload(path: Path, *, new: bool = False) -> int:
    """An upload's file, to append to and read back. Raises FileNotFoundError, RegistryError."""
    flags = os.O_RDWR | os.O_APPEND | os.O_CLOEXEC | (os.O_CREAT | os.O_EXCL if new else 0)
    try:
        return os.open(path, flags, 0o600)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise translated(error) from error
