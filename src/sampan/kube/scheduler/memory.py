"""What was found out about rows for pods of one shape, and is still true of those that have not changed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sampan.kube.scheduler.columns import Cluster
from sampan.kube.scheduler.verdict import ALL, Rows

Vector = NDArray[Any]


@dataclass(eq=False)
class Memory:
    """`epoch`: of the cluster, when it was last looked at."""

    size: int
    epoch: int
    vectors: dict[str, Vector]


def recall(
    cluster: Cluster, key: object, found_by: Mapping[str, Callable[[Rows], Vector]]
) -> dict[str, Vector]:
    """By name, what the functions say of all rows. They are asked of rows that changed since the last time.

    What comes out is changed by the next call.
    """
    memory: Memory = cluster.memories.get(key, lambda: Memory(0, 0, {}))
    if memory.size != cluster.size:
        memory.vectors = {name: function(ALL) for name, function in found_by.items()}
        memory.size = cluster.size
    elif memory.epoch != cluster.epoch:
        rows = np.flatnonzero(cluster.epochs > memory.epoch)
        for name, function in found_by.items():
            memory.vectors[name][rows] = function(rows)
    memory.epoch = cluster.epoch
    return memory.vectors
