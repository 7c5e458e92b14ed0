"""What a controller has asked for and its informers have not shown yet: until then it decides nothing anew.

Without this, a controller called twice in a row would create twice (upstream's ControllerExpectations).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

PATIENCE = 300.0  # seconds after which what was expected is taken for lost


@dataclass
class _Awaited:
    since: float
    creations: int
    deletions: set[str] = field(default_factory=set)


class Expectations:
    """By the key of the owner; creations are counted, deletions known by the object's uid."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._awaited: dict[str, _Awaited] = {}

    def expect(self, key: str, *, creations: int = 0, deletions: Iterable[str] = ()) -> None:
        """Beside what is awaited already."""
        known = self._awaited.get(key)
        more = _Awaited(self._clock(), creations, set(deletions))
        if known is not None and not self._expired(known):
            more.creations += known.creations
            more.deletions |= known.deletions
        self._awaited[key] = more

    def created(self, key: str) -> None:
        """One has been seen, or could not be created."""
        known = self._awaited.get(key)
        if known is not None:
            known.creations -= 1

    def deleted(self, key: str, uid: str) -> None:
        """One has gone, or is on its way, or could not be deleted."""
        known = self._awaited.get(key)
        if known is not None:
            known.deletions.discard(uid)

    def satisfied(self, key: str) -> bool:
        known = self._awaited.get(key)
        return known is None or (known.creations <= 0 and not known.deletions) or self._expired(known)

    def forget(self, key: str) -> None:
        self._awaited.pop(key, None)

    def _expired(self, known: _Awaited) -> bool:
        return self._clock() - known.since > PATIENCE
