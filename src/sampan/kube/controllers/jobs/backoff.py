"""How long a job waits before it replaces failed pods: 10 s, doubled with each failure in a row. Pure."""

from collections.abc import Collection
from dataclasses import dataclass

from sampan.kube.client.requests import Object
from sampan.kube.controllers.jobs.facts import ended_at

FIRST, LONGEST = 10.0, 600.0  # seconds


def left(failures: int, last: float | None, now: float) -> float:
    """Seconds still to wait after so many failures in a row, of which the last was then."""
    if not failures or last is None:
        return 0.0
    wait: float = min(FIRST * 2 ** min(failures - 1, 20), LONGEST)
    return max(wait - (now - last), 0.0)


@dataclass(frozen=True)
class Backoff:
    """How many pods of a job have failed since one succeeded, and when the last did."""

    failures: int = 0
    last: float | None = None

    def after(self, succeeded: Collection[Object], failed: Collection[Object]) -> "Backoff":
        """With pods that have ended since."""
        if not succeeded and not failed:
            return self
        ends = sorted(ended_at(pod) for pod in failed)
        if not succeeded:
            return Backoff(self.failures + len(ends), ends[-1])
        success = max(ended_at(pod) for pod in succeeded)
        later = [end for end in ends if end > success]
        return Backoff(len(later), later[-1] if later else None)

    def left(self, now: float) -> float:
        return left(self.failures, self.last, now)
