"""Arguments of plugins (`pluginConfig`): what they may be, their defaults, and what is wrong with them.

https://kubernetes.io/docs/reference/config-api/kube-scheduler-config.v1
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from sampan.kube.scheduler.decoding import DURATION, INT32, INT64, Struct
from sampan.specs.golang.duration import SECOND, parse_duration
from sampan.specs.kubernetes import names
from sampan.specs.kubernetes.fielderror import (
    FieldError,
    duplicate,
    forbidden,
    invalid,
    not_supported,
    required,
)

Arguments = dict[str, Any]

_TYPE = {"kind": str, "apiVersion": str}
_RESOURCE = Struct("ResourceSpec", {"name": str, "weight": INT64})
_POINT = Struct("UtilizationShapePoint", {"utilization": INT32, "score": INT32})
_REQUIREMENT = Struct("NodeSelectorRequirement", {"key": str, "operator": str, "values": [str]})
_TERM = Struct("NodeSelectorTerm", {"matchExpressions": [_REQUIREMENT], "matchFields": [_REQUIREMENT]})
_AFFINITY = Struct(
    "NodeAffinity",
    {
        "requiredDuringSchedulingIgnoredDuringExecution": Struct(
            "NodeSelector", {"nodeSelectorTerms": [_TERM]}
        ),
        "preferredDuringSchedulingIgnoredDuringExecution": [
            Struct("PreferredSchedulingTerm", {"weight": INT32, "preference": _TERM})
        ],
    },
)
_CONSTRAINT = Struct(
    "TopologySpreadConstraint",
    {
        "maxSkew": INT32,
        "topologyKey": str,
        "whenUnsatisfiable": str,
        "labelSelector": dict,
        "minDomains": INT32,
        "nodeAffinityPolicy": str,
        "nodeTaintsPolicy": str,
        "matchLabelKeys": [str],
    },
)
_STRATEGY = Struct(
    "ScoringStrategy",
    {
        "type": str,
        "resources": [_RESOURCE],
        "requestedToCapacityRatio": Struct("RequestedToCapacityRatioParam", {"shape": [_POINT]}),
    },
)

STRUCTS = {
    "DefaultPreemption": Struct(
        "DefaultPreemptionArgs",
        {**_TYPE, "minCandidateNodesPercentage": INT32, "minCandidateNodesAbsolute": INT32},
    ),
    "InterPodAffinity": Struct(
        "InterPodAffinityArgs",
        {**_TYPE, "hardPodAffinityWeight": INT32, "ignorePreferredTermsOfExistingPods": bool},
    ),
    "NodeAffinity": Struct("NodeAffinityArgs", {**_TYPE, "addedAffinity": _AFFINITY}),
    "NodeResourcesBalancedAllocation": Struct(
        "NodeResourcesBalancedAllocationArgs", {**_TYPE, "resources": [_RESOURCE]}
    ),
    "NodeResourcesFit": Struct(
        "NodeResourcesFitArgs",
        {
            **_TYPE,
            "ignoredResources": [str],
            "ignoredResourceGroups": [str],
            "scoringStrategy": _STRATEGY,
        },
    ),
    "PodTopologySpread": Struct(
        "PodTopologySpreadArgs", {**_TYPE, "defaultConstraints": [_CONSTRAINT], "defaultingType": str}
    ),
    "VolumeBinding": Struct("VolumeBindingArgs", {**_TYPE, "bindTimeoutSeconds": INT64, "shape": [_POINT]}),
    "DynamicResources": Struct(
        "DynamicResourcesArgs", {**_TYPE, "filterTimeout": DURATION, "bindingTimeout": DURATION}
    ),
}


def defaulted(plugin: str, given: Arguments) -> Arguments:
    """With what was left out filled in."""
    found = {name: value for name, value in given.items() if name not in _TYPE and value is not None}
    for name, value in _DEFAULTS[plugin].items():
        found.setdefault(name, value)
    if plugin == "NodeResourcesBalancedAllocation":
        found["resources"] = _weighted(found["resources"])
    elif plugin == "NodeResourcesFit":
        strategy = dict(found["scoringStrategy"])
        strategy["resources"] = _weighted(strategy.get("resources") or _CPU_AND_MEMORY)
        found["scoringStrategy"] = strategy
    elif plugin == "PodTopologySpread" and not found["defaultingType"]:
        found["defaultingType"] = "System"
    return found


_CPU_AND_MEMORY = ({"name": "cpu", "weight": 1}, {"name": "memory", "weight": 1})
_DEFAULTS: dict[str, Arguments] = {
    "DefaultPreemption": {"minCandidateNodesPercentage": 10, "minCandidateNodesAbsolute": 100},
    "InterPodAffinity": {"hardPodAffinityWeight": 1, "ignorePreferredTermsOfExistingPods": False},
    "NodeAffinity": {},
    "NodeResourcesBalancedAllocation": {"resources": _CPU_AND_MEMORY},
    "NodeResourcesFit": {"scoringStrategy": {"type": "LeastAllocated"}},
    "PodTopologySpread": {"defaultConstraints": (), "defaultingType": "System"},
    "VolumeBinding": {"bindTimeoutSeconds": 600},
    "DynamicResources": {"filterTimeout": "10s", "bindingTimeout": "600s"},
}


def _weighted(resources: Sequence[Arguments]) -> list[Arguments]:
    return [{**one, "weight": one.get("weight") or 1} for one in resources or _CPU_AND_MEMORY]


def errors(plugin: str, args: Arguments, path: str) -> list[FieldError]:
    """What is wrong with arguments that were defaulted."""
    return list(_CHECKS[plugin](args, path))


def _range(path: str, value: int, low: int, high: int) -> Iterator[FieldError]:
    if not low <= value <= high:
        yield invalid(path, value, f"not in valid range [{low}, {high}]")


def _preemption(args: Arguments, path: str) -> Iterator[FieldError]:
    percentage, absolute = args["minCandidateNodesPercentage"], args["minCandidateNodesAbsolute"]
    names = (f"{path}.minCandidateNodesPercentage", f"{path}.minCandidateNodesAbsolute")
    yield from _range(names[0], percentage, 0, 100)
    if absolute < 0:
        yield invalid(names[1], absolute, "not in valid range [0, inf)")
    if percentage == 0 and absolute == 0:
        yield invalid(names[0], 0, "cannot be zero at the same time as minCandidateNodesAbsolute")
        yield invalid(names[1], 0, "cannot be zero at the same time as minCandidateNodesPercentage")


def _affinity(args: Arguments, path: str) -> Iterator[FieldError]:
    yield from _range(f"{path}.hardPodAffinityWeight", args["hardPodAffinityWeight"], 0, 100)


def _node_affinity(args: Arguments, path: str) -> Iterator[FieldError]:
    added = args.get("addedAffinity") or {}
    above = f"{path}.addedAffinity"
    needed = added.get("requiredDuringSchedulingIgnoredDuringExecution") or {}
    for at, term in enumerate(needed.get("nodeSelectorTerms") or ()):
        below = f"{above}.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[{at}]"
        yield from _term_errors(term, below)
    for at, one in enumerate(added.get("preferredDuringSchedulingIgnoredDuringExecution") or ()):
        below = f"{above}.preferredDuringSchedulingIgnoredDuringExecution[{at}]"
        yield from _term_errors(one.get("preference") or {}, f"{below}.preference")


def _term_errors(term: Arguments, path: str) -> Iterator[FieldError]:
    for at, one in enumerate(term.get("matchExpressions") or ()):
        operator, below = one.get("operator", ""), f"{path}.matchExpressions[{at}]"
        if operator not in _OPERATORS:
            yield not_supported(f"{below}.operator", operator, _OPERATORS)
        key = one.get("key", "")
        yield from (invalid(f"{below}.key", key, why) for why in names.qualified_name(key))
    for at, one in enumerate(term.get("matchFields") or ()):
        if one.get("operator") not in ("In", "NotIn"):
            below = f"{path}.matchFields[{at}].operator"
            yield not_supported(below, one.get("operator", ""), ("In", "NotIn"))


_OPERATORS = ("DoesNotExist", "Exists", "Gt", "In", "Lt", "NotIn")


def _balanced(args: Arguments, path: str) -> Iterator[FieldError]:
    seen = set()
    for at, one in enumerate(args["resources"]):
        if one.get("name", "") in seen:
            yield duplicate(f"{path}.resources[{at}].name", one.get("name", ""))
        seen.add(one.get("name", ""))
        if one["weight"] != 1:
            yield invalid(f"{path}.resources[{at}].weight", one["weight"], "must be 1")


def _fit(args: Arguments, path: str) -> Iterator[FieldError]:
    for at, name in enumerate(args.get("ignoredResources") or ()):
        yield from _label_name(name, f"{path}.ignoredResources[{at}]")
    for at, group in enumerate(args.get("ignoredResourceGroups") or ()):
        below = f"{path}.ignoredResourceGroups[{at}]"
        if "/" in group:
            yield invalid(below, group, "resource group name can't contain '/'")
        yield from _label_name(group, below)
    yield from _strategy(args["scoringStrategy"], f"{path}.scoringStrategy")


def _strategy(strategy: Arguments, path: str) -> Iterator[FieldError]:
    kind, ratio = strategy.get("type", ""), strategy.get("requestedToCapacityRatio")
    supported = ("LeastAllocated", "MostAllocated", "RequestedToCapacityRatio")
    if kind not in supported:
        yield not_supported(f"{path}.type", kind, supported)
    for at, one in enumerate(strategy["resources"]):
        if not 0 < one["weight"] <= 100:
            why = f"resource weight of {one.get('name', '')} not in valid range (0, 100]"
            yield invalid(f"{path}.resources[{at}].weight", one["weight"], why)
    below = f"{path}.requestedToCapacityRatio"
    if kind == "RequestedToCapacityRatio":
        if ratio is None:
            yield required(below, "must be specified when type is RequestedToCapacityRatio")
        else:
            yield from _shape(ratio.get("shape") or (), f"{below}.shape")
    elif ratio is not None:
        yield forbidden(below, "must be nil when type is not RequestedToCapacityRatio")


def _shape(points: Sequence[Arguments], path: str) -> Iterator[FieldError]:
    if not points:
        yield required(path, "at least one point must be specified")
    uses = [point.get("utilization", 0) for point in points]
    for at in range(1, len(uses)):
        if uses[at - 1] >= uses[at]:
            yield invalid(f"{path}[{at}].utilization", uses[at], "values must be sorted in increasing order")
            break
    for at, point in enumerate(points):
        yield from _range(f"{path}[{at}].utilization", uses[at], 0, 100)
        yield from _range(f"{path}[{at}].score", point.get("score", 0), 0, 10)


def _spread(args: Arguments, path: str) -> Iterator[FieldError]:
    kind, constraints = args["defaultingType"], args["defaultConstraints"]
    if kind not in ("System", "List"):
        yield not_supported(f"{path}.defaultingType", kind, ("System", "List"))
    elif kind == "System" and constraints:
        yield invalid(f"{path}.defaultingType", kind, "when .defaultConstraints are not empty")
    seen = set()
    for at, one in enumerate(constraints):
        below = f"{path}.defaultConstraints[{at}]"
        yield from _constraint(one, below)
        same = (one.get("topologyKey", ""), one.get("whenUnsatisfiable", ""))
        if same in seen:
            yield duplicate(below, f"{{{same[0]}, {same[1]}}}")
        seen.add(same)


def _constraint(one: Arguments, path: str) -> Iterator[FieldError]:
    if one.get("maxSkew", 0) <= 0:
        yield invalid(f"{path}.maxSkew", one.get("maxSkew", 0), "not in valid range (0, inf)")
    key, action = one.get("topologyKey", ""), one.get("whenUnsatisfiable", "")
    if not key:
        yield required(f"{path}.topologyKey", "can not be empty")
    else:
        yield from _label_name(key, f"{path}.topologyKey")
    if not action:
        yield required(f"{path}.whenUnsatisfiable", "can not be empty")
    elif action not in ("DoNotSchedule", "ScheduleAnyway"):
        yield not_supported(f"{path}.whenUnsatisfiable", action, ("DoNotSchedule", "ScheduleAnyway"))
    if one.get("labelSelector") is not None:
        why = "constraint must not define a selector, as they deduced for each pod"
        yield forbidden(f"{path}.labelSelector", why)


def _volumes(args: Arguments, path: str) -> Iterator[FieldError]:
    seconds = args["bindTimeoutSeconds"]
    if seconds < 0:
        why = "invalid BindTimeoutSeconds, should not be a negative value"
        yield invalid(f"{path}.bindTimeoutSeconds", seconds, why)
    if args.get("shape"):
        why = "unexpected field `shape`, remove it or turn on the feature gate StorageCapacityScoring"
        yield invalid(f"{path}.shape", args["shape"], why)


def _devices(args: Arguments, path: str) -> Iterator[FieldError]:
    if parse_duration(args["filterTimeout"]) < 0:
        yield invalid(f"{path}.filterTimeout", args["filterTimeout"], "must be zero or positive")
    if parse_duration(args["bindingTimeout"]) < SECOND:
        yield invalid(f"{path}.bindingTimeout", args["bindingTimeout"], "must be at least 1 second")


def _label_name(name: str, path: str) -> Iterator[FieldError]:
    yield from (invalid(path, name, why) for why in names.qualified_name(name))


_CHECKS: dict[str, Callable[[Arguments, str], Iterator[FieldError]]] = {
    "DefaultPreemption": _preemption,
    "InterPodAffinity": _affinity,
    "NodeAffinity": _node_affinity,
    "NodeResourcesBalancedAllocation": _balanced,
    "NodeResourcesFit": _fit,
    "PodTopologySpread": _spread,
    "VolumeBinding": _volumes,
    "DynamicResources": _devices,
}
