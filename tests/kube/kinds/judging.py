"""What a kind says of objects that a client might send, as one line for each error."""

from copy import deepcopy
from typing import Any

from sampan.kube.kinds.resource import Context, Object, Resource
from sampan.kube.schema import decoding, gates
from sampan.specs.kubernetes.fielderror import FieldError
from tests.kube.kinds.golden import node_of

CONTEXT = Context(now="2026-01-02T03:04:05Z")


def made(resource: Resource, **body: Any) -> Object:
    """A new object, decoded, with its defaults, as it would be validated."""
    metadata = {"name": "x"} | ({"namespace": "n"} if resource.namespaced else {})
    whole = {"metadata": metadata, **body}
    new: Object = decoding.decode(node_of(resource), whole).object
    resource.default(new)
    gates.drop(node_of(resource), new)
    resource.prepare_create(new, CONTEXT)
    return new


def lines(errors: list[FieldError]) -> list[str]:
    """Without what is too long to be read twice: names' grammars."""
    return [str(error).partition(" must consist of")[0] for error in errors]


def wrong(resource: Resource, context: Context = CONTEXT, **body: Any) -> list[str]:
    """Of a creation."""
    return lines(resource.validate(made(resource, **body), context))


def wrong_update(resource: Resource, old: Object, new: Object, part: str = "") -> list[str]:
    """Of an update of `old` by `new`, or of its subresource `part`."""
    new = deepcopy(new)
    sub = next((one for one in resource.subresources if one.name == part), None)
    ((sub and sub.prepare_update) or resource.prepare_update)(new, old, CONTEXT)
    check = (sub and sub.validate_update) or resource.validate_update
    return lines(check(new, old, CONTEXT) if check else resource.validate(new, CONTEXT))
