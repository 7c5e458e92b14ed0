"""All filters by name."""

from sampan.kube.scheduler.filters import node_resources_fit
from sampan.kube.scheduler.filters.filter import Filter

FILTERS: dict[str, Filter] = {one.FILTER.name: one.FILTER for one in (node_resources_fit,)}
