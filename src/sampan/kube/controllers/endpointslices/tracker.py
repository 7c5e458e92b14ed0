"""Tells whether the cache has seen what was written of an owner's slices: before that, nothing is planned.

Otherwise a slice that was made, and is not in the cache yet, would be made a second time.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from sampan.kube.client.requests import Object

PATIENCE = 30.0  # seconds after which what was written is not waited for any longer
GONE = -1


@dataclass
class Tracker:
    """By the owner's key; what is kept of a slice is its generation, by its uid."""

    clock: Callable[[], float]
    _written: dict[str, dict[str, tuple[int, float]]] = field(default_factory=dict)

    def wrote(self, key: str, value: Object) -> None:
        self._keep(key, value, generation(value))

    def deleted(self, key: str, value: Object) -> None:
        self._keep(key, value, GONE)

    def _keep(self, key: str, value: Object, number: int) -> None:
        self._written.setdefault(key, {})[value["metadata"]["uid"]] = number, self.clock()

    def forget(self, key: str) -> None:
        self._written.pop(key, None)

    def is_stale(self, key: str, cached: Iterable[Object]) -> bool:
        """Once the cache has seen something it need not be waited for again."""
        written = self._written.get(key)
        if not written:
            return False
        have = {value["metadata"]["uid"]: generation(value) for value in cached}
        for uid, (number, at) in list(written.items()):
            seen = uid not in have if number == GONE else have.get(uid, -1) >= number
            if seen or self.clock() > at + PATIENCE:
                del written[uid]
        return bool(written)

    def is_awaited(self, key: str, what: str, value: Object) -> bool:
        """Is a change of a slice only the echo of what was written?"""
        number, _ = self._written.get(key, {}).get(value["metadata"]["uid"], (0, 0.0))
        if what == "delete":
            return number == GONE
        return number == GONE or 0 < generation(value) <= number


def generation(value: Object) -> int:
    return int(value["metadata"].get("generation") or 0)
