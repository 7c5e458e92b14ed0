"""The pods behind a Service as Endpoints, for those who do not read EndpointSlices yet.

kube-controller-manager's endpoints-controller. No more than a thousand addresses: ready ones before others.
"""

from math import ceil

from sampan.kube.client.informer import key_of, split_key
from sampan.kube.client.recorder import WARNING
from sampan.kube.client.requests import Object
from sampan.kube.client.resources import ENDPOINTS, PODS, SERVICES
from sampan.kube.controllers.context import Context
from sampan.kube.controllers.controller import Controller
from sampan.kube.controllers.servicepods import (
    TRIGGER,
    Matches,
    Triggers,
    hostname,
    inherited_labels,
    is_endpoint,
    reference,
    selector_of,
    target_port,
)
from sampan.specs.kubernetes import ip
from sampan.specs.kubernetes.endpoints import repack
from sampan.specs.kubernetes.objects import annotations_of, labels_of
from sampan.specs.kubernetes.pods import is_ready
from sampan.specs.kubernetes.status import StatusError, has_cause, is_not_found

MANAGED_BY, MANAGER = "endpoints.kubernetes.io/managed-by", "endpoint-controller"
OVER_CAPACITY = "endpoints.kubernetes.io/over-capacity"
CAPACITY = 1000  # addresses
AGAIN = 0.5  # seconds until it is looked at whether the cache has seen a write


class EndpointsLoop:
    """Its `controller` handles one Service at a time."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._services = context.informers.of(SERVICES)
        self._pods = context.informers.of(PODS)
        self._endpoints = context.informers.of(ENDPOINTS)
        self._matches = Matches(self._services, self._pods)
        self._triggers = Triggers()
        self._replaced: dict[
            str, str
        ] = {}  # the version that was written over last, which the cache may have
        informers = [self._services, self._pods, self._endpoints]
        self.controller = Controller("endpoints", self._reconcile, informers, workers=5)
        self.controller.watch(self._services)
        self._pods.on_change(self._pod_changed)
        self._endpoints.on_change(self._endpoints_changed)

    async def run(self) -> None:
        """Until cancelled."""
        await self.controller.run()

    def _pod_changed(self, _what: str, pod: Object, old: Object | None) -> None:
        for key in self._matches.touched(pod, old):
            self.controller.queue.add(key)

    def _endpoints_changed(self, what: str, value: Object, old: Object | None) -> None:
        """What is not this controller's is left alone, unless it goes with its Service."""
        labels = [labels_of(one) for one in (value, old) if one is not None]
        if what == "delete" or any(one.get(MANAGED_BY) == MANAGER for one in labels):
            self.controller.queue.add(key_of(value))

    async def _reconcile(self, key: str) -> float | None:
        service = self._services.get(key)
        if service is None:
            await self._delete(key)
            return None
        if not selector_of(service):
            return None
        pods = self._matches.pods(service)
        known = self._endpoints.get(key)
        if known is not None and known["metadata"]["resourceVersion"] == self._replaced.get(key):
            return AGAIN
        trigger = self._triggers.time(service, pods)
        wanted = endpoints(service, pods, known, trigger)
        if wanted is not None:
            await self._write(key, service, known, wanted)
        return None

    async def _delete(self, key: str) -> None:
        """A Service has gone."""
        self._triggers.forget(key)
        self._replaced.pop(key, None)
        if self._endpoints.get(key) is None:
            return
        try:
            await self._context.client.delete(ENDPOINTS, *split_key(key))
        except StatusError as error:
            if not is_not_found(error):
                raise

    async def _write(self, key: str, service: Object, known: Object | None, wanted: Object) -> None:
        client, namespace = self._context.client, service["metadata"]["namespace"]
        try:
            if known is None:
                await client.create(ENDPOINTS, namespace, wanted)
                return
            await client.update(ENDPOINTS, namespace, wanted)
            self._replaced[key] = known["metadata"]["resourceVersion"]
        except StatusError as error:
            if has_cause(error, "NamespaceTerminating"):
                return
            self._complain(key, known is None, wanted, error)
            raise

    def _complain(self, key: str, new: bool, wanted: Object, error: StatusError) -> None:
        reason = "FailedToCreateEndpoint" if new else "FailedToUpdateEndpoint"
        what = "create endpoint for service" if new else "update endpoint"
        about = {**wanted, "kind": "Endpoints", "apiVersion": "v1"}
        self._context.recorder.event(about, WARNING, reason, f"Failed to {what} {key}: {error}")


# --- pure


def endpoints(service: Object, pods: list[Object], known: Object | None, trigger: str) -> Object | None:
    """What is to be written for a Service; None if that is what there is."""
    packed = repack(subsets(service, pods))
    cut = truncated(packed)
    labels = inherited_labels(service, {MANAGED_BY: MANAGER})
    if known is not None:
        marked = OVER_CAPACITY in annotations_of(known)
        same = _comparable(known.get("subsets") or []) == _comparable(repack(cut))
        if same and labels_of(known) == labels and marked == (cut != packed):
            return None
    metadata = dict(known["metadata"]) if known is not None else _named(service)
    annotations = {
        name: text
        for name, text in (metadata.pop("annotations", None) or {}).items()
        if name not in (TRIGGER, OVER_CAPACITY)
    }
    if trigger:
        annotations[TRIGGER] = trigger
    if cut != packed:
        annotations[OVER_CAPACITY] = "truncated"
    if annotations:
        metadata["annotations"] = annotations
    metadata["labels"] = labels
    return {**(known or {}), "metadata": metadata, "subsets": cut or None}


def _named(service: Object) -> Object:
    return {"name": service["metadata"]["name"], "namespace": service["metadata"]["namespace"]}


def subsets(service: Object, pods: list[Object]) -> list[Object]:
    """One for each address and port, to be packed."""
    spec = service.get("spec") or {}
    published = bool(spec.get("publishNotReadyAddresses"))
    found: list[Object] = []
    for pod in pods:
        one = address(service, pod) if is_endpoint(pod, going=published) else None
        if one is None:
            continue
        field = "addresses" if published or is_ready(pod) else "notReadyAddresses"
        if not spec.get("ports"):
            if spec.get("clusterIP") == "None":
                found.append({field: [one]})
            continue
        for port in spec["ports"]:
            number = target_port(pod, port)
            if number is not None:
                found.append({field: [one], "ports": [_port(port, number)]})
    return found


def address(service: Object, pod: Object) -> Object | None:
    """Of the Service's first family; None for a pod without one."""
    families = (service.get("spec") or {}).get("ipFamilies") or ["IPv4"]
    size = 16 if families[0] == "IPv6" else 4
    for one in (pod.get("status") or {}).get("podIPs") or ():
        found = ip.parse(one.get("ip") or "")
        if found is not None and len(found) == size:
            more = {
                "hostname": hostname(pod, service),
                "nodeName": (pod.get("spec") or {}).get("nodeName"),
                "targetRef": reference(pod),
            }
            return {"ip": one["ip"], **{name: value for name, value in more.items() if value}}
    return None


def _port(port: Object, number: int) -> Object:
    found: Object = {"port": number, "protocol": port.get("protocol") or "TCP"}
    for field in ("name", "appProtocol"):
        if port.get(field):
            found[field] = port[field]
    return found


def truncated(packed: list[Object]) -> list[Object]:
    """As many of each subset as is its share, rounded up, ready ones first."""
    ready = sum(len(one.get("addresses") or ()) for one in packed)
    waiting = sum(len(one.get("notReadyAddresses") or ()) for one in packed)
    if ready + waiting <= CAPACITY:
        return packed
    field, total, room = ("addresses", ready, CAPACITY)
    if ready <= CAPACITY:
        field, total, room = ("notReadyAddresses", waiting, CAPACITY - ready)
    found, left = [], room
    for one in packed:
        some = one.get(field) or []
        kept = some[: min(ceil(len(some) / total * room), left)]
        left -= len(kept)
        rest = {name: value for name, value in one.items() if name not in (field, "notReadyAddresses")}
        found.append({**rest, **({field: kept} if kept else {})})
    return [one for one in found if one.get("addresses") or one.get("notReadyAddresses")]


def _comparable(packed: list[Object]) -> list[Object]:
    """Without the version of a pod that somebody may have written into a reference."""

    def plain(one: Object) -> Object:
        target = {key: text for key, text in (one.get("targetRef") or {}).items() if key != "resourceVersion"}
        return {**one, "targetRef": target}

    fields = ("addresses", "notReadyAddresses")
    return [
        {**one, **{field: [plain(each) for each in one[field]] for field in fields if one.get(field)}}
        for one in packed
    ]
