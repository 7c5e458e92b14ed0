"""Passwords are verified on threads of their own, so that nothing else waits for them.

A bcrypt hash takes 50 ms to a second of one CPU, by design. Each client address has one at a time in the
threads and a few in its own queue, so whoever tries many passwords waits for themselves; beyond that they
are told to come again. The same question asked twice is answered once: docker asks eight times at a time.
"""

import asyncio
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from ipaddress import IPv6Address, ip_address

from sampan.registry.errors import TooManyRequests
from sampan.tasks import Tasks

THREADS = 1  # in each worker
NICENESS = 10  # requests that need no password come first
PER_ADDRESS = 8  # questions of one address that wait or are answered
IN_ALL = 512


class Verifiers:
    def __init__(self, threads: int = THREADS) -> None:
        self._threads = ThreadPoolExecutor(threads, "passwords", initializer=_step_back)
        self._asked: dict[bytes, asyncio.Future[bool]] = {}
        self._turns: dict[str, asyncio.Lock] = {}
        self._waiting: dict[str, int] = {}
        self._tasks = Tasks()

    async def run(self, address: str, key: bytes, verify: Callable[[], bool]) -> bool:
        """What `verify` says, in its turn; `key` stands for the question. Raises TooManyRequests."""
        place = network(address)
        task = self._asked.get(key)
        if task is None:
            self._enter(place)
            task = self._asked[key] = self._tasks.share(self._answer(place, verify))
            task.add_done_callback(lambda _: self._leave(place, key))
        # Shielded: one client that leaves must not take the answer from the others.
        return await asyncio.shield(task)

    async def close(self) -> None:
        """Leave what is asked unanswered."""
        await self._tasks.stop()

    def _enter(self, place: str) -> None:
        waiting = self._waiting.get(place, 0)
        if waiting >= PER_ADDRESS or len(self._asked) >= IN_ALL:
            raise TooManyRequests(
                "too many passwords to check at once; try again", headers={"Retry-After": "1"}
            )
        self._waiting[place] = waiting + 1

    def _leave(self, place: str, key: bytes) -> None:
        del self._asked[key]
        self._waiting[place] -= 1
        if not self._waiting[place]:
            del self._waiting[place]
            self._turns.pop(place, None)

    async def _answer(self, place: str, verify: Callable[[], bool]) -> bool:
        async with self._turns.setdefault(place, asyncio.Lock()):
            return await asyncio.get_running_loop().run_in_executor(self._threads, verify)


def network(address: str) -> str:
    """Who counts as one client: an IPv4 address, or a /64, which every IPv6 client has all of."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if not isinstance(found, IPv6Address):
        return str(found)
    return str(found.ipv4_mapped or IPv6Address(int(found) >> 64 << 64))


def _step_back() -> None:
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
