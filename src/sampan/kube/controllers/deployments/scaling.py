"""How many pods each ReplicaSet of a Deployment is to have. Pure; upstream's sync.go, deployment_util.go"""

from collections.abc import Sequence

from sampan.kube.client.requests import Object
from sampan.kube.controllers.deployments.sets import (
    DESIRED,
    LARGEST,
    MAXIMUM,
    active,
    count,
    desired,
    number,
    replicas,
    together,
    total,
)
from sampan.specs.kubernetes.intorstring import scaled
from sampan.specs.kubernetes.objects import annotations_of, by_creation


def rolls(deployment: Object) -> bool:
    return bool((deployment["spec"].get("strategy") or {}).get("type") == "RollingUpdate")


def bounds(deployment: Object) -> tuple[int, int]:
    """maxSurge rounded up and maxUnavailable rounded down, as numbers of pods; not both zero."""
    rolling = (deployment["spec"].get("strategy") or {}).get("rollingUpdate") or {}
    wanted = replicas(deployment)
    surge = scaled(rolling.get("maxSurge", 0), wanted, up=True)
    unavailable = scaled(rolling.get("maxUnavailable", 0), wanted, up=False)
    # Validation forbids two zeros, but both may be percentages that come to nothing.
    return surge, unavailable or int(surge == 0)


def max_surge(deployment: Object) -> int:
    return bounds(deployment)[0] if rolls(deployment) else 0


def max_unavailable(deployment: Object) -> int:
    if not rolls(deployment):
        return 0
    return min(bounds(deployment)[1], replicas(deployment))


def most(deployment: Object) -> int:
    """So many pods it may have at any time; no set can have more than the API can count."""
    return min(replicas(deployment) + max_surge(deployment), LARGEST)


def replicas_of_new(deployment: Object, sets: Sequence[Object], new: Object) -> int:
    """As many as there is room for."""
    if not rolls(deployment):
        return replicas(deployment)
    room = most(deployment) - total(sets)
    if room <= 0:
        return replicas(new)
    return replicas(new) + min(room, replicas(deployment) - replicas(new))


def size_annotations(deployment: Object) -> dict[str, str]:
    """What a set keeps of the Deployment's size, by which changes of it are noticed."""
    return {DESIRED: str(replicas(deployment)), MAXIMUM: str(most(deployment))}


def is_scaled(deployment: Object, sets: Sequence[Object]) -> bool:
    """Has its size changed since its sets were scaled?"""
    known = (desired(one) for one in active(sets))
    return any(one is not None and one != replicas(deployment) for one in known)


def is_saturated(deployment: Object, new: Object | None) -> bool:
    wanted = replicas(deployment)
    return new is not None and replicas(new) == desired(new) == count(new, "availableReplicas") == wanted


def sizes(deployment: Object, new: Object | None, old: Sequence[Object]) -> list[tuple[Object, int]]:
    """The sets to be scaled after a change of the Deployment's size, or while it is paused."""
    sets = together(old, new)
    only = _active_or_latest(new, old)
    if only is not None:
        return [(only, replicas(deployment))] if replicas(only) != replicas(deployment) else []
    if is_saturated(deployment, new):
        return [(one, 0) for one in active(old)]
    return _in_proportion(deployment, active(sets)) if rolls(deployment) else []


def _active_or_latest(new: Object | None, old: Sequence[Object]) -> Object | None:
    """The only set with pods, or the newest if none has any."""
    sets = active(together(old, new))
    if len(sets) > 1:
        return None
    if sets:
        return sets[0]
    return new if new is not None else next(reversed(by_creation(old)), None)


def _in_proportion(deployment: Object, sets: Sequence[Object]) -> list[tuple[Object, int]]:
    """Each grows or shrinks by its share; what is left over by rounding is the largest's.

    Of equally large ones the newest comes first when growing, the oldest when shrinking.
    """
    allowed = most(deployment) if replicas(deployment) else 0
    change = allowed - total(sets)
    ordered = by_creation(sets)
    if change > 0:
        ordered.reverse()
    ordered.sort(key=replicas, reverse=True)
    found, done = [], 0
    for one in ordered:
        share = _share(one, deployment, change, change - done)
        done += share
        found.append((one, max(replicas(one) + share, 0)))
    if found and change:
        largest, size = found[0]
        found[0] = (largest, max(size + change - done, 0))
    return found


def _share(one: Object, deployment: Object, change: int, left: int) -> int:
    if not change or not left or not replicas(one):
        return 0
    fraction = _fraction(one, deployment)
    return min(fraction, left) if change > 0 else max(fraction, left)


def _fraction(one: Object, deployment: Object) -> int:
    """By how much a set changes if it keeps its part of the whole."""
    if not replicas(deployment):
        return -replicas(one)
    before = number(annotations_of(one).get(MAXIMUM))
    if before is None or not 0 < before <= LARGEST:
        before = count(deployment, "replicas")
    if not before:
        return 0
    size = replicas(one) * most(deployment) / before
    return int(size + (0.5 if size >= 0 else -0.5)) - replicas(one)
