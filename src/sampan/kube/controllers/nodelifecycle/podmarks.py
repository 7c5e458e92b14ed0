"""Pods of nodes that nothing is heard of are told not to be ready, as nobody there can tell."""

from collections.abc import Iterable

from sampan.kube.client.informer import key_of
from sampan.kube.client.informers import ON_NODE, node_of
from sampan.kube.client.recorder import WARNING
from sampan.kube.client.requests import Object
from sampan.kube.client.resources import NODES, PODS
from sampan.kube.controllers.context import Context
from sampan.kube.controllers.controller import Controller
from sampan.kube.controllers.nodelifecycle import health
from sampan.specs.kubernetes.objects import condition
from sampan.specs.kubernetes.status import StatusError, is_not_found


class PodMarks:
    """Its `controller` handles pods that come to such a node, and at the start those that are on one."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._nodes = context.informers.of(NODES)
        self._pods = context.informers.of(PODS)
        self._pods.index(ON_NODE, node_of)
        self._left: set[str] = set()  # nodes whose pods are not all marked yet
        self.controller = Controller("node-pods", self._reconcile, [self._nodes, self._pods], workers=4)
        self._pods.on_change(self._changed)

    def _changed(self, _what: str, pod: Object, old: Object | None) -> None:
        if node_of(pod) and (old is None or not node_of(old)):
            self.controller.queue.add(key_of(pod))

    async def _reconcile(self, key: str) -> None:
        pod = self._pods.get(key)
        node = self._nodes.get("".join(node_of(pod))) if pod is not None else None
        ready = condition(node, "Ready") if node is not None else None
        if pod is not None and ready is not None and ready.get("status") == "Unknown":
            await self._mark([pod])

    async def mark(self, name: str) -> None:
        """All pods of a node; what fails is left for `go_on`."""
        self._left.add(name)
        await self._mark(self._pods.by(ON_NODE, name))
        self._left.discard(name)

    async def go_on(self, name: str) -> None:
        if name in self._left:
            await self.mark(name)

    def forget(self, name: str) -> None:
        """The node is back, or gone."""
        self._left.discard(name)

    async def _mark(self, pods: Iterable[Object]) -> None:
        for pod in health.not_ready(pods, self._context.clock()):
            try:
                await self._context.client.update(PODS, pod["metadata"]["namespace"], pod, "status")
            except StatusError as error:
                if not is_not_found(error):
                    raise
                continue
            self._context.recorder.event(pod, WARNING, "NodeNotReady", "Node is not ready")
