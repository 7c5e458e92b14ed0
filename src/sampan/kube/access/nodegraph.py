"""Which objects lead to which node: pods, what they use, and what that is bound to."""

from collections.abc import Iterator

from sampan.kube.kinds.resource import Object, Reader
from sampan.specs.kubernetes import podreferences
from sampan.specs.kubernetes.pods import MIRROR

RESOURCES = (
    "pods",
    "persistentvolumes",
    "volumeattachments.storage.k8s.io",
    "resourceslices.resource.k8s.io",
)
# Objects that are looked at in one go: about 10 ms, in which nobody else is served.
_MOST_PENDING = 500
Vertex = tuple[str, str, str]  # resource, namespace, name
# An object leads to a node, or to another object that may lead to one.
Edge = tuple[Vertex, str | Vertex]


def _pod_edges(pod: Object) -> Iterator[Edge]:
    namespace, name = pod["metadata"]["namespace"], pod["metadata"]["name"]
    spec: Object = pod.get("spec") or {}
    node = spec.get("nodeName") or ""
    if not node:
        return
    yield (("pods", namespace, name), node)
    # A node makes mirror pods itself: they give it nothing.
    if MIRROR in (pod["metadata"].get("annotations") or {}):
        return
    account = spec.get("serviceAccountName")
    groups = (
        ("serviceaccounts", {account} if account else set()),
        ("secrets", podreferences.secrets(spec)),
        ("configmaps", podreferences.config_maps(spec)),
        ("persistentvolumeclaims", podreferences.claims(pod)),
        ("resourceclaims.resource.k8s.io", podreferences.resource_claims(pod)),
    )
    for resource, names in groups:
        for one in names:
            yield ((resource, namespace, one), node)


def _volume_edges(volume: Object) -> Iterator[Edge]:
    claim: Object = (volume.get("spec") or {}).get("claimRef") or {}
    if not claim:
        return
    vertex = ("persistentvolumes", "", volume["metadata"]["name"])
    yield (vertex, ("persistentvolumeclaims", claim.get("namespace") or "", claim.get("name") or ""))
    for namespace, name in podreferences.volume_secrets(volume):
        yield (("secrets", namespace, name), vertex)


def _edges(resource: str, found: Object | None) -> frozenset[Edge]:
    if found is None:
        return frozenset()
    if resource == "pods":
        return frozenset(_pod_edges(found))
    if resource == "persistentvolumes":
        return frozenset(_volume_edges(found))
    node = (found.get("spec") or {}).get("nodeName")
    return frozenset([((resource, "", found["metadata"]["name"]), node)] if node else ())


class Graph:
    """Which objects lead to which nodes. `changed` must be called for every change of one of RESOURCES."""

    RESOURCES = RESOURCES

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._pending: set[Vertex] = set()
        self._given: dict[Vertex, frozenset[Edge]] = {}  # by the object that says so
        self._targets: dict[Vertex, dict[str | Vertex, int]] = {}  # how many say so

    def load(self) -> None:
        """Take in all objects there are, and forget all others."""
        self._pending, self._given, self._targets = set(), {}, {}
        for resource in RESOURCES:
            for found in self._reader.list(resource):
                metadata = found["metadata"]
                self._pending.add((resource, metadata.get("namespace", ""), metadata["name"]))
        self._catch_up()

    def changed(self, resource: str, namespace: str, name: str) -> None:
        """An object is new, different or gone; looked at when a node asks."""
        self._pending.add((resource, namespace, name))
        if len(self._pending) > _MOST_PENDING:
            self._catch_up()

    def _catch_up(self) -> None:
        pending, self._pending = self._pending, set()
        for vertex in pending:
            now = _edges(vertex[0], self._reader.get(*vertex))
            before = self._given.pop(vertex, frozenset())
            if now:
                self._given[vertex] = now
            for edge in now - before:
                self._count(edge, 1)
            for edge in before - now:
                self._count(edge, -1)

    def _count(self, edge: Edge, by: int) -> None:
        source, target = edge
        targets = self._targets.setdefault(source, {})
        targets[target] = targets.get(target, 0) + by
        if not targets[target]:
            del targets[target]
        if not targets:
            del self._targets[source]

    def leads(self, vertex: Vertex, node: str) -> bool:
        """Whether an object has to do with a node. At most three steps: secret, volume, claim."""
        if self._pending:
            self._catch_up()
        targets = self._targets.get(vertex)
        if not targets:
            return False
        return node in targets or any(
            self.leads(target, node) for target in targets if isinstance(target, tuple)
        )
