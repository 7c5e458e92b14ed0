"""The rows of containers in the database, and which containers there are."""

import asyncio
import logging
from collections.abc import Iterator
from typing import Any

from sampan.db.sqlite import Delete, Put, Store
from sampan.engine.containers.container import Container
from sampan.engine.containers.index import Index
from sampan.engine.containers.record import ContainerRecord
from sampan.engine.images.remove import Use
from sampan.errors import Failed

log = logging.getLogger("sampan.containers")


class Records:
    """`index` finds what is in memory; here it becomes durable."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._unsaved: list[ContainerRecord] = []
        self.index = Index()

    def rows(self) -> Iterator[dict[str, Any]]:
        """What an earlier daemon left."""
        return (row for _, row in self._store.list("containers/"))

    def get(self, ref: str) -> ContainerRecord:
        """By ID, name, or the start of an ID. Raises NotFound, Invalid (ambiguous)."""
        return self.index.find(ref).record

    def by_id(self, id: str) -> ContainerRecord | None:
        container = self.index.by_id(id)
        return container.record if container else None

    def all(self) -> list[ContainerRecord]:
        return [container.record for container in self.index]

    def users_of(self, image_id: str) -> list[Use]:
        """Which containers are made from an image, or mount it."""
        return [
            Use(record.id, record.state.running, record.image)
            for record in self.all()
            if record.image_id == image_id
            or any(point["Spec"].get("image") == image_id for point in record.mount_points)
        ]

    def lock(self, id: str) -> asyncio.Lock:
        """Hold it while changing the container's state or record. Raises NotFound."""
        return self.index.find(id).lock

    def save(self, record: ContainerRecord, *, lasting: bool = True) -> None:
        """Durable once this returns. Raises Failed.

        After a power failure a container that removes itself is gone, whatever its row says: no disk write.
        None either for one that is being removed, whose row goes next, or where only the next daemon is to
        know, and nothing of it outlasts the machine (`lasting` false).
        """
        rows = [*(late for late in self._unsaved if late is not record), record]
        durable = lasting and any(
            not row.host_config["AutoRemove"] and not row.state.removing for row in rows
        )
        self._store.apply([Put(row.key, row) for row in rows], durable=durable)
        self._unsaved.clear()

    def note(self, record: ContainerRecord) -> None:
        """Save what has happened already, whether or not it can be written: if not, with the next one."""
        try:
            self.save(record)
        except Failed as error:
            log.error("container %s: %s", record.id, error.message)
            if not any(late is record for late in self._unsaved):
                self._unsaved.append(record)

    def remove(self, container: Container) -> None:
        """The row and the name go. Raises Failed, and then both are still there."""
        record = container.record
        self._store.apply([Delete(record.key)], durable=not record.host_config["AutoRemove"])
        self._unsaved = [late for late in self._unsaved if late is not record]
        self.index.remove(container)
