"""A kind alone: what it makes of an object, and what it says is wrong with it."""

from copy import deepcopy
from typing import Any

from sampan.kube.kinds.resource import Context, Object, Resource
from tests.kube.kinds.golden import NOW

CONTEXT = Context(now=NOW)


def made(resource: Resource, **fields: Any) -> Object:
    """A new object, with its defaults, prepared."""
    value: Object = {"metadata": {"name": "x", "resourceVersion": "1"}, **deepcopy(fields)}
    resource.default(value)
    resource.prepare_create(value, CONTEXT)
    return value


def errors(resource: Resource, **fields: Any) -> list[str]:
    return [str(error) for error in resource.validate(made(resource, **fields), CONTEXT)]


def changed(resource: Resource, old: Object, new: Object, subresource: str = "") -> list[str]:
    """What is wrong with the change from one to the other, which both are written as a client would."""
    before, after = (made(resource, **one) for one in (old, new))
    if "status" in old:
        before["status"] = deepcopy(old["status"])
    if "metadata" in new:
        after["metadata"] = before["metadata"] | new["metadata"]
    part = next((one for one in resource.subresources if one.name == subresource), None)
    if part is not None:
        after["status"] = deepcopy(new.get("status", {}))
    ((part and part.prepare_update) or resource.prepare_update)(after, before, CONTEXT)
    check = part.validate_update if part else resource.validate_update
    found = check(after, before, CONTEXT) if check else resource.validate(after, CONTEXT)
    return [str(error) for error in found]


def cells(resource: Resource, value: Object, now: float = 0) -> list[Any]:
    assert resource.cells is not None
    assert resource.columns is not None
    found = resource.cells(value, now)
    assert len(found) == len([one for one in resource.columns if one.name != "Name"])
    return found
