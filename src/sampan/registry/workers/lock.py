"""Only one process per root runs the jobs, even while two generations or two supervisors overlap."""

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

POLL = 0.25  # flock(2) cannot be waited for on an event loop


@asynccontextmanager
async def only_one(path: Path) -> AsyncIterator[None]:
    """Waits until no other process is inside. The kernel lets go for one that was killed."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                await asyncio.sleep(POLL)
        yield
    finally:
        os.close(descriptor)
