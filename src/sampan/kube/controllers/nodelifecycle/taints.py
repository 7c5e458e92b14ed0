"""Which taints a node is to have, by what it says of itself. Pure."""

from collections.abc import Iterable, Mapping
from typing import Any

from sampan.kube.client.requests import Object
from sampan.specs.kubernetes import taints
from sampan.specs.kubernetes.objects import condition
from sampan.specs.kubernetes.taints import NO_EXECUTE, NO_SCHEDULE, identity
from sampan.specs.kubernetes.time import text

Taint = Mapping[str, Any]

# What a condition of a node means to whoever schedules: by its type and status.
BY_CONDITION = {
    ("Ready", "False"): taints.NOT_READY,
    ("Ready", "Unknown"): taints.UNREACHABLE,
    ("MemoryPressure", "True"): taints.MEMORY_PRESSURE,
    ("DiskPressure", "True"): taints.DISK_PRESSURE,
    ("NetworkUnavailable", "True"): taints.NETWORK_UNAVAILABLE,
    ("PIDPressure", "True"): taints.PID_PRESSURE,
}
OURS = frozenset((key, NO_SCHEDULE) for key in (*BY_CONDITION.values(), taints.UNSCHEDULABLE))
EVICTING = {"False": taints.NOT_READY, "Unknown": taints.UNREACHABLE}  # by the status of Ready


def of(node: Object) -> list[Taint]:
    return (node.get("spec") or {}).get("taints") or []


def has(node: Object, key: str, effect: str = NO_EXECUTE) -> bool:
    return any(identity(one) == (key, effect) for one in of(node))


def scheduling(node: Object, now: float) -> list[Taint] | None:
    """Its taints, with those against scheduling that its conditions ask for; None if they are right."""
    conditions = (node.get("status") or {}).get("conditions") or ()
    asked = [BY_CONDITION.get((one.get("type", ""), one.get("status", ""))) for one in conditions]
    if (node.get("spec") or {}).get("unschedulable"):
        asked.append(taints.UNSCHEDULABLE)
    wanted = [(key, NO_SCHEDULE) for key in asked if key is not None]
    return changed(node, wanted, OURS.difference(wanted), now)


def evicting(node: Object, now: float) -> list[Taint] | None:
    """Its taints, with the one that drives pods away for what Ready says now; None if they are right."""
    status = (condition(node, "Ready") or {}).get("status", "True")
    key = EVICTING.get(status)
    wanted = [(key, NO_EXECUTE)] if key is not None else []
    return changed(node, wanted, [(one, NO_EXECUTE) for one in EVICTING.values() if one != key], now)


def reachable(node: Object) -> list[Taint] | None:
    """Its taints, without those that drive pods away; None if it has none."""
    return changed(node, (), [(one, NO_EXECUTE) for one in EVICTING.values()], 0)


def changed(
    node: Object, wanted: Iterable[tuple[str, str]], unwanted: Iterable[tuple[str, str]], now: float
) -> list[Taint] | None:
    """A node's taints with some more and some less; None if that is what it has."""
    have = of(node)
    gone = set(unwanted)
    kept = [one for one in have if identity(one) not in gone]
    there = {identity(one) for one in kept}
    new = [
        {"key": key, "effect": effect, "timeAdded": text(now)}
        for key, effect in dict.fromkeys(wanted)
        if (key, effect) not in there
    ]
    return [*kept, *new] if new or len(kept) != len(have) else None


def patch(node: Object, wanted: list[Taint]) -> list[Object]:
    """A JSON patch that fails where somebody else has changed the taints, or the node is another one.

    Other changes of a node, of which there are many, do not get into its way.
    """
    have = of(node)
    change: Object = {"op": "replace" if have else "add", "path": "/spec/taints", "value": wanted}
    if not wanted:
        change = {"op": "remove", "path": "/spec/taints"}
    return [
        {"op": "test", "path": "/metadata/uid", "value": node["metadata"]["uid"]},
        {"op": "test", "path": "/spec/taints", "value": have or None},
        change,
    ]
