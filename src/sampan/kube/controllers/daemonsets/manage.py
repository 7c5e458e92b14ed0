"""One pod of a DaemonSet on each of its nodes, and none elsewhere. Pure; upstream's podsShouldBeOnNode"""

from collections.abc import Iterable, Sequence
from itertools import chain

from sampan.kube.client.informer import key_of
from sampan.kube.client.requests import Object
from sampan.kube.controllers.daemonsets.amounts import surge
from sampan.kube.controllers.daemonsets.template import HASH
from sampan.kube.controllers.daemonsets.view import NORMAL, NOTHING, WARNING, Plan, View
from sampan.specs.kubernetes.objects import is_going, labels_of
from sampan.specs.kubernetes.pods import is_finished, is_ready, phase


def manage(view: View) -> Plan:
    lost = Plan(delete=tuple(_without_node(view)))
    return _merged([*(_on_node(view, node) for node in view.placements), lost])


def _merged(parts: Iterable[Plan]) -> Plan:
    found = [one for one in parts if one is not NOTHING]
    return Plan(
        tuple(chain.from_iterable(one.create for one in found)),
        tuple(chain.from_iterable(one.delete for one in found)),
        tuple(chain.from_iterable(one.events for one in found)),
        tuple(chain.from_iterable(one.killed for one in found)),
        min((one.again for one in found if one.again is not None), default=None),
        next((one.waits for one in found if one.waits), ""),
    )


def _on_node(view: View, node: str) -> Plan:
    run, stay = view.placement(node)
    there = view.pods.get(node, [])
    if run and not there:
        return Plan(create=(node,))
    if stay:
        return _kept(view, node, [pod for pod in there if not is_going(pod)], run)
    gone = tuple(pod for pod in there if not is_going(pod))
    return Plan(delete=gone) if gone else NOTHING


def _kept(view: View, node: str, there: Sequence[Object], run: bool) -> Plan:
    """Those that have ended make way; of the others one is kept, or two while one follows the other."""
    ended = [_ended(view, node, pod) for pod in there if is_finished(pod)]
    alive = [pod for pod in there if not is_finished(pod)]
    if not surge(view.owner, 1):
        rest = Plan(delete=tuple(alive[1:])) if len(alive) > 1 else NOTHING
    elif not alive and run:
        # A pod on its way out does not hold up its successor.
        rest = Plan(create=(node,))
    else:
        rest = Plan(delete=tuple(_surplus(view, alive))) if len(alive) > 1 else NOTHING
    return _merged([*ended, rest]) if ended else rest


def _ended(view: View, node: str, pod: Object) -> Plan:
    if phase(pod) == "Failed":
        return _failed(view, node, pod)
    text = f"Found succeeded daemon pod {key_of(pod)} on node {node}, will try to delete it"
    return Plan(delete=(pod,), events=((NORMAL, "SucceededDaemonPod", text),))


def _failed(view: View, node: str, pod: Object) -> Plan:
    """The kubelet may refuse it again and again: not faster than the back-off."""
    if seconds := view.held.get(node, 0.0):
        name = pod["metadata"]["name"]
        return Plan(again=seconds, waits=f"{name} on node {node} has failed and is made anew later")
    text = f"Found failed daemon pod {key_of(pod)} on node {node}, will try to kill it"
    return Plan(delete=(pod,), events=((WARNING, "FailedDaemonPod", text),), killed=(node,))


def _surplus(view: View, alive: Sequence[Object]) -> list[Object]:
    """Of new and of old ones the oldest stays; the old one while it is ready and its successor is not."""
    new = [pod for pod in alive if labels_of(pod).get(HASH) == view.hash]
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
