"""Changing a container that exists: its name, its limits, its restart policy."""

import asyncio
from dataclasses import dataclass
from typing import Any, cast

from sampan.engine.containers import names, restart
from sampan.engine.containers.container import Container
from sampan.engine.containers.documents import OBJECT, RESOURCES, normalise
from sampan.engine.containers.events import ContainerEvents
from sampan.engine.containers.records import Records
from sampan.engine.containers.settings import Settings
from sampan.engine.containers.shims import Cgroups
from sampan.engine.networks.links import parse as parse_link
from sampan.engine.networks.manager import Networks
from sampan.engine.ocispec.resources import update_resources, updated
from sampan.engine.ocispec.validate import validate
from sampan.errors import Conflict, Failed, Invalid, NotFound, SampanError

UPDATE = {**RESOURCES, "RestartPolicy": OBJECT}


@dataclass(frozen=True)
class Modifier:
    settings: Settings
    records: Records
    events: ContainerEvents
    networks: Networks
    cgroups: Cgroups

    async def rename(self, container: Container, new: str) -> None:
        """Raises Invalid, AlreadyExists."""
        if not new:
            raise Invalid("Neither old nor new names may be empty")
        bare = new.removeprefix("/")
        async with container.lock:
            old = container.name
            if bare == old:
                raise Invalid("Renaming a container with the same name as its current name")
            try:
                if not names.ALLOWED.fullmatch(bare):
                    raise Invalid(f"Invalid container name (/{bare}), only {names.PATTERN} are allowed")
                self.records.index.reserve(bare, container.id)
            except SampanError as error:
                raise type(error)(f"Error when allocating new name: {error.message}") from None
            container.record.name = bare
            try:
                self.records.save(container.record)
                self.networks.renamed(container.record)
            except BaseException:
                container.record.name = old
                self.records.index.release(bare)
                self.records.save(container.record)
                raise
            self.records.index.release(old)
        self.events.emit(container.record, "rename", oldName=f"/{old}")

    async def update(self, container: Container, body: dict[str, Any]) -> list[str]:
        """New limits and restart policy; limits take effect at once. Returns warnings."""
        asked = normalise(body, UPDATE, "UpdateConfig")
        change = {name: value for name, value in asked.items() if value is not None}
        if (change.get("RestartPolicy") or {}).get("Name"):
            restart.check(change["RestartPolicy"], auto_remove=False)
        warnings = validate(change, container.record.config, self.settings.host, update=True)
        try:
            await self._apply(container, change)
            return warnings
        except SampanError as error:
            raise type(error)(f"Cannot update container {container.id}: {error.message}") from error

    async def _apply(self, container: Container, change: dict[str, Any]) -> None:
        async with container.lock:
            record = container.record
            if record.state.removing or record.state.dead:
                raise Conflict('Container is marked for removal and cannot be "update".')
            result = updated(record.host_config, change)
            if record.state.running and not record.state.restarting:
                resources = cast(dict[str, Any], update_resources(result, change, self.settings.host))
                await asyncio.to_thread(self.cgroups.open(record.cgroup).apply, resources)
            record.host_config = result
            self.records.save(container.record)
            container.monitor.cancelled = container.monitor.cancelled and bool(container.stopping)
        self.events.emit(container.record, "update")

    async def remove_link(self, path: str) -> None:
        """Forget the link <container>/<alias>; what the container has of it stays until its next start.

        Raises NotFound, Failed.
        """
        parent, slash, alias = path.strip("/").rpartition("/")
        if not slash:
            self.records.index.find(path)
            raise Failed("Conflict, cannot remove the default link name of the container")
        try:
            container = self.records.index.find(parent)
        except NotFound:
            raise NotFound(f"No such container: {path}") from None
        async with container.lock:
            links = container.record.host_config["Links"] or []
            kept = [link for link in links if parse_link(link)[1] != alias]
            if len(kept) == len(links):
                raise NotFound(f"No such container: {path}")
            container.record.host_config["Links"] = kept or None
            self.records.save(container.record)
