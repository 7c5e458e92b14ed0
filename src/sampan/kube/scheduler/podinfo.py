"""What the scheduler wants to know of a pod, read once.

Pods of one template look alike but for their names, so what filters and scores need is read once for all that
do: a Shape. Whatever is remembered of a pod's chances is remembered of its shape.
"""

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson

from sampan.kube.client.requests import Object
from sampan.kube.scheduler import podterms
from sampan.kube.scheduler.requests import Requests, requests_of
from sampan.specs.kubernetes import nodeselectors

REMEMBERED = 8192  # shapes
DISKS = ("gcePersistentDisk", "awsElasticBlockStore", "rbd", "iscsi")  # which pods cannot share


class Port(NamedTuple):
    """Of a node, that a container wants for itself."""

    protocol: str
    number: int
    address: str  # "0.0.0.0": all of them


class ClaimUse(NamedTuple):
    """A PersistentVolumeClaim that a pod uses; `ephemeral`: made for the pod, by a controller."""

    name: str
    ephemeral: bool


class Owner(NamedTuple):
    """The controller that made a pod."""

    api_version: str
    kind: str
    name: str


@dataclass(frozen=True, eq=False)
class Shape:
    """Hashed by identity: there is one for all pods that are alike."""

    namespace: str
    labels: Mapping[str, str]
    kin: frozenset[tuple[str, str]]  # the labels once more, to be looked up by
    requests: Requests
    node_terms: nodeselectors.Terms | None  # required of a node: None, anything will do
    node_selector: nodeselectors.Term
    node_names: frozenset[str] | None  # the only ones that can be meant
    preferred_nodes: tuple[tuple[int, nodeselectors.Term], ...]
    tolerations: tuple[Mapping[str, Any], ...]
    affinity: podterms.Affinity
    constraints: tuple[podterms.Constraint, ...]
    ports: frozenset[Port]
    images: tuple[str, ...]
    claims: tuple[ClaimUse, ...]
    disks: tuple[tuple[str, Mapping[str, Any]], ...]
    resource_claims: tuple[Mapping[str, Any], ...]
    owner: Owner | None


@dataclass(frozen=True, eq=False, slots=True)
class PodInfo:
    """`node_name`: where it runs or has been told to; `terminating`: its deletion was asked for."""

    object: Object
    uid: str
    key: str
    name: str
    priority: int
    node_name: str
    terminating: bool
    shape: Shape


class _Shapes:
    """The shapes that were seen lately, by what they were read from."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._known: OrderedDict[bytes, Shape] = OrderedDict()

    def of(self, pod: Object) -> Shape:
        key = orjson.dumps(_parts(pod))
        shape = self._known.get(key)
        if shape is None:
            shape = self._known[key] = _shape(pod)
            if len(self._known) > self._most:
                self._known.popitem(last=False)
        else:
            self._known.move_to_end(key)
        return shape


_shapes = _Shapes(REMEMBERED)


def pod_info(pod: Object) -> PodInfo:
    metadata, spec = pod["metadata"], pod.get("spec") or {}
    return PodInfo(
        pod,
        str(metadata.get("uid") or ""),
        f"{metadata.get('namespace') or ''}/{metadata['name']}",
        metadata["name"],
        int(spec.get("priority") or 0),
        spec.get("nodeName") or "",
        metadata.get("deletionTimestamp") is not None,
        _shapes.of(pod),
    )


def _parts(pod: Object) -> list[Any]:
    """All that a shape is read from."""
    metadata, spec = pod["metadata"], pod.get("spec") or {}
    volumes = _volumes(spec)
    by_name = spec.get("resourceClaims") or any("ephemeral" in one for one in volumes)
    return [
        metadata.get("namespace"),
        metadata.get("labels"),
        list(_owner(metadata) or ()),
        [
            [one.get("image"), one.get("resources"), one.get("restartPolicy"), [*map(list, _ports_of(one))]]
            for kind in ("containers", "initContainers")
            for one in spec.get(kind) or ()
        ],
        len(spec.get("containers") or ()),
        spec.get("resources"),
        spec.get("overhead"),
        spec.get("nodeSelector"),
        spec.get("affinity"),
        spec.get("tolerations"),
        spec.get("topologySpreadConstraints"),
        spec.get("hostNetwork"),
        volumes,
        spec.get("resourceClaims"),
        metadata["name"] if by_name else None,
        _resized(pod),
    ]


def _volumes(spec: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Those that matter for the choice of a node."""
    kinds = ("persistentVolumeClaim", "ephemeral", "image", *DISKS)
    return [one for one in spec.get("volumes") or () if any(one.get(kind) for kind in kinds)]


def _resized(pod: Object) -> list[Any] | None:
    """What a pod's status says of the sizes of its containers."""
    status = pod.get("status") or {}
    sizes = [
        [one.get("name"), one.get("resources"), one.get("allocatedResources")]
        for kind in ("containerStatuses", "initContainerStatuses")
        for one in status.get(kind) or ()
        if one.get("resources") is not None
    ]
    if not sizes:
        return None
    spec = pod.get("spec") or {}
    names = [one.get("name") for kind in ("containers", "initContainers") for one in spec.get(kind) or ()]
    pending = [
        one.get("reason") for one in status.get("conditions") or () if one.get("type") == "PodResizePending"
    ]
    return [sizes, names, pending]


def _owner(metadata: Mapping[str, Any]) -> Owner | None:
    for one in metadata.get("ownerReferences") or ():
        if one.get("controller"):
            return Owner(one.get("apiVersion") or "", one.get("kind") or "", one.get("name") or "")
    return None


def _ports_of(container: Mapping[str, Any]) -> list[Port]:
    return [
        Port(one.get("protocol") or "TCP", one["hostPort"], one.get("hostIP") or "0.0.0.0")
        for one in container.get("ports") or ()
        if one.get("hostPort")
    ]


def _shape(pod: Object) -> Shape:
    metadata, spec = pod["metadata"], pod.get("spec") or {}
    namespace, labels = metadata.get("namespace") or "", metadata.get("labels") or {}
    affinity = spec.get("affinity") or {}
    nodes = affinity.get("nodeAffinity") or {}
    required = nodes.get("requiredDuringSchedulingIgnoredDuringExecution")
    names = nodeselectors.names_of(required) if required else None
    containers, first = spec.get("containers") or (), spec.get("initContainers") or ()
    volumes = _volumes(spec)
    return Shape(
        namespace=namespace,
        labels=labels,
        kin=frozenset(labels.items()),
        requests=requests_of(spec, pod.get("status") or {}),
        node_terms=nodeselectors.terms_of(required) if required else None,
        node_selector=nodeselectors.labels_term(spec.get("nodeSelector") or {}),
        node_names=frozenset(names) if names is not None else None,
        preferred_nodes=preferences_of(nodes.get("preferredDuringSchedulingIgnoredDuringExecution")),
        tolerations=tuple(spec.get("tolerations") or ()),
        affinity=podterms.affinity_of(affinity, namespace, labels),
        constraints=podterms.constraints_of(spec.get("topologySpreadConstraints"), namespace, labels),
        ports=frozenset(_ports(containers, first)),
        images=tuple(_images(first, containers, volumes)),
        claims=tuple(_claims(metadata["name"], volumes)),
        disks=tuple((kind, one[kind]) for one in volumes for kind in DISKS if one.get(kind)),
        resource_claims=tuple(spec.get("resourceClaims") or ()),
        owner=_owner(metadata),
    )


def preferences_of(values: Iterable[Mapping[str, Any]] | None) -> tuple[tuple[int, nodeselectors.Term], ...]:
    """Preferred terms of node affinity, each with its weight."""
    found = (
        (one.get("weight") or 0, nodeselectors.term_of(one.get("preference") or {})) for one in values or ()
    )
    return tuple((weight, term) for weight, term in found if weight and term)


def _ports(containers: Iterable[Mapping[str, Any]], first: Iterable[Mapping[str, Any]]) -> Iterable[Port]:
    beside = [one for one in first if one.get("restartPolicy") == "Always"]
    for one in (*containers, *beside):
        yield from _ports_of(one)


def _images(*parts: Iterable[Mapping[str, Any]]) -> Iterable[str]:
    *containers, volumes = parts
    for kind in containers:
        for one in kind:
            yield image_name(one.get("image") or "")
    for one in volumes:
        if one.get("image"):
            yield image_name(one["image"].get("reference") or "")


def image_name(name: str) -> str:
    """As nodes tell it: with a tag."""
    return name if name.rfind(":") > name.rfind("/") else f"{name}:latest"


def _claims(pod: str, volumes: Iterable[Mapping[str, Any]]) -> Iterable[ClaimUse]:
    for one in volumes:
        if one.get("persistentVolumeClaim"):
            yield ClaimUse(one["persistentVolumeClaim"].get("claimName") or "", False)
        elif one.get("ephemeral"):
            yield ClaimUse(f"{pod}-{one.get('name') or ''}", True)
