"""All scores by name."""

from sampan.kube.scheduler.scores import (
    dynamic_resources,
    image_locality,
    inter_pod_affinity,
    node_affinity,
    node_resources_balanced_allocation,
    node_resources_fit,
    pod_topology_spread,
    taint_toleration,
)
from sampan.kube.scheduler.scores.score import Score

MODULES = (
    taint_toleration,
    node_affinity,
    node_resources_fit,
    pod_topology_spread,
    inter_pod_affinity,
    dynamic_resources,
    node_resources_balanced_allocation,
    image_locality,
)
SCORES: dict[str, Score] = {one.SCORE.name: one.SCORE for one in MODULES}
