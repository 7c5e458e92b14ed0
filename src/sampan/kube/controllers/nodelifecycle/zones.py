"""How fast nodes of a failure zone may be emptied: slower the more of it is away. Pure.

Where a whole zone is away it is rather its network than its nodes; where all zones are, it is ours.
kubernetes.io/docs/concepts/architecture/nodes#rate-limits-on-eviction
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sampan.kube.client.requests import Object
from sampan.specs.kubernetes.objects import labels_of

REGION, ZONE = "topology.kubernetes.io/region", "topology.kubernetes.io/zone"
OLD_REGION, OLD_ZONE = "failure-domain.beta.kubernetes.io/region", "failure-domain.beta.kubernetes.io/zone"
EXCLUDED = "node.kubernetes.io/exclude-disruption"

INITIAL, NORMAL, PARTIAL, FULL = "Initial", "Normal", "PartialDisruption", "FullDisruption"
BURST = 1.0


@dataclass(frozen=True)
class Rates:
    """Nodes per second, and from what on a zone counts as disrupted; defaults as upstream's options."""

    normal: float = 0.1
    secondary: float = 0.01
    large: int = 50  # nodes in a zone, up to which nothing is evicted while it is disrupted
    unhealthy: float = 0.55  # part of a zone's nodes


def zone_of(node: Object) -> str:
    labels = labels_of(node)
    zone = labels.get(OLD_ZONE) or labels.get(ZONE) or ""
    region = labels.get(OLD_REGION) or labels.get(REGION) or ""
    return f"{region}:\0:{zone}" if region or zone else ""


def is_counted(node: Object) -> bool:
    return EXCLUDED not in labels_of(node)


def state_of(ready: Sequence[bool], rates: Rates) -> str:
    """Of a zone, by whether each of its nodes is ready."""
    away = ready.count(False)
    if away and away == len(ready):
        return FULL
    if away > 2 and away / len(ready) >= rates.unhealthy:
        return PARTIAL
    return NORMAL


def rate_of(state: str, size: int, rates: Rates) -> float:
    if state == PARTIAL:
        return rates.secondary if size > rates.large else 0.0
    return rates.normal


@dataclass
class Bucket:
    """Lets one pass, then as many per second as the rate says (a token bucket with room for one)."""

    rate: float
    tokens: float = BURST
    at: float = 0.0

    def take(self, now: float) -> bool:
        self._fill(now)
        if self.rate <= 0 or self.tokens < 1:
            return False
        self.tokens -= 1
        return True

    def wait(self, now: float) -> float | None:
        """Seconds until one passes; None if none will."""
        self._fill(now)
        if self.rate <= 0:
            return None
        return max(0.0, (1 - self.tokens) / self.rate)

    def change(self, rate: float, now: float) -> None:
        """Who waits now goes on waiting."""
        if rate != self.rate:
            waiting = self.wait(now) != 0
            self.rate, self.tokens = rate, 0.0 if waiting else BURST

    def _fill(self, now: float) -> None:
        self.tokens = min(BURST, self.tokens + max(0.0, now - self.at) * max(self.rate, 0.0))
        self.at = now


@dataclass
class Zone:
    bucket: Bucket
    state: str = INITIAL
    waiting: dict[str, None] = field(default_factory=dict)  # nodes that are to be tainted, by age


@dataclass(frozen=True)
class Change:
    """What a look at all zones comes to."""

    states: Mapping[str, str]
    rates: Mapping[str, float]
    entering: bool = False  # everything is away from now on: nobody is to be driven away for it
    leaving: bool = False  # something has come back: all nodes get their full grace again


def judge(before: Mapping[str, str], ready: Mapping[str, Sequence[bool]], rates: Rates) -> Change:
    """`before`: states by zone; `ready`: whether each node is, by zone."""
    now = {zone: state_of(nodes, rates) for zone, nodes in ready.items()}
    all_away = all(state == FULL for state in now.values())
    all_were = all(before.get(zone, INITIAL) == FULL for zone in now)
    if all_away and all_were:
        return Change(now, {})
    if all_away:
        return Change(now, dict.fromkeys(now, 0.0), entering=True)
    changed = {zone for zone, state in now.items() if all_were or before.get(zone, INITIAL) != state}
    speeds = {zone: rate_of(now[zone], len(ready[zone]), rates) for zone in changed}
    return Change(now, speeds, leaving=all_were)
