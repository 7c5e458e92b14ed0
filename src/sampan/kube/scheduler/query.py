"""What a filter or a score is asked."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sampan.kube.scheduler.columns import Cluster
from sampan.kube.scheduler.podinfo import PodInfo, Shape
from sampan.kube.scheduler.profile import Profile


@dataclass(frozen=True, eq=False, slots=True)
class Query:
    """Where may this pod be, by the rules of that profile?"""

    cluster: Cluster
    pod: PodInfo
    profile: Profile

    @property
    def shape(self) -> Shape:
        return self.pod.shape

    def args(self, plugin: str) -> Mapping[str, Any]:
        return self.profile.args_of(plugin)


def always(query: Query) -> bool:
    return True
