"""How long failed pods are let be, so that they are not made as fast as they fail; client-go's Backoff."""

from collections.abc import Callable, Hashable

FIRST, LONGEST = 1.0, 900.0  # seconds, doubled each time
FORGOTTEN = 2 * LONGEST


class Backoff:
    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._known: dict[Hashable, tuple[float, float]] = {}  # since when, for how long

    def remaining(self, key: Hashable) -> float:
        """Seconds for which it is held."""
        since, seconds = self._known.get(key, (0.0, 0.0))
        return max(since + seconds - self._clock(), 0.0)

    def next(self, key: Hashable) -> None:
        """Hold it from now on, for twice as long as the last time."""
        now = self._clock()
        for old in [one for one, (since, _) in self._known.items() if now - since > FORGOTTEN]:
            del self._known[old]
        _, seconds = self._known.get(key, (0.0, 0.0))
        self._known[key] = (now, min(seconds * 2, LONGEST) or FIRST)
