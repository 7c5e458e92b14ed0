"""IPAddress: whose name is the address. k8s.io/kubernetes/pkg/apis/networking/validation"""

from typing import Any

from sampan.kube.kinds.ages import age
from sampan.kube.kinds.networking.backends import segment_errors
from sampan.kube.kinds.resource import Column, Context, Object, Resource
from sampan.specs.kubernetes import ip, names
from sampan.specs.kubernetes.fielderror import FieldError, invalid, required, shown_in_order

_PATH = "spec.parentRef"


def validate(new: Object, _context: Context) -> list[FieldError]:
    name = new["metadata"].get("name")
    found = ip.errors(name, "metadata.name") if name else []
    parent = new["spec"].get("parentRef")
    return found + ([required(_PATH)] if parent is None else _parent_errors(parent))


def _parent_errors(parent: Object) -> list[FieldError]:
    found: list[FieldError] = []
    if group := parent.get("group"):
        found += [invalid(f"{_PATH}.group", group, message) for message in names.dns1123_subdomain(group)]
    found += segment_errors(parent.get("resource"), f"{_PATH}.resource")
    found += segment_errors(parent.get("name"), f"{_PATH}.name")
    if namespace := parent.get("namespace"):
        found += segment_errors(namespace, f"{_PATH}.namespace")
    return found


def validate_update(new: Object, old: Object, _context: Context) -> list[FieldError]:
    parent = new["spec"].get("parentRef")
    if parent == old["spec"].get("parentRef"):
        return []
    shown = None
    if parent is not None:
        fields = ("group", "resource", "namespace", "name")
        shown = shown_in_order({field.capitalize(): parent.get(field, "") for field in fields})
    return [invalid(_PATH, shown, "field is immutable")]


def cells(new: Object, now: float) -> list[Any]:
    parent = new["spec"].get("parentRef")
    shown = "<none>"
    if parent is not None:
        group = parent.get("group")
        shown = (parent.get("resource", "") + (f".{group}" if group else "")).lower()
        shown = "/".join([shown, *filter(None, [parent.get("namespace")]), parent.get("name", "")])
    return [shown, age(new["metadata"].get("creationTimestamp"), now)]


RESOURCE = Resource(
    "IPAddress",
    "ipaddresses",
    group="networking.k8s.io",
    namespaced=False,
    short_names=("ip",),
    validate=validate,
    validate_update=validate_update,
    names="any",
    # Upstream names no column for the age that its rows have.
    columns=(Column("ParentRef", describe="spec.parentRef"),),
    cells=cells,
)
