"""The loop: one Service at a time, whenever it, its pods or its slices change."""

from collections import defaultdict

from sampan.errors import SampanError
from sampan.kube.client.informer import key_of
from sampan.kube.client.recorder import WARNING
from sampan.kube.client.requests import Object
from sampan.kube.client.resources import ENDPOINT_SLICES, NODES, PODS, SERVICES
from sampan.kube.controllers.claims import owner_reference
from sampan.kube.controllers.context import Context
from sampan.kube.controllers.controller import Controller
from sampan.kube.controllers.endpointslices import members, proportion
from sampan.kube.controllers.endpointslices.hinting import Hints
from sampan.kube.controllers.endpointslices.hints import by_proportion
from sampan.kube.controllers.endpointslices.plan import MANAGED_BY, SERVICE, Member, Plan, Template, plan
from sampan.kube.controllers.endpointslices.tracker import Tracker
from sampan.kube.controllers.endpointslices.writer import Writer
from sampan.kube.controllers.servicepods import (
    Matches,
    Triggers,
    inherited_labels,
    is_endpoint,
    selector_of,
)
from sampan.specs.kubernetes.objects import is_going, labels_of
from sampan.specs.kubernetes.pods import node_name
from sampan.specs.kubernetes.status import StatusError

MANAGER = "endpointslice-controller.k8s.io"
SHARED = "shared out by zones"  # an index of Services: all of those under ""
BY_SERVICE = "service and manager"  # an index of slices
AGAIN = 0.5  # seconds until it is looked at whether the cache has seen a write
WORKERS = 5


def by_service(value: Object) -> list[str]:
    metadata = value["metadata"]
    labels = metadata.get("labels") or {}
    return [f"{metadata['namespace']}/{labels.get(SERVICE, '')} {labels.get(MANAGED_BY, '')}"]


def slice_labels(service: Object) -> dict[str, str]:
    return inherited_labels(service, {SERVICE: service["metadata"]["name"], MANAGED_BY: MANAGER})


class Slices:
    def __init__(self, context: Context) -> None:
        self._context = context
        self._services = context.informers.of(SERVICES)
        self._pods = context.informers.of(PODS)
        self._nodes = context.informers.of(NODES)
        self._slices = context.informers.of(ENDPOINT_SLICES)
        self._slices.index(BY_SERVICE, by_service)
        self._services.index(SHARED, lambda service: [""] if by_proportion(service) else [])
        self._matches = Matches(self._services, self._pods)
        self._triggers = Triggers()
        self._hints = Hints(context)
        self._tracker = Tracker(context.clock)
        self._writer = Writer(context.client, self._tracker)
        self._nodeless: defaultdict[str, set[str]] = defaultdict(set)  # Services, by the node they lack
        self._waiting: set[str] = set()  # Services whose slices the cache has not seen yet
        informers = [self._services, self._pods, self._nodes, self._slices]
        self.controller = Controller("endpointslices", self._reconcile, informers, WORKERS)
        self.controller.watch(self._services)
        self._pods.on_change(self._pod_changed)
        self._nodes.on_change(self._node_changed)
        self._slices.on_change(self._slice_changed)

    async def run(self) -> None:
        """Until cancelled."""
        await self.controller.run()

    # --- what happens

    def _pod_changed(self, _what: str, pod: Object, old: Object | None) -> None:
        for key in self._matches.touched(pod, old):
            self.controller.queue.add(key)

    def _node_changed(self, what: str, node: Object, old: Object | None) -> None:
        if what == "add":
            for key in self._nodeless.pop(node["metadata"]["name"], ()):
                self.controller.queue.add(key)
        if old is None or proportion.facts(old) != proportion.facts(node):
            for service in self._services.by(SHARED, ""):
                self.controller.queue.add(key_of(service))

    def _slice_changed(self, what: str, value: Object, old: Object | None) -> None:
        for one in (value, old):
            labels = labels_of(one) if one is not None else {}
            if one is None or labels.get(MANAGED_BY) != MANAGER or not labels.get(SERVICE):
                continue
            key = f"{one['metadata']['namespace']}/{labels[SERVICE]}"
            if key in self._waiting or not self._tracker.is_awaited(key, what, value):
                self.controller.queue.add(key)

    # --- one Service

    async def _reconcile(self, key: str) -> float | None:
        service = self._services.get(key)
        if service is None:
            self._triggers.forget(key)
            self._hints.forget(key)
            self._tracker.forget(key)
            return None
        if not selector_of(service):
            return None
        cached = self._slices.by(BY_SERVICE, f"{key} {MANAGER}")
        if self._tracker.is_stale(key, cached):
            self._waiting.add(key)
            return AGAIN
        self._waiting.discard(key)
        pods = self._matches.pods(service)
        trigger = self._triggers.time(service, pods)
        there = [value for value in cached if not is_going(value)]
        try:
            await self._settle(service, pods, there, trigger)
        except (StatusError, SampanError) as error:
            self._complain(service, str(error))
            raise
        return None

    def _complain(self, service: Object, why: str) -> None:
        message = f"Error updating Endpoint Slices for Service {key_of(service)}: {why}"
        self._context.recorder.event(service, WARNING, "FailedToUpdateEndpointSlices", message)

    async def _settle(self, service: Object, pods: list[Object], slices: list[Object], trigger: str) -> None:
        metadata, types = service["metadata"], members.address_types(service)
        owner, labels = owner_reference(service), slice_labels(service)
        others = [one for one in slices if one["addressType"] not in types]
        await self._writer.write(service, Plan(delete=others))
        missing: list[str] = []
        for kind in types:
            template = Template(owner, metadata["namespace"], metadata["name"], labels, kind)
            there = [one for one in slices if one["addressType"] == kind]
            found = self._members(service, pods, kind, missing)
            wanted = plan(template, there, found, self._hints.of(service, kind))
            await self._writer.write(service, wanted, trigger)
        if missing:
            self._complain(service, "; ".join(missing))
            self._context.explain(service, "NodeNotFound", "; ".join(missing), "wait for the nodes to come")
        else:
            self._context.settle(service)

    def _members(self, service: Object, pods: list[Object], kind: str, missing: list[str]) -> list[Member]:
        """A pod whose node is not there is left out until it is, unless the Service takes any pod."""
        found = []
        for pod in pods:
            if not is_endpoint(pod, going=True):
                continue
            name = node_name(pod)
            node = self._nodes.get(name)
            if node is None and not service["spec"].get("publishNotReadyAddresses"):
                self._nodeless[name].add(key_of(service))
                who = f"Pod {pod['metadata']['name']} for Service {key_of(service)}"
                missing.append(f"skipping {who}: Node {name} Not Found")
                continue
            endpoint = members.endpoint(pod, node, service, kind)
            if endpoint is not None:
                found.append((members.ports(service, pod), endpoint))
        return found
