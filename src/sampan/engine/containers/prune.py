"""POST /containers/prune."""

from typing import Any

from sampan.engine import times
from sampan.engine.containers import filters
from sampan.engine.containers.filters import Values
from sampan.engine.containers.record import ContainerRecord
from sampan.engine.containers.remove import remove
from sampan.engine.containers.services import Services
from sampan.engine.containers.sizes import size_of
from sampan.errors import SampanError


async def prune(services: Services, wanted: dict[str, Values]) -> dict[str, Any]:
    """Remove every container that does not run and fits the filters. Raises Invalid."""
    filters.check_names(wanted, filters.PRUNE)
    limits = [filters.until(value) for value in wanted.get("until", ())]
    removed: list[str] = []
    freed = 0
    for container in services.index:
        if container.record.state.running or not fits(container.record, wanted, limits):
            continue
        size = await size_of(services, container)
        try:
            await remove(services, container)
        except SampanError:
            continue  # it was started, or someone else removes it: not ours to take
        removed.append(container.id)
        freed += size.rw
    services.events.emit("container", "prune", "", {"reclaimed": str(freed)})
    return {"ContainersDeleted": removed or None, "SpaceReclaimed": freed}


def fits(record: ContainerRecord, wanted: dict[str, Values], limits: list[int]) -> bool:
    labels = record.config.get("Labels") or {}
    if limits and times.nanoseconds(record.created) >= min(limits):
        return False
    if not filters.matches_labels(wanted.get("label", []), labels):
        return False
    return not any(filters.matches_labels([value], labels) for value in wanted.get("label!", ()))
