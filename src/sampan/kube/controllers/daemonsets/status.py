"""What a DaemonSet's status says. Pure."""

from collections import Counter

from sampan.kube.client.requests import Object
from sampan.kube.controllers.daemonsets.view import View
from sampan.specs.kubernetes.pods import is_ready

COUNTS = (
    "desiredNumberScheduled",
    "currentNumberScheduled",
    "numberMisscheduled",
    "numberReady",
    "updatedNumberScheduled",
    "numberAvailable",
    "numberUnavailable",
)


def status_of(view: View, observed: bool) -> Object:
    """`observed`: the set as it is now has been acted on."""
    counts = Counter(one for node in view.placements for one in _counted(view, node))
    counts["numberUnavailable"] = counts["desiredNumberScheduled"] - counts["numberAvailable"]
    found: Object = dict(view.owner.get("status") or {})
    found.update({name: counts[name] for name in COUNTS})
    if observed:
        found["observedGeneration"] = view.owner["metadata"].get("generation", 0)
    return found


def _counted(view: View, node: str) -> list[str]:
    there = view.pods.get(node)
    if not view.placement(node).run:
        return ["numberMisscheduled"] if there else []
    found = ["desiredNumberScheduled"]
    if there:
        found.append("currentNumberScheduled")
        if is_ready(there[0]):
            found.append("numberReady")
            found += ["numberAvailable"] if view.is_available(there[0]) else []
        found += ["updatedNumberScheduled"] if view.is_updated(there[0]) else []
    return found


def is_news(owner: Object, status: Object) -> bool:
    old = owner.get("status") or {}
    return any(status.get(name, 0) != old.get(name, 0) for name in (*COUNTS, "collisionCount")) or (
        status.get("observedGeneration", 0) > old.get("observedGeneration", 0)
    )
