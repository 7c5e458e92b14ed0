"""All filters by name."""

from sampan.kube.scheduler.filters import (
    inter_pod_affinity,
    node_affinity,
    node_name,
    node_ports,
    node_resources_fit,
    node_unschedulable,
    pod_topology_spread,
    taint_toleration,
)
from sampan.kube.scheduler.filters.filter import Filter

MODULES = (
    node_unschedulable,
    node_name,
    taint_toleration,
    node_affinity,
    node_ports,
    node_resources_fit,
    pod_topology_spread,
    inter_pod_affinity,
)
FILTERS: dict[str, Filter] = {one.FILTER.name: one.FILTER for one in MODULES}
