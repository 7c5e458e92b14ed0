"""One pod of a DaemonSet on each of its nodes, and none elsewhere. Pure; upstream's podsShouldBeOnNode"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from sampan.kube.client.requests import Object
from sampan.kube.controllers.daemonsets.amounts import surge
from sampan.kube.controllers.daemonsets.template import HASH
from sampan.kube.controllers.daemonsets.view import NORMAL, WARNING, Changes, View
from sampan.specs.kubernetes.objects import is_going
from sampan.specs.kubernetes.pods import is_ready, phase


def manage(view: View) -> Changes:
    found = Changes()
    for node in view.placements:
        found = _sum(found, _on_node(view, node))
    return _sum(found, Changes(delete=tuple(_without_node(view))))


def _sum(one: Changes, other: Changes) -> Changes:
    waits = [each for each in (one.again, other.again) if each is not None]
    return Changes(
        one.create + other.create,
        one.delete + other.delete,
        one.events + other.events,
        one.killed + other.killed,
        min(waits, default=None),
        one.waits or other.waits,
    )


def _on_node(view: View, node: str) -> Changes:
    run, stay = view.placement(node)
    there = view.pods.get(node, [])
    if run and not there:
        return Changes(create=(node,))
    if stay:
        return _kept(view, node, [pod for pod in there if not is_going(pod)], run)
    return Changes(delete=tuple(pod for pod in there if not is_going(pod)))


def _kept(view: View, node: str, there: Sequence[Object], run: bool) -> Changes:
    """Those that have ended make way; of the others one is kept, or two while one follows the other."""
    found = Changes()
    for pod in there:
        if phase(pod) == "Failed":
            found = _sum(found, _failed(view, node, pod))
        elif phase(pod) == "Succeeded":
            text = f"Found succeeded daemon pod {_key(pod)} on node {node}, will try to delete it"
            found = _sum(found, Changes(delete=(pod,), events=((NORMAL, "SucceededDaemonPod", text),)))
    alive = [pod for pod in there if phase(pod) not in ("Failed", "Succeeded")]
    if not surge(view.owner, 1):
        return replace(found, delete=(*found.delete, *alive[1:]))
    if not alive and run:
        # A pod on its way out does not hold up its successor.
        return replace(found, create=(*found.create, node))
    return replace(found, delete=(*found.delete, *_surplus(view, alive)))


def _failed(view: View, node: str, pod: Object) -> Changes:
    """The kubelet may refuse it again and again: not faster than the back-off."""
    if seconds := view.held.get(node, 0.0):
        name = pod["metadata"]["name"]
        return Changes(again=seconds, waits=f"{name} on node {node} has failed and is made anew later")
    text = f"Found failed daemon pod {_key(pod)} on node {node}, will try to kill it"
    return Changes(delete=(pod,), events=((WARNING, "FailedDaemonPod", text),), killed=(node,))


def _key(pod: Object) -> str:
    return f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"


def _surplus(view: View, alive: Sequence[Object]) -> list[Object]:
    """Of new and of old ones the oldest stays; the old one while it is ready and its successor is not."""
    if len(alive) <= 1:
        return []
    new = [pod for pod in alive if (pod["metadata"].get("labels") or {}).get(HASH) == view.hash]
    old = [pod for pod in alive if pod not in new]
    found = [*new[1:], *old[1:]]
    if new and old and (not is_ready(old[0]) or view.is_available(new[0])):
        found.append(old[0])
    return found


def _without_node(view: View) -> Iterable[Object]:
    """Pods pinned to a node that is not there: nobody will ever bind them, or collect them."""
    for node, pods in view.pods.items():
        if node not in view.placements:
            yield from (pod for pod in pods if not pod["spec"].get("nodeName"))
