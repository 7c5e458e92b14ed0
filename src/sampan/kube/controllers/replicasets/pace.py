"""How many pods a set may make at a time, whatever becomes of them.

Somebody may delete a set's pods as fast as it makes them: a template that names a node which evicts what does
not tolerate its taint is enough, and upstream's controller then writes as fast as its client may, for ever. A
set makes many times its size at once, and from then on its size again every ten seconds.
"""

from collections.abc import Callable

TIMES, AT_LEAST = 10, 100  # pods at once: so many times its size, and so many more
PERIOD = 10.0  # seconds in which it may make its size again
SMALLEST = 10  # pods; a smaller set is taken for one of so many


class Pace:
    """By the key of the set."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._made: dict[str, tuple[float, float]] = {}  # pods that count, and when that was

    def left(self, key: str, size: int) -> int:
        """How many it may make now."""
        return max(int(TIMES * size + AT_LEAST - self._counted(key, size)), 0)

    def wait(self, size: int) -> float:
        """Seconds until one more may be made, when none may now."""
        return 1 / _rate(size)

    def made(self, key: str, size: int, count: int) -> None:
        self._made[key] = self._counted(key, size) + count, self._clock()

    def forget(self, key: str) -> None:
        self._made.pop(key, None)

    def _counted(self, key: str, size: int) -> float:
        made, since = self._made.get(key, (0.0, 0.0))
        return max(made - max(self._clock() - since, 0.0) * _rate(size), 0.0)


def _rate(size: int) -> float:
    return max(size, SMALLEST) / PERIOD
