"""Ranges of Service addresses: they are ready while they are there, and do not go while addresses need them.

kube-controller-manager's service-cidr-controller;
kubernetes.io/docs/tasks/network/extend-service-ip-ranges
"""

from collections.abc import Iterable

from sampan.kube.client.requests import Object
from sampan.kube.client.resources import IP_ADDRESSES, SERVICE_CIDRS
from sampan.kube.controllers.context import Context
from sampan.kube.controllers.controller import Controller
from sampan.specs.kubernetes import ip
from sampan.specs.kubernetes.objects import condition, is_going, labels_of
from sampan.specs.kubernetes.status import StatusError, is_not_found
from sampan.specs.kubernetes.time import seconds, text

MANAGER = "service-cidr-controller"
FINALIZER = "networking.k8s.io/service-cidr-finalizer"
GRACE = 10.0  # seconds in which whoever gives out addresses learns that a range is on its way out
ADDRESS_MANAGER = "ipallocator.k8s.io"
READY = ("True", "", "Kubernetes Service CIDR is ready")
IN_USE = (
    "False",
    "Terminating",
    "There are still IPAddresses referencing the ServiceCIDR, please remove them or create a new ServiceCIDR",
)

Range = tuple[bytes, int]


def ranges(value: Object) -> list[Range]:
    found = [ip.parse_range(one) for one in (value.get("spec") or {}).get("cidrs") or ()]
    return [one for one in found if one is not None]


def contains(outer: Range, inner: Range) -> bool:
    return outer[1] <= inner[1] and ip.contains(*outer, inner[0])


def may_go(value: Object, all_ranges: Iterable[Object], addresses: Iterable[Object]) -> bool:
    """Is there another range for each of its own, or at least for each address that is in use?"""
    others = [
        one
        for other in all_ranges
        if other["metadata"]["name"] != value["metadata"]["name"]
        for one in ranges(other)
    ]
    bare = [one for one in ranges(value) if not any(contains(other, one) for other in others)]
    for address in addresses:
        parsed = ip.parse(address["metadata"]["name"])
        managed = labels_of(address).get("ipaddress.kubernetes.io/managed-by")
        if parsed is None or managed != ADDRESS_MANAGER:
            continue
        if any(ip.contains(*one, parsed) for one in bare) and not any(
            ip.contains(*one, parsed) for one in others
        ):
            return False
    return True


def with_condition(value: Object, status: str, reason: str, message: str, now: float) -> Object | None:
    """The status to be applied; None if it says so already."""
    wanted = {"type": "Ready", "status": status, "reason": reason, "message": message}
    have = condition(value, "Ready") or {}
    if all((have.get(field) or "") == one for field, one in wanted.items()):
        return None
    return {"conditions": [{**wanted, "lastTransitionTime": text(now)}]}


def controller(context: Context) -> Controller:
    cidrs = context.informers.of(SERVICE_CIDRS)
    addresses = context.informers.of(IP_ADDRESSES)
    client = context.client

    async def tell(value: Object, told: tuple[str, str, str]) -> None:
        status = with_condition(value, *told, context.clock())
        if status is not None:
            applied = {name: value[name] for name in ("apiVersion", "kind")}
            applied |= {"metadata": {"name": value["metadata"]["name"]}, "status": status}
            await client.apply(SERVICE_CIDRS, "", applied, MANAGER, "status")

    async def keep_finalizers(value: Object, finalizers: list[str]) -> None:
        metadata = value["metadata"]
        change = {"uid": metadata["uid"], "resourceVersion": metadata["resourceVersion"]}
        patch = {"metadata": {**change, "finalizers": finalizers or None}}
        await client.patch(SERVICE_CIDRS, "", metadata["name"], patch)

    async def reconcile(name: str) -> float | None:
        value = cidrs.get(name)
        if value is None:
            return None
        try:
            return await settle(value)
        except StatusError as error:
            if not is_not_found(error):
                raise
        return None

    async def settle(value: Object) -> float | None:
        finalizers = value["metadata"].get("finalizers") or []
        if not is_going(value):
            if FINALIZER not in finalizers:
                await keep_finalizers(value, [*finalizers, FINALIZER])
            await tell(value, READY)
            return None
        if FINALIZER not in finalizers:
            return None
        if not may_go(value, cidrs.objects.values(), addresses.objects.values()):
            await tell(value, IN_USE)
            context.explain(value, IN_USE[1], IN_USE[2], "delete the Services that have them")
            return None
        since = seconds(value["metadata"]["deletionTimestamp"]) or 0.0
        left = since + GRACE - context.clock()
        if left <= 0:
            await keep_finalizers(value, [one for one in finalizers if one != FINALIZER])
        return left if left > 0 else None

    def address_changed(what: str, address: Object, _old: Object | None) -> None:
        parsed = ip.parse(address["metadata"]["name"])
        if what == "delete" and parsed is not None:
            for name, value in cidrs.objects.items():
                if is_going(value) and any(ip.contains(*one, parsed) for one in ranges(value)):
                    found.queue.add(name)

    found = Controller("service-cidrs", reconcile, [cidrs, addresses], workers=5)
    # Another range may take over what one on its way out still holds.
    found.watch(cidrs, lambda _: list(cidrs.objects))
    addresses.on_change(address_changed)
    return found
