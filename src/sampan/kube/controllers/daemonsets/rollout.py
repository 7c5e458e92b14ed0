"""The rolling update of a DaemonSet. Pure; upstream's daemon/update.go

Without a surge, old pods are deleted as long as no more than maxUnavailable nodes are without an available
pod. With one, new pods start beside them on up to maxSurge nodes, and each old one goes when its successor is
available. What is not available anyway never waits.
"""

from collections.abc import Sequence

from sampan.kube.client.requests import Object
from sampan.kube.controllers.daemonsets.amounts import surge, unavailable
from sampan.kube.controllers.daemonsets.view import Plan, View
from sampan.specs.kubernetes.objects import is_going


def roll(view: View) -> Plan:
    extra = surge(view.owner, view.desired)
    found = _surged(view, extra) if extra else _replaced(view, unavailable(view.owner, view.desired))
    old = sum(not view.is_updated(pod) for there in view.pods.values() for pod in there if not is_going(pod))
    if old and not found:
        return Plan(waits=f"{old} old pods wait until enough of the new ones are available")
    return found


def _pair(view: View, node: str) -> tuple[Object | None, Object | None] | None:
    """The new pod of a node and the old one; None if there are several, of which `manage` makes one."""
    there = [pod for pod in view.pods.get(node, ()) if not is_going(pod)]
    new = [pod for pod in there if view.is_updated(pod)]
    old = [pod for pod in there if not view.is_updated(pod)]
    if len(new) > 1 or len(old) > 1:
        return None
    return (new[0] if new else None), (old[0] if old else None)


def _places(view: View) -> list[str]:
    """The nodes that have pods, or should."""
    wanted = [name for name, one in view.placements.items() if one.run and name not in view.pods]
    return [*view.pods, *wanted]


def _replaced(view: View, most: int) -> Plan:
    missing, broken, candidates = 0, list[Object](), list[Object]()
    for node in _places(view):
        pair = _pair(view, node)
        if pair is None or (pair[0] is None) == (pair[1] is None):
            missing += 1
            continue
        new, old = pair
        if new is not None:
            missing += not view.is_available(new)
        elif old is not None and view.is_available(old):
            candidates.append(old)
        elif old is not None:
            missing += 1
            broken.append(old)
    return Plan(delete=(*broken, *candidates[: max(most - missing, 0)]))


def _surged(view: View, most: int) -> Plan:
    surging, available = 0, 0
    create, candidates = list[str](), list[str]()
    delete, misplaced = list[Object](), list[Object]()
    for node in view.pods:
        pair = _pair(view, node)
        if pair is None:
            surging += 1
            continue
        new, old = pair
        counted = old if old is not None else new
        available += counted is not None and view.is_available(counted)
        if old is None:
            continue
        if new is not None:
            if view.is_available(new):
                delete.append(old)
            else:
                surging += 1
        elif not view.placement(node).run:
            misplaced += [old] if view.is_available(old) else []
        else:
            (candidates if view.is_available(old) else create).append(node)
    create += candidates[: max(most - surging, 0)]
    return Plan(create=tuple(create), delete=(*delete, *_to_spare(misplaced, available - view.desired)))


def _to_spare(misplaced: Sequence[Object], spare: int) -> Sequence[Object]:
    """Pods where none are to start any more go once as many are available elsewhere."""
    return misplaced[: max(spare, 0)]
