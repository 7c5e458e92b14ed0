"""Slices, classes and claims, and an allocator that is asked about one node."""

from collections.abc import Iterable
from typing import Any

from sampan.kube.client.requests import Object
from sampan.kube.scheduler.devices.allocator import allocate
from sampan.kube.scheduler.devices.asking import asked
from sampan.kube.scheduler.devices.effort import Effort
from sampan.kube.scheduler.devices.pools import DeviceId, Inventory

DRIVER = "d.io"
ATTRIBUTE_KINDS = {bool: "bool", int: "int", str: "string"}


def device(name: str, **attributes: Any) -> Object:
    """`capacity` is not an attribute; one whose value is a dict says its kind itself."""
    capacity = {key: {"value": value} for key, value in attributes.pop("capacity", {}).items()}
    found = {
        key: value if type(value) is dict else {ATTRIBUTE_KINDS[type(value)]: value}
        for key, value in attributes.items()
    }
    return {"name": name, "attributes": found, "capacity": capacity}


def slice_(
    name: str, *devices: Object, pool: str = "p", generation: int = 1, count: int = 1, **spec: Any
) -> Object:
    """Of all nodes if it is not told of which."""
    where = spec or {"allNodes": True}
    own = {"name": pool, "generation": generation, "resourceSliceCount": count}
    given = {"driver": DRIVER, "pool": own, "devices": list(devices), **where}
    return {"metadata": {"name": name}, "spec": given}


def device_class(name: str = "any", *expressions: str, **spec: Any) -> Object:
    return {"metadata": {"name": name}, "spec": {"selectors": selectors(expressions), **spec}}


def selectors(expressions: Iterable[str]) -> list[Object]:
    return [{"cel": {"expression": one}} for one in expressions]


def way(count: int = 1, *expressions: str, **more: Any) -> Object:
    """`all=True` for all devices; `of` a class."""
    found: Object = {"deviceClassName": more.pop("of", "any"), "selectors": selectors(expressions)}
    mode: Object = (
        {"allocationMode": "All"}
        if more.pop("all", False)
        else {"allocationMode": "ExactCount", "count": count}
    )
    return {**found, **mode, **more}


def exactly(name: str, count: int = 1, *expressions: str, **more: Any) -> Object:
    return {"name": name, "exactly": way(count, *expressions, **more)}


def first_of(name: str, *ways: Object) -> Object:
    """Its ways are called 0, 1, 2, ..."""
    return {"name": name, "firstAvailable": [{"name": str(at), **one} for at, one in enumerate(ways)]}


def claim(*requests: Object, name: str = "c", match: Iterable[Any] = (), **more: Any) -> Object:
    """`match`: attributes, or pairs of one and the requests that it is about."""
    pairs = [(one, []) if isinstance(one, str) else one for one in match]
    constraints = [
        {"matchAttribute": attribute, **({"requests": about} if about else {})} for attribute, about in pairs
    ]
    devices = {"requests": list(requests), "constraints": constraints, **more.pop("devices", {})}
    metadata = {"name": name, "namespace": "n", "uid": f"uid-{name}"}
    return {"metadata": metadata, "spec": {"devices": devices}, **more}


def given_to(
    claims: Iterable[Object],
    slices: Iterable[Object],
    classes: Iterable[Object] = (),
    taken: Iterable[str] = (),
    effort: Effort | None = None,
) -> Any:
    """By request the names of its devices, a list of each claim's; or why not. `taken`: of pool p."""
    known = {one["metadata"]["name"]: one for one in (device_class(), *classes)}
    inventory = Inventory(slices)
    found = allocate(
        [asked(one, known.get) for one in claims],
        inventory.pools("", range(len(inventory.selectors))),
        {DeviceId(DRIVER, "p", one) for one in taken},
        effort or Effort(),
    )
    if isinstance(found, str):
        return found
    return [[f"{one.ask.name}={one.device.id.name}" for one in given] for given in found]
