"""Which filters and scores a scheduler runs, as the default profile of Kubernetes 1.35 has them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

FILTERS = (
    "NodeUnschedulable",
    "NodeName",
    "TaintToleration",
    "NodeAffinity",
    "NodePorts",
    "NodeResourcesFit",
    "VolumeRestrictions",
    "NodeVolumeLimits",
    "VolumeBinding",
    "VolumeZone",
    "PodTopologySpread",
    "InterPodAffinity",
    "DynamicResources",
)
SCORES = {
    "TaintToleration": 3,
    "NodeAffinity": 2,
    "NodeResourcesFit": 1,
    "PodTopologySpread": 2,
    "InterPodAffinity": 2,
    "NodeResourcesBalancedAllocation": 1,
    "ImageLocality": 1,
}
NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, eq=False)
class Profile:
    """`args`: by plugin, as in a KubeSchedulerConfiguration. Hashed by identity."""

    name: str = "default-scheduler"
    filters: tuple[str, ...] = FILTERS
    scores: Mapping[str, int] = field(default_factory=SCORES.copy)
    args: Mapping[str, Any] = field(default_factory=dict)

    def args_of(self, plugin: str) -> Mapping[str, Any]:
        return self.args.get(plugin) or NOTHING


DEFAULT = Profile()
