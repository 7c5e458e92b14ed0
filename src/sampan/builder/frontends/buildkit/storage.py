"""How much of the cache a prune leaves. Pure but for asking how full the disk is."""

from collections.abc import Sequence
from typing import Any

from sampan.engine.buildcache.usage import Usage


def keep_bytes(request: Any, records: Sequence[Usage], free: int) -> int:
    """PruneRequest's three sizes as one: what may stay. 0: there is no such limit, all that is chosen goes.

    reservedSpace stays in any case, more than maxUsedSpace does not, and minFreeSpace bytes are to be free.
    """
    used = sum(row.size for row in records if not row.shared)
    keep: int = request.maxUsedSpace or request.reservedSpace
    if request.minFreeSpace:
        bound = max(1, used - max(0, request.minFreeSpace - free))
        keep = min(keep, bound) if keep else bound
    return int(max(keep, request.reservedSpace))
