"""Random clusters and pods, small and full of coincidences."""

from collections.abc import Hashable, Iterable
from typing import Any

from hypothesis import strategies as st

from sampan.kube.client.requests import Object
from sampan.kube.scheduler.surroundings import NAMESPACES, SERVICES
from tests.kube.scheduler.reference import PREFERRED, REQUIRED

MB = 1024 * 1024
APPS, TIERS, SPACES = ("a", "b"), ("x", "y"), ("one", "one", "two")
NAMES = tuple(f"n{at}" for at in range(6))
HOSTNAME, ZONE = "kubernetes.io/hostname", "topology.kubernetes.io/zone"
KEYS = (HOSTNAME, ZONE, "rack")


class Around:
    """Namespaces and services that may change."""

    def __init__(self) -> None:
        self.namespaces: dict[str, dict[str, str]] = {}
        self.services: list[Object] = []
        self._version = 0

    def change(self, namespaces: dict[str, dict[str, str]], services: list[Object]) -> None:
        self.namespaces, self.services = namespaces, services
        self._version += 1

    def get(self, resource: str, key: str) -> Object | None:
        if resource == NAMESPACES and key in self.namespaces:
            return {"metadata": {"name": key, "labels": self.namespaces[key]}}
        return None

    def all(self, resource: str, namespace: str = "") -> Iterable[Object]:
        found = self.services if resource == SERVICES else []
        return [one for one in found if one["metadata"]["namespace"] == namespace]

    def version(self, resource: str) -> Hashable:
        return self._version


def some(keys: dict[str, tuple[Any, ...]]) -> st.SearchStrategy[dict[str, Any]]:
    """Of these keys each may be there, with one of its values."""
    return st.fixed_dictionaries({}, optional={key: st.sampled_from(values) for key, values in keys.items()})


def few(strategy: st.SearchStrategy[Any], most: int = 2) -> st.SearchStrategy[list[Any]]:
    return st.lists(strategy, max_size=most)


taints = st.fixed_dictionaries(
    {
        "key": st.sampled_from(("k", "l")),
        "value": st.sampled_from(("", "v")),
        "effect": st.sampled_from(("NoSchedule", "PreferNoSchedule", "NoExecute")),
    }
)
tolerations = some(
    {
        "key": ("k", "l", "node.kubernetes.io/unschedulable"),
        "operator": ("Exists", "Equal"),
        "value": ("v",),
        "effect": ("NoSchedule", "PreferNoSchedule"),
    }
)
images = st.builds(
    lambda name, size: {"names": [f"{name}:latest", f"{name}@digest"], "sizeBytes": size * MB},
    st.sampled_from(("i", "j")),
    st.just(700),
)


@st.composite
def nodes(draw: st.DrawFn) -> Object:
    name = draw(st.sampled_from(NAMES))
    labels = draw(some({ZONE: ("z1", "z2", ""), "rack": ("r1", "r2"), "disk": ("ssd", "3", "7")}))
    if draw(st.integers(0, 9)):
        labels[HOSTNAME] = name
    more = draw(
        some(
            {"cpu": ("1", "4", "0"), "memory": ("1Gi", "4Gi"), "pods": ("1", "9"), "example.com/gpu": ("2",)}
        )
    )
    spec: Object = {"taints": draw(few(taints))} if draw(st.booleans()) else {}
    if not draw(st.integers(0, 5)):
        spec["unschedulable"] = True
    return {
        "metadata": {"name": name, "labels": labels},
        "spec": spec,
        "status": {
            "allocatable": {"cpu": "2", "memory": "2Gi", "pods": "4", **more},
            "images": draw(st.lists(images, max_size=2, unique_by=lambda one: str(one["names"]))),
        },
    }


requirements = st.one_of(
    st.builds(
        lambda key, operator, values: {"key": key, "operator": operator, "values": values},
        st.sampled_from(("disk", ZONE)),
        st.sampled_from(("In", "NotIn")),
        st.lists(st.sampled_from(("ssd", "z1", "z2", "")), min_size=1, max_size=2),
    ),
    st.builds(
        lambda key, operator: {"key": key, "operator": operator},
        st.sampled_from(("disk", "rack")),
        st.sampled_from(("Exists", "DoesNotExist")),
    ),
    st.builds(
        lambda operator, bound: {"key": "disk", "operator": operator, "values": [bound]},
        st.sampled_from(("Gt", "Lt")),
        st.sampled_from(("3", "5")),
    ),
)
fields = st.builds(
    lambda operator, name: {"key": "metadata.name", "operator": operator, "values": [name]},
    st.sampled_from(("In", "In", "NotIn")),
    st.sampled_from(NAMES),
)
node_terms = st.fixed_dictionaries(
    {}, optional={"matchExpressions": few(requirements), "matchFields": few(fields, 1)}
)


def selectors() -> st.SearchStrategy[Object]:
    expressions = st.builds(
        lambda operator, values: {
            "key": "app",
            "operator": operator,
            **({"values": values} if operator.endswith("In") else {}),
        },
        st.sampled_from(("In", "NotIn", "Exists", "DoesNotExist")),
        st.lists(st.sampled_from(APPS), min_size=1, max_size=2, unique=True),
    )
    return st.fixed_dictionaries(
        {},
        optional={"matchLabels": some({"app": APPS, "tier": TIERS}), "matchExpressions": few(expressions, 1)},
    )


team_selectors = st.sampled_from(({}, {"matchLabels": {"team": "t"}}))


@st.composite
def pod_terms(draw: st.DrawFn) -> Object:
    found: Object = {"topologyKey": draw(st.sampled_from(KEYS))}
    if draw(st.integers(0, 9)):
        found["labelSelector"] = draw(selectors())
    if not draw(st.integers(0, 3)):
        found["namespaces"] = draw(
            st.lists(st.sampled_from(("one", "two")), min_size=1, max_size=2, unique=True)
        )
    if not draw(st.integers(0, 3)):
        found["namespaceSelector"] = draw(team_selectors)
    if "labelSelector" in found and "tier" not in str(found) and not draw(st.integers(0, 4)):
        found[draw(st.sampled_from(("matchLabelKeys", "mismatchLabelKeys")))] = ["tier"]
    return found


def weighted(inner: str, strategy: st.SearchStrategy[Object]) -> st.SearchStrategy[Object]:
    return st.builds(
        lambda weight, value: {"weight": weight, inner: value}, st.sampled_from((1, 7, 100)), strategy
    )


node_affinities = st.fixed_dictionaries(
    {},
    optional={
        REQUIRED: st.fixed_dictionaries({"nodeSelectorTerms": st.lists(node_terms, min_size=1, max_size=2)}),
        PREFERRED: few(weighted("preference", node_terms)),
    },
)
pod_labels = st.fixed_dictionaries({"app": st.sampled_from(APPS)}, optional={"tier": st.sampled_from(TIERS)})


@st.composite
def constraints(draw: st.DrawFn) -> Object:
    found = {
        "maxSkew": draw(st.sampled_from((1, 1, 2))),
        "topologyKey": draw(st.sampled_from(KEYS)),
        "whenUnsatisfiable": draw(st.sampled_from(("DoNotSchedule", "ScheduleAnyway"))),
        "labelSelector": draw(selectors()),
        **draw(some({"nodeAffinityPolicy": ("Ignore", "Honor"), "nodeTaintsPolicy": ("Ignore", "Honor")})),
    }
    if found["whenUnsatisfiable"] == "DoNotSchedule" and draw(st.booleans()):
        found["minDomains"] = draw(st.integers(1, 3))
    if "tier" not in str(found["labelSelector"]) and draw(st.booleans()):
        found["matchLabelKeys"] = ["tier"]
    return found


asks = some({"cpu": ("0", "100m", "1", "3"), "memory": ("100Mi", "1Gi"), "example.com/gpu": ("1", "2", "3")})
ports = st.builds(
    lambda number, more: {"hostPort": number, **more},
    st.sampled_from((80, 81)),
    some({"hostIP": ("10.0.0.1", "10.0.0.2", "0.0.0.0"), "protocol": ("TCP", "UDP")}),
)
containers = st.builds(
    lambda image, requests, ports: {"image": image, "resources": {"requests": requests}, "ports": ports},
    st.sampled_from(("i", "j:latest", "k:1")),
    asks,
    few(ports, 1),
)


def _nodes_only(draw: st.DrawFn) -> Object:
    return {
        "nodeSelector": draw(some({"disk": ("ssd",), "rack": ("r1",)})),
        "tolerations": draw(few(tolerations)),
        "affinity": {"nodeAffinity": draw(node_affinities)},
    }


def _resources(draw: st.DrawFn) -> Object:
    return {
        "initContainers": [{"image": "i", "resources": {"requests": draw(asks)}}],
        "overhead": draw(some({"cpu": ("50m",)})),
    }


def _neighbours(draw: st.DrawFn) -> Object:
    found: Object = {}
    for kind in ("podAffinity", "podAntiAffinity"):
        optional = {REQUIRED: few(pod_terms()), PREFERRED: few(weighted("podAffinityTerm", pod_terms()))}
        found[kind] = draw(st.fixed_dictionaries({}, optional=optional))
    return {"affinity": found}


def _spread(draw: st.DrawFn) -> Object:
    more = draw(
        st.sampled_from(({}, {"nodeSelector": {"disk": "ssd"}}, {"tolerations": [{"operator": "Exists"}]}))
    )
    return {"topologySpreadConstraints": draw(few(constraints())), **more}


# What the pods of one world are about, so that things meet.
SUBJECTS = {"nodes": _nodes_only, "resources": _resources, "neighbours": _neighbours, "spread": _spread}
subjects = st.lists(st.sampled_from(sorted(SUBJECTS)), min_size=1, max_size=2, unique=True)


@st.composite
def pods(draw: st.DrawFn, about: list[str]) -> Object:
    """Without a name and a node."""
    most = 2 if "resources" in about else 1
    spec: Object = {"containers": draw(st.lists(containers, min_size=1, max_size=most))}
    if "resources" not in about:
        spec["containers"][0] |= {"resources": {}, "ports": []}
    for one in about:
        more = SUBJECTS[one](draw)
        spec |= {**more, "affinity": {**spec.get("affinity", {}), **more.get("affinity", {})}}
    metadata = {"namespace": draw(st.sampled_from(SPACES)), "labels": draw(pod_labels)}
    return {"metadata": metadata, "spec": spec}


namespaces = st.fixed_dictionaries({}, optional={name: some({"team": ("t", "u")}) for name in SPACES})
services = few(
    st.builds(
        lambda namespace, selector: {"metadata": {"namespace": namespace}, "spec": {"selector": selector}},
        st.sampled_from(SPACES),
        some({"app": APPS, "tier": TIERS}),
    )
)
args = st.fixed_dictionaries(
    {},
    optional={
        "NodeAffinity": st.builds(
            lambda term: {"addedAffinity": {REQUIRED: {"nodeSelectorTerms": [term]}}}, node_terms
        ),
        "InterPodAffinity": st.builds(
            lambda weight: {"hardPodAffinityWeight": weight}, st.sampled_from((0, 5))
        ),
        "NodeResourcesBalancedAllocation": st.just(
            {"resources": [{"name": "cpu"}, {"name": "memory"}, {"name": "example.com/gpu"}]}
        ),
        "NodeResourcesFit": st.builds(
            lambda kind, weight: {
                "scoringStrategy": {
                    "type": kind,
                    "resources": [
                        {"name": "cpu", "weight": weight},
                        {"name": "example.com/gpu", "weight": 3},
                    ],
                    "requestedToCapacityRatio": {
                        "shape": [
                            {"utilization": 0, "score": 3},
                            {"utilization": 33, "score": 0},
                            {"utilization": 90, "score": 10},
                        ]
                    },
                }
            },
            st.sampled_from(("LeastAllocated", "MostAllocated", "RequestedToCapacityRatio")),
            st.sampled_from((1, 2)),
        ),
    },
)
