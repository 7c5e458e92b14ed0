"""What is written down of an allocation: a claim's status.allocation, and the claim that has it. Pure."""

from collections.abc import Sequence
from typing import Any

from sampan.kube.client.requests import Object
from sampan.kube.scheduler.devices.allocator import Given
from sampan.kube.scheduler.devices.asking import Asked
from sampan.kube.scheduler.devices.pools import DeviceSlice
from sampan.specs.kubernetes.nodeselectors import NAME_FIELD
from sampan.specs.kubernetes.resourceclaims import FINALIZER, user_of, users_of


def allocation_of(asked: Asked, given: Sequence[Given]) -> Object:
    """An AllocationResult."""
    results = [_result(one) for one in given]
    configuration = _configuration(asked, given)
    devices: Object = {"results": results} if results else {}
    if configuration:
        devices["config"] = configuration
    found: Object = {"devices": devices}
    selector = _node_selector([one.device.slice for one in given])
    if selector is not None:
        found["nodeSelector"] = selector
    return found


def _result(given: Given) -> Object:
    driver, pool, device = given.device.id
    found: Object = {"request": given.ask.name, "driver": driver, "pool": pool, "device": device}
    return {**found, "adminAccess": True} if given.ask.admin else found


def _configuration(asked: Asked, given: Sequence[Given]) -> list[Object]:
    """That of the classes, each class's once, then the claim's own; for all requests if it names none."""
    met = {one.ask.request: one.ask for one in given}
    by_class: dict[str, list[str]] = {}
    classes: dict[str, Object] = {}
    for ask in met.values():
        name = ask.device_class["metadata"]["name"]
        classes[name] = ask.device_class
        by_class.setdefault(name, []).append(ask.name)
    found = [
        _configured("FromClass", one, requests)
        for name, requests in by_class.items()
        for one in (classes[name].get("spec") or {}).get("config") or ()
    ]
    for one in ((asked.claim.get("spec") or {}).get("devices") or {}).get("config") or ():
        wanted = list(one.get("requests") or ())
        # As often as there are requests that it names: upstream does so.
        times = 1 if not wanted else sum(ask.request in wanted or ask.name in wanted for ask in met.values())
        found += [_configured("FromClaim", one, wanted)] * times
    for entry in found:
        if len(entry.get("requests") or ()) == len(asked.requests):
            entry.pop("requests", None)
    return found


def _configured(source: str, one: Object, requests: list[str]) -> Object:
    found: Object = {"source": source}
    if requests:
        found["requests"] = requests
    return {**found, **{key: value for key, value in one.items() if key != "requests"}}


def _node_selector(slices: Sequence[DeviceSlice]) -> Object | None:
    """From where all of the devices can be used; None: from everywhere."""
    fields: list[Object] = []
    labels: list[Object] = []
    for one in slices:
        if one.node:
            field = {"key": NAME_FIELD, "operator": "In", "values": [one.node]}
            return {"nodeSelectorTerms": [{"matchFields": [field]}]}
        terms = (one.node_selector or {}).get("nodeSelectorTerms") or ()
        for term in terms[:1]:  # there is one: validation allows no more
            _add(fields, term.get("matchFields") or ())
            _add(labels, term.get("matchExpressions") or ())
    if not fields and not labels:
        return None
    parts: Any = {"matchExpressions": labels, "matchFields": fields}
    return {"nodeSelectorTerms": [{key: value for key, value in parts.items() if value}]}


def _add(known: list[Object], requirements: Sequence[Object]) -> None:
    """Those that are not there already."""
    for one in requirements:
        if not any(_same(one, other) for other in known):
            known.append(one)


def _same(one: Object, other: Object) -> bool:
    alike = one.get("key") == other.get("key") and one.get("operator") == other.get("operator")
    return alike and set(one.get("values") or ()) == set(other.get("values") or ())


def allocated(claim: Object, allocation: Object) -> Object:
    """The claim with devices; kept from being deleted as long as it has them."""
    return {**protected(claim), "status": {**(claim.get("status") or {}), "allocation": allocation}}


def protected(claim: Object) -> Object:
    """The same object if it is already."""
    finalizers = claim["metadata"].get("finalizers") or []
    if FINALIZER in finalizers:
        return claim
    return {**claim, "metadata": {**claim["metadata"], "finalizers": [*finalizers, FINALIZER]}}


def deallocated(claim: Object) -> Object:
    gone = ("allocation", "reservedFor", "devices")
    status = {key: value for key, value in (claim.get("status") or {}).items() if key not in gone}
    return {**claim, "status": status}


def used_by(claim: Object, pod: Object) -> Object:
    """The claim kept for one pod more."""
    users = [*users_of(claim), user_of(pod)]
    return {**claim, "status": {**(claim.get("status") or {}), "reservedFor": users}}
