"""The plugins of kube-scheduler 1.35, in their default order: where each takes part, and its weight.

https://kubernetes.io/docs/reference/scheduling/config
"""

from dataclasses import dataclass

# Extension points as a configuration calls them -> the interface that upstream's messages name.
POINTS = {
    "preEnqueue": "PreEnqueuePlugin",
    "queueSort": "QueueSortPlugin",
    "preFilter": "PreFilterPlugin",
    "filter": "FilterPlugin",
    "postFilter": "PostFilterPlugin",
    "preScore": "PreScorePlugin",
    "score": "ScorePlugin",
    "reserve": "ReservePlugin",
    "permit": "PermitPlugin",
    "preBind": "PreBindPlugin",
    "bind": "BindPlugin",
    "postBind": "PostBindPlugin",
}


@dataclass(frozen=True)
class Plugin:
    """`weight` is that of its score, 0 for the default (1)."""

    points: frozenset[str]
    weight: int = 0


def _plugin(points: str, weight: int = 0) -> Plugin:
    return Plugin(frozenset(points.split()), weight)


PLUGINS = {
    "SchedulingGates": _plugin("preEnqueue"),
    "PrioritySort": _plugin("queueSort"),
    "NodeUnschedulable": _plugin("filter"),
    "NodeName": _plugin("filter"),
    "TaintToleration": _plugin("filter preScore score", 3),
    "NodeAffinity": _plugin("preFilter filter preScore score", 2),
    "NodePorts": _plugin("preFilter filter"),
    "NodeResourcesFit": _plugin("preFilter filter preScore score", 1),
    "VolumeRestrictions": _plugin("preFilter filter"),
    "NodeVolumeLimits": _plugin("preFilter filter"),
    "VolumeBinding": _plugin("preFilter filter reserve preBind preScore score"),
    "VolumeZone": _plugin("preFilter filter"),
    "PodTopologySpread": _plugin("preFilter filter preScore score", 2),
    "InterPodAffinity": _plugin("preFilter filter preScore score", 2),
    "DynamicResources": _plugin("preEnqueue preFilter filter postFilter score reserve preBind"),
    "DefaultPreemption": _plugin("preEnqueue postFilter"),
    "NodeResourcesBalancedAllocation": _plugin("preFilter preScore score", 1),
    "ImageLocality": _plugin("score", 1),
    "DefaultBinder": _plugin("bind"),
}

# Of older versions, refused by name.
REMOVED = ("AzureDiskLimits", "CinderLimits", "EBSLimits", "GCEPDLimits")
