"""Tells kubelets how long they may keep Secrets and ConfigMaps, by the size of the cluster.

An annotation of nodes; kube-controller-manager's ttl-controller.
"""

from collections.abc import Sequence

from sampan.kube.client.requests import Object
from sampan.kube.client.resources import NODES
from sampan.kube.controllers.context import Context
from sampan.kube.controllers.controller import Controller
from sampan.specs.kubernetes.objects import annotations_of

ANNOTATION = "node.alpha.kubernetes.io/ttl"
# In clusters of so many nodes so many seconds; the steps overlap, so that a node more or less changes little.
STEPS: Sequence[tuple[int, int, int]] = (
    (0, 100, 0),
    (90, 500, 15),
    (450, 1000, 30),
    (900, 2000, 60),
    (1800, 1 << 31, 300),
)


def step_of(nodes: int, before: int) -> int:
    """Which step is right for so many nodes, when `before` was."""
    while nodes > STEPS[before][1]:
        before += 1
    while nodes < STEPS[before][0]:
        before -= 1
    return before


def annotated(node: Object) -> int | None:
    text = annotations_of(node).get(ANNOTATION, "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else None


def controller(context: Context) -> Controller:
    """A node is looked at when it changes: a new step reaches those in use first."""
    nodes = context.informers.of(NODES)
    step = 0

    async def reconcile(name: str) -> None:
        nonlocal step
        step = step_of(len(nodes.objects), step)
        node, seconds = nodes.get(name), STEPS[step][2]
        if node is None or annotated(node) == seconds:
            return
        patch = {"metadata": {"uid": node["metadata"]["uid"], "annotations": {ANNOTATION: str(seconds)}}}
        await context.client.patch(NODES, "", name, patch)

    found = Controller("node-ttl", reconcile, [nodes], workers=5)
    found.watch(nodes)
    return found
