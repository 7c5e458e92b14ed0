"""Which hints the slices of a Service get, and what is told of those that are shared out by proportion."""

from collections.abc import Sequence

from sampan.kube.client.informer import key_of
from sampan.kube.client.recorder import NORMAL, WARNING
from sampan.kube.client.requests import Object
from sampan.kube.client.resources import NODES
from sampan.kube.controllers.context import Context
from sampan.kube.controllers.endpointslices import hints, proportion
from sampan.kube.controllers.endpointslices.hints import Hint


class Hints:
    def __init__(self, context: Context) -> None:
        self._context = context
        self._nodes = context.informers.of(NODES)
        self._shared: set[str] = set()  # Services whose endpoints are shared out

    def of(self, service: Object, kind: str) -> Hint:
        """`kind`: the type of the addresses."""
        key = key_of(service)
        if not hints.by_proportion(service):
            if key in self._shared:
                self._shared.discard(key)
                self._tell(service, WARNING, proportion.DISABLED, kind)
            return hints.near(hints.distribution(service))

        def hint(changed: Sequence[Object], unchanged: Sequence[Object]) -> list[Object]:
            parts = proportion.ratios(self._nodes.objects.values())
            more, why = proportion.hint(parts, changed, unchanged)
            if why:
                self._shared.discard(key)
                self._tell(service, WARNING, why, kind)
            elif key not in self._shared:
                self._shared.add(key)
                self._tell(service, NORMAL, proportion.ENABLED, kind)
            return more

        return hint

    def _tell(self, service: Object, event: str, message: str, kind: str) -> None:
        reason = "TopologyAwareHintsDisabled" if event == WARNING else "TopologyAwareHintsEnabled"
        self._context.recorder.event(service, event, reason, f"{message}, addressType: {kind}")

    def forget(self, key: str) -> None:
        self._shared.discard(key)
