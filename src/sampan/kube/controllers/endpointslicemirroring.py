"""Endpoints that somebody has written for a Service without a selector, as EndpointSlices.

kube-controller-manager's endpointslice-mirroring-controller.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sampan.kube.client.recorder import WARNING
from sampan.kube.client.requests import Object
from sampan.kube.client.resources import ENDPOINT_SLICES, ENDPOINTS, SERVICES
from sampan.kube.controllers.claims import owner_reference
from sampan.kube.controllers.context import Context
from sampan.kube.controllers.controller import Controller
from sampan.kube.controllers.endpointslices.members import in_order
from sampan.kube.controllers.endpointslices.plan import MANAGED_BY, SERVICE, Member, Template, plan
from sampan.kube.controllers.endpointslices.slices import BY_SERVICE, by_service
from sampan.kube.controllers.endpointslices.tracker import Tracker
from sampan.kube.controllers.endpointslices.writer import Writer
from sampan.kube.controllers.servicepods import TRIGGER
from sampan.specs.kubernetes import ip
from sampan.specs.kubernetes.objects import is_going, labels_of

MANAGER = "endpointslicemirroring-controller.k8s.io"
SKIP = "endpointslice.kubernetes.io/skip-mirror"
LEADER = "control-plane.alpha.kubernetes.io/leader"
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
LIMIT = 1000  # addresses of a subset
AGAIN = 0.5  # seconds until it is looked at whether the cache has seen a write


class Mirroring:
    """Its `controller` handles one Endpoints object, or what is left of it, at a time."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._services = context.informers.of(SERVICES)
        self._endpoints = context.informers.of(ENDPOINTS)
        self._slices = context.informers.of(ENDPOINT_SLICES)
        self._slices.index(BY_SERVICE, by_service)
        self._tracker = Tracker(context.clock)
        self._writer = Writer(context.client, self._tracker)
        informers = [self._services, self._endpoints, self._slices]
        self.controller = Controller("endpointslice-mirroring", self._reconcile, informers, workers=5)
        self.controller.watch(self._services)
        self.controller.watch(self._endpoints)
        self.controller.watch(self._slices, _mirrored)

    async def run(self) -> None:
        """Until cancelled."""
        await self.controller.run()

    async def _reconcile(self, key: str) -> float | None:
        service, value = self._services.get(key), self._endpoints.get(key)
        cached = self._slices.by(BY_SERVICE, f"{key} {MANAGER}")
        if service is None or value is None or not is_mirrored(service, value):
            self._tracker.forget(key)
            for one in cached:
                await self._writer.delete(key, one)
            return None
        if self._tracker.is_stale(key, cached):
            return AGAIN
        found = mirror(value)
        self._complain(value, found)
        for kind, members in found.members.items():
            there = [one for one in cached if one["addressType"] == kind and not is_going(one)]
            wanted = plan(template(value, kind), there, members, limit=LIMIT, least=0)
            await self._writer.write(value, wanted)
        return None

    def _complain(self, value: Object, found: "Mirror") -> None:
        tell = self._context.recorder.event
        if found.invalid:
            text = f"Skipped {found.invalid} invalid IP addresses when mirroring to EndpointSlices"
            tell(value, WARNING, "InvalidIPAddress", text)
        if found.surplus:
            text = (
                f"A max of {LIMIT} addresses can be mirrored to EndpointSlices per Endpoints subset. "
                f"{found.surplus + found.invalid} addresses were skipped"
            )
            tell(value, WARNING, "TooManyAddressesToMirror", text)


def _mirrored(value: Object) -> list[str]:
    labels = labels_of(value)
    if labels.get(MANAGED_BY) != MANAGER or not labels.get(SERVICE):
        return []
    return [f"{value['metadata']['namespace']}/{labels[SERVICE]}"]


# --- pure


@dataclass
class Mirror:
    """Endpoints by the type of their addresses, and how many were left out."""

    members: dict[str, list[Member]] = field(default_factory=lambda: {"IPv4": [], "IPv6": []})
    invalid: int = 0
    surplus: int = 0


def is_mirrored(service: Object, value: Object) -> bool:
    metadata = value["metadata"]
    left_alone = (metadata.get("labels") or {}).get(SKIP) == "true" or LEADER in (
        metadata.get("annotations") or {}
    )
    return not left_alone and (service.get("spec") or {}).get("selector") is None


def mirror(value: Object) -> Mirror:
    found = Mirror()
    for subset in value.get("subsets") or ():
        ports, room = in_order([_port(one) for one in subset.get("ports") or ()]), LIMIT
        for name, ready in (("addresses", True), ("notReadyAddresses", False)):
            for address in subset.get(name) or ():
                parsed = ip.parse(address.get("ip") or "")
                if not room:
                    found.surplus += 1
                elif parsed is None:
                    found.invalid += 1
                else:
                    room -= 1
                    kind = "IPv4" if len(parsed) == 4 else "IPv6"
                    found.members[kind].append((ports, _endpoint(address, ip.show(parsed), ready)))
    return found


def _endpoint(address: Object, text: str, ready: bool) -> Object:
    found: Object = {"addresses": [text], "conditions": {"ready": ready}}
    more = {name: address[name] for name in ("targetRef", "nodeName", "hostname") if address.get(name)}
    return {**found, **more}


def _port(port: Object) -> Object:
    found = {
        "name": port.get("name") or "",
        "protocol": port.get("protocol") or "TCP",
        "port": port.get("port"),
    }
    application = port.get("appProtocol")
    return found if application is None else {**found, "appProtocol": application}


def template(value: Object, kind: str) -> Template:
    metadata = value["metadata"]
    own: Mapping[str, str] = metadata.get("annotations") or {}
    annotations = {name: text for name, text in own.items() if name not in (TRIGGER, LAST_APPLIED)}
    labels = {**(metadata.get("labels") or {}), SERVICE: metadata["name"], MANAGED_BY: MANAGER}
    return Template(
        owner_reference(value), metadata["namespace"], metadata["name"], labels, kind, annotations
    )
