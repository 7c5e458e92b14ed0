"""Events of containers, with the attributes that Docker gives every one."""

from dataclasses import dataclass

from sampan.engine.containers.record import ContainerRecord
from sampan.engine.events import Events


@dataclass(frozen=True)
class ContainerEvents:
    events: Events

    def emit(self, record: ContainerRecord, action: str, **more: str) -> None:
        """With the container's labels, image and name."""
        attributes = dict(record.config.get("Labels") or {})
        attributes |= {"image": record.config.get("Image") or "", "name": record.name}
        self.events.emit("container", action, record.id, attributes | more)

    def pruned(self, freed: int) -> None:
        self.events.emit("container", "prune", "", {"reclaimed": str(freed)})
