"""Changing a container that exists: its name, its limits, its restart policy."""

import asyncio
from typing import Any, cast

from sampan.engine.containers import names, restart
from sampan.engine.containers.container import Container
from sampan.engine.containers.documents import OBJECT, RESOURCES, normalise
from sampan.engine.containers.services import Services
from sampan.engine.spec.resources import update_resources, updated
from sampan.engine.spec.validate import validate
from sampan.errors import Conflict, Invalid, SampanError

UPDATE = {**RESOURCES, "RestartPolicy": OBJECT}


async def rename(services: Services, container: Container, new: str) -> None:
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
            services.index.reserve(bare, container.id)
        except SampanError as error:
            raise type(error)(f"Error when allocating new name: {error.message}") from None
        container.record.name = bare
        try:
            services.save(container)
            await services.networks.renamed(container.record, old)
        except BaseException:
            container.record.name = old
            services.index.release(bare)
            services.save(container)
            raise
        services.index.release(old)
    services.emit(container, "rename", oldName=f"/{old}")


async def update(services: Services, container: Container, body: dict[str, Any]) -> list[str]:
    """New limits and restart policy; limits of a running container take effect at once. Returns warnings."""
    change = {
        name: value for name, value in normalise(body, UPDATE, "UpdateConfig").items() if value is not None
    }
    if (change.get("RestartPolicy") or {}).get("Name"):
        restart.check(change["RestartPolicy"], auto_remove=False)
    warnings = validate(change, container.record.config, services.host, update=True)
    try:
        await apply_update(services, container, change)
        return warnings
    except SampanError as error:
        raise type(error)(f"Cannot update container {container.id}: {error.message}") from error


async def apply_update(services: Services, container: Container, change: dict[str, Any]) -> None:
    async with container.lock:
        record = container.record
        if record.state.removing or record.state.dead:
            raise Conflict('Container is marked for removal and cannot be "update".')
        result = updated(record.host_config, change)
        if record.state.running and not record.state.restarting:
            resources = cast(dict[str, Any], update_resources(result, change, services.host))
            await asyncio.to_thread(services.cgroup(container).apply, resources)
        record.host_config = result
        services.save(container)
        container.monitor.cancelled = container.monitor.cancelled and bool(container.stopping)
    services.emit(container, "update")
