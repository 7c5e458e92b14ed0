"""POST /containers/prune."""

import time
from typing import Any

from sampan.engine.containers import filters
from sampan.engine.containers.events import ContainerEvents
from sampan.engine.containers.filters import Values
from sampan.engine.containers.index import Index
from sampan.engine.containers.record import ContainerRecord
from sampan.engine.containers.remove import Remover
from sampan.engine.containers.sizes import Sizes
from sampan.errors import SampanError
from sampan.specs.docker.filters import check_names, labels_match, until
from sampan.specs.golang import time as times


async def prune(
    index: Index, sizes: Sizes, remover: Remover, events: ContainerEvents, wanted: dict[str, Values]
) -> dict[str, Any]:
    """Remove every container that does not run and fits the filters. Raises Invalid."""
    check_names(wanted, filters.PRUNE)
    limit = until(wanted, time.time_ns())
    removed: list[str] = []
    freed = 0
    for container in index:
        if container.record.state.running or not fits(container.record, wanted, limit):
            continue
        size = await sizes.of(container.record)
        try:
            await remover.remove(container)
        except SampanError:
            continue  # it was started, or someone else removes it: not ours to take
        removed.append(container.id)
        freed += size.rw
    events.pruned(freed)
    return {"ContainersDeleted": removed or None, "SpaceReclaimed": freed}


def fits(record: ContainerRecord, wanted: dict[str, Values], limit: int | None) -> bool:
    labels = record.config.get("Labels") or {}
    if limit is not None and times.parse(record.created) >= limit:
        return False
    return labels_match(wanted, labels)
