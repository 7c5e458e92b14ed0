"""What becomes of a recommendation: stabilized, and no faster than the policies allow. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil

from sampan.kube.client.requests import Object
from sampan.kube.controllers.autoscaling.conditions import Told

WINDOW = 300.0  # seconds for which a higher recommendation is remembered
FACTOR, LEAST = 2.0, 4.0  # of what there is, without rules: no more at once
_WITHIN = Told("False", "DesiredWithinRange", "the desired count is within the acceptable range")
_TOO_MANY = Told(
    "True", "TooManyReplicas", "the desired replica count is more than the maximum replica count"
)
_TOO_FEW = Told("True", "TooFewReplicas", "the desired replica count is less than the minimum replica count")
_TOO_FAST = Told(
    "True", "ScaleUpLimit", "the desired replica count is increasing faster than the maximum scale rate"
)
_TOO_FAST_DOWN = Told(
    "True", "ScaleDownLimit", "the desired replica count is decreasing faster than the maximum scale rate"
)
_READY = Told("True", "ReadyForNewScale", "recommended size matches current size")
_UP_STABILIZED = Told(
    "True",
    "ScaleUpStabilized",
    "recent recommendations were lower than current one, applying the lowest recent recommendation",
)
_DOWN_STABILIZED = Told(
    "True",
    "ScaleDownStabilized",
    "recent recommendations were higher than current one, applying the highest recent recommendation",
)

Dated = tuple[float, int]  # when, and how many


@dataclass(frozen=True)
class History:
    """What was recommended, and by how many replicas it was scaled."""

    recommended: tuple[Dated, ...] = ()
    ups: tuple[Dated, ...] = ()
    downs: tuple[Dated, ...] = ()

    def scaled(self, before: int, after: int, behavior: Object | None, now: float) -> "History":
        """Only rules need to know."""
        if behavior is None:
            return self
        if after > before:
            return replace(self, ups=_kept(self.ups, _longest(behavior, "scaleUp"), now, after - before))
        return replace(self, downs=_kept(self.downs, _longest(behavior, "scaleDown"), now, before - after))


def _kept(dated: Sequence[Dated], seconds: float, now: float, new: int) -> tuple[Dated, ...]:
    return (*(one for one in dated if one[0] >= now - seconds), (now, new))


def _longest(behavior: Object, side: str) -> float:
    rules = behavior.get(side) or {}
    return max((float(one.get("periodSeconds", 0)) for one in rules.get("policies") or ()), default=0.0)


@dataclass(frozen=True)
class Outcome:
    """How many there are to be, and what the conditions AbleToScale and ScalingLimited say."""

    replicas: int
    able: Told
    limited: Told
    history: History


def normalized(
    history: History, current: int, wanted: int, least: int, most: int, behavior: Object | None, now: float
) -> Outcome:
    if behavior is None:
        return _by_default(history, current, wanted, least, most, now)
    stable, kept = _stabilized(history, current, wanted, behavior, now)
    turned = _UP_STABILIZED if wanted >= current else _DOWN_STABILIZED
    replicas, limited = _limited(history, current, stable, least, most, behavior, now)
    return Outcome(
        replicas, turned if stable != wanted else _READY, limited, replace(history, recommended=kept)
    )


def _by_default(history: History, current: int, wanted: int, least: int, most: int, now: float) -> Outcome:
    recent = [count for at, count in history.recommended if at >= now - WINDOW]
    stable = max([wanted, *recent])
    able = _DOWN_STABILIZED if stable != wanted else _READY
    fastest = int(max(FACTOR * current, LEAST))
    kept = replace(history, recommended=_kept(history.recommended, WINDOW, now, wanted))
    if stable < least:
        return Outcome(least, able, _TOO_FEW, kept)
    if stable > min(most, fastest):
        return Outcome(min(most, fastest), able, _TOO_FAST if most > fastest else _TOO_MANY, kept)
    return Outcome(stable, able, _WITHIN, kept)


def _stabilized(
    history: History, current: int, wanted: int, behavior: Object, now: float
) -> tuple[int, tuple[Dated, ...]]:
    """Between the lowest of what was recommended in one window and the highest in the other."""
    up = _window(behavior, "scaleUp", 0.0)
    down = _window(behavior, "scaleDown", WINDOW)
    lowest = min([wanted, *(count for at, count in history.recommended if at > now - up)])
    highest = max([wanted, *(count for at, count in history.recommended if at > now - down)])
    return min(max(current, lowest), highest), _kept(history.recommended, max(up, down), now, wanted)


def _window(behavior: Object, side: str, default: float) -> float:
    seconds = (behavior.get(side) or {}).get("stabilizationWindowSeconds")
    return float(seconds) if seconds is not None else default


def _limited(
    history: History, current: int, wanted: int, least: int, most: int, behavior: Object, now: float
) -> tuple[int, Told]:
    if wanted > current:
        fastest = max(_limit(history, current, behavior.get("scaleUp") or {}, 1, now), current)
        if wanted > min(most, fastest):
            return min(most, fastest), _TOO_FAST if most > fastest else _TOO_MANY
    elif wanted < current:
        slowest = min(_limit(history, current, behavior.get("scaleDown") or {}, -1, now), current)
        if wanted < max(least, slowest):
            return max(least, slowest), _TOO_FAST_DOWN if least < slowest else _TOO_FEW
    return wanted, _WITHIN


def _limit(history: History, current: int, rules: Object, sign: int, now: float) -> int:
    """As far as the policies go upwards (sign 1) or downwards (-1) from where each period began."""
    select = rules.get("selectPolicy", "Max")
    if select == "Disabled":
        return current
    reached = []
    for policy in rules.get("policies") or ():
        seconds, value = float(policy.get("periodSeconds", 0)), int(policy.get("value", 0))
        began = current - _changed(history.ups, seconds, now) + _changed(history.downs, seconds, now)
        if policy.get("type") == "Pods":
            reached.append(began + sign * value)
        else:
            share = began * (1 + sign * value / 100)
            # Upwards it is rounded up, or a small number would never grow.
            reached.append(ceil(share) if sign > 0 else int(share))
    if not reached:
        return current
    farthest = select != "Min"
    return max(reached) if farthest == (sign > 0) else min(reached)


def _changed(dated: Sequence[Dated], seconds: float, now: float) -> int:
    return sum(count for at, count in dated if at > now - seconds)
