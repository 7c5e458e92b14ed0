"""A queue of keys to be reconciled: each at most once at a time, and later where it failed.

A key that is added while somebody works on it is handed out again once that is done (client-go's workqueue).
"""

import asyncio
from collections import deque

FIRST_DELAY = 0.005  # seconds, doubled with each failure in a row
LONGEST_DELAY = 1000.0


def delay_after(failures: int) -> float:
    """Seconds to wait after that many failures in a row."""
    return float(min(FIRST_DELAY * 2 ** min(failures - 1, 30), LONGEST_DELAY)) if failures else 0.0


class WorkQueue:
    def __init__(self) -> None:
        self._waiting: deque[str] = deque()
        self._dirty: set[str] = set()  # to be handed out, whether or not somebody works on them
        self._working: set[str] = set()
        self._failures: dict[str, int] = {}
        self._later: dict[str, asyncio.TimerHandle] = {}
        self._wake = asyncio.Event()
        self._stopped = False

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, key: str) -> None:
        if self._stopped or key in self._dirty:
            return
        self._dirty.add(key)
        if key not in self._working:
            self._waiting.append(key)
            self._wake.set()

    def add_after(self, key: str, seconds: float) -> None:
        """Add it later; of several times the earliest counts."""
        if self._stopped:
            return
        if seconds <= 0:
            self.add(key)
            return
        loop = asyncio.get_running_loop()
        known = self._later.get(key)
        if known is not None:
            if known.when() <= loop.time() + seconds:
                return
            known.cancel()
        self._later[key] = loop.call_later(seconds, self._due, key)

    def _due(self, key: str) -> None:
        self._later.pop(key, None)
        self.add(key)

    def retry(self, key: str) -> float:
        """Add what failed, later with each failure in a row; the delay in seconds."""
        self._failures[key] = failures = self._failures.get(key, 0) + 1
        seconds = delay_after(failures)
        self.add_after(key, seconds)
        return seconds

    def forget(self, key: str) -> None:
        """It went well: its next failure is its first."""
        self._failures.pop(key, None)

    async def get(self) -> str | None:
        """The next key, for which `done` must be called; None once the queue is stopped."""
        while not self._waiting:
            if self._stopped:
                return None
            self._wake.clear()
            await self._wake.wait()
        key = self._waiting.popleft()
        self._dirty.discard(key)
        self._working.add(key)
        return key

    def done(self, key: str) -> None:
        self._working.discard(key)
        if key in self._dirty and not self._stopped:
            self._waiting.append(key)
            self._wake.set()

    def stop(self) -> None:
        """Nobody gets anything more; whoever waits is let go."""
        self._stopped = True
        self._waiting.clear()
        for timer in self._later.values():
            timer.cancel()
        self._later.clear()
        self._wake.set()
