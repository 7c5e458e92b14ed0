"""What is to be written so that the slices of a Service hold its endpoints, and as little as can be. Pure.

Slices with nothing to change stay as they are, and half full: each write of a slice is sent to every node.
kubernetes.io/docs/concepts/services-networking/endpoint-slices#distribution-of-endpointslices
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sampan.kube.client.requests import Object
from sampan.kube.controllers.endpointslices.hints import Hint, no_hints
from sampan.kube.controllers.endpointslices.members import PortKey, ports_key
from sampan.specs.kubernetes import names

SERVICE = "kubernetes.io/service-name"
MANAGED_BY = "endpointslice.kubernetes.io/managed-by"
LIMIT = 100  # endpoints of a slice

Member = tuple[list[Object], Object]  # ports, endpoint
Identity = tuple[tuple[str, ...], str, str, str]


@dataclass(frozen=True)
class Plan:
    create: list[Object] = field(default_factory=list)
    update: list[Object] = field(default_factory=list)
    delete: list[Object] = field(default_factory=list)


def identity(endpoint: Object) -> Identity:
    """What makes an endpoint the same one, whatever has changed of it."""
    target = endpoint.get("targetRef") or {}
    addresses = tuple(sorted(endpoint.get("addresses") or ()))
    return addresses, endpoint.get("hostname") or "", target.get("namespace") or "", target.get("name") or ""


def is_same(one: Object, other: Object) -> bool:
    """Hints are compared by whoever sets them, and by nobody else."""
    return _compared(one) == _compared(other)


def _compared(endpoint: Object) -> Object:
    target = {
        key: text for key, text in (endpoint.get("targetRef") or {}).items() if key != "resourceVersion"
    }
    rest = {key: value for key, value in endpoint.items() if key not in ("hints", "addresses") and value}
    return {**rest, "targetRef": target}


@dataclass(frozen=True)
class Template:
    """How the slices of one owner and address type look, without endpoints and ports."""

    owner: Object  # the reference to it
    namespace: str
    name: str  # of the Service
    labels: Mapping[str, str]
    address_type: str
    annotations: Mapping[str, str] | None = None  # None: they are somebody else's

    def marks(self, value: Object) -> bool:
        """Are its labels and annotations right?"""
        metadata = value["metadata"]
        annotated = self.annotations is None or (metadata.get("annotations") or {}) == self.annotations
        return annotated and (metadata.get("labels") or {}) == self.labels

    def marked(self, metadata: Object) -> Object:
        found = {**metadata, "labels": dict(self.labels)}
        return found if self.annotations is None else {**found, "annotations": dict(self.annotations)}

    def slice(self, ports: list[Object], endpoints: list[Object]) -> Object:
        metadata = {
            "generateName": prefix(self.name),
            "namespace": self.namespace,
            "ownerReferences": [self.owner],
        }
        kept = {"ports": ports or None, "endpoints": endpoints or None}
        return {"metadata": self.marked(metadata), "addressType": self.address_type, **kept}

    def owns(self, value: Object) -> bool:
        return any(
            one.get("uid") == self.owner["uid"] for one in value["metadata"].get("ownerReferences") or ()
        )


def prefix(name: str) -> str:
    """With the dash, unless a slice could not be called so."""
    dashed = f"{name}-"
    return name if names.dns1123_subdomain(names.with_suffix(dashed)) else dashed


def plan(
    template: Template,
    slices: Sequence[Object],
    members: Iterable[Member],
    hint: Hint = no_hints,
    limit: int = LIMIT,
    least: int = 1,
) -> Plan:
    """For the slices of one address type. `least`: 1 if there is to be one even if it is empty, or 0."""
    wanted: dict[PortKey, dict[Identity, Object]] = {}
    ports: dict[PortKey, list[Object]] = {}
    for some, endpoint in members:
        key = ports_key(some)
        ports.setdefault(key, some)
        wanted.setdefault(key, {})[identity(endpoint)] = endpoint
    by_ports: dict[PortKey, list[Object]] = {}
    for value in slices:
        if template.owns(value):
            by_ports.setdefault(ports_key(value.get("ports")), []).append(value)
    found = Plan(delete=[value for value in slices if not template.owns(value)])
    for key in sorted({*wanted, *by_ports}, key=repr):
        if key in wanted:
            _fit(template, by_ports.get(key, ()), ports[key], wanted[key], limit, found)
        else:
            found.delete.extend(by_ports[key])
    if least and len(found.delete) == len(slices) and not found.create:
        _keep_one(template, found)
    handled = {value["metadata"]["name"] for value in [*found.update, *found.delete]}
    unchanged = [value for value in slices if value["metadata"]["name"] not in handled]
    found.update.extend(hint([*found.create, *found.update], unchanged))
    return _reused(template, found)


def _fit(
    template: Template,
    slices: Sequence[Object],
    ports: list[Object],
    wanted: dict[Identity, Object],
    limit: int,
    found: Plan,
) -> None:
    """Those that stay, stay where they are; new ones fill up slices that are written anyhow."""
    left = dict(wanted)
    unchanged, changed = [], []
    for value in slices:
        have = value.get("endpoints") or []
        kept = [(one, left.pop(identity(one))) for one in have if identity(one) in left]
        if have and not kept:
            found.delete.append(value)
        elif len(kept) != len(have) or not all(is_same(*pair) for pair in kept):
            changed.append(_with(template, value, [_still_hinted(*pair) for pair in kept]))
        elif not template.marks(value):
            changed.append(_with(template, value, have))
        else:
            unchanged.append(value)
    rest = list(left.values())
    for value in sorted(changed, key=lambda one: -len(one["endpoints"] or ())):
        room = limit - len(value["endpoints"] or ())
        value["endpoints"], rest = [*(value["endpoints"] or ()), *rest[: max(room, 0)]], rest[max(room, 0) :]
    while rest:
        fitting = _with_room(unchanged, len(rest), limit)
        if fitting is not None:
            changed.append(_with(template, fitting, [*(fitting.get("endpoints") or ()), *rest]))
            break
        found.create.append(template.slice(ports, rest[:limit]))
        rest = rest[limit:]
    found.update.extend(changed)


def _still_hinted(old: Object, new: Object) -> Object:
    return {**new, "hints": old["hints"]} if old.get("hints") else new


def _with_room(slices: Iterable[Object], count: int, limit: int) -> Object | None:
    """The one that is fullest once all of them are in it."""
    fitting = [one for one in slices if len(one.get("endpoints") or ()) + count <= limit and count < limit]
    return max(fitting, key=lambda one: len(one.get("endpoints") or ()), default=None)


def _with(template: Template, value: Object, endpoints: list[Object]) -> Object:
    return {**value, "metadata": template.marked(value["metadata"]), "endpoints": list(endpoints) or None}


def _keep_one(template: Template, found: Plan) -> None:
    empty = template.slice([], [])
    if len(found.delete) == 1 and _is_placeholder(template, found.delete[0]):
        found.delete.clear()
    else:
        found.create.append(empty)


def _is_placeholder(template: Template, value: Object) -> bool:
    return (
        template.marks(value)
        and template.owns(value)
        and not value.get("endpoints")
        and not value.get("ports")
    )


def _reused(template: Template, found: Plan) -> Plan:
    """A slice that would go takes the place of one that would be made."""
    create, update, delete = list(found.create), list(found.update), []
    for value in found.delete:
        if create and template.owns(value):
            new = create.pop()
            update.append({**value, **new, "metadata": template.marked(value["metadata"])})
        else:
            delete.append(value)
    return Plan(create, update, delete)
