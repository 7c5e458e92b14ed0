"""Who this copy of the controllers is, when it leads: a name that outlives the process.

The name is in a file that is locked while the process lives. Whoever holds the lock knows that no other
process goes by that name, so that a lease in its own name is that of a process that has died.
"""

import asyncio
import fcntl
import os
import socket
import uuid
from contextlib import AsyncExitStack
from pathlib import Path

PAUSE = 0.1  # seconds between two attempts to get the lock


def new_identity() -> str:
    """As upstream's: the machine's name, and something that nobody else has."""
    return f"{socket.gethostname()}_{uuid.uuid4()}"


async def take(path: Path, stack: AsyncExitStack) -> str:
    """Waits until no other process has it; it is given back with the stack, or by dying."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    stack.callback(os.close, descriptor)
    # The lock of a process that has just been killed goes a moment after it.
    while not _locked(descriptor):  # noqa: ASYNC110 (another process ends)
        await asyncio.sleep(PAUSE)
    known = os.pread(descriptor, 1000, 0).decode("ascii", "replace")
    name = known.strip()
    # Not whole, or copied here with the rest of another machine's files.
    if not known.endswith("\n") or not name.startswith(f"{socket.gethostname()}_"):
        name = new_identity()
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{name}\n".encode(), 0)
        os.fsync(descriptor)
    return name


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
