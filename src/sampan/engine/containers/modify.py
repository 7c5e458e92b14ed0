"""Changing a container that exists: its name, its limits, its restart policy."""

import asyncio
from typing import Any, cast

from sampan.engine.containers import names, restart
from sampan.engine.containers.container import Container
from sampan.engine.containers.documents import OBJECT, RESOURCES, normalise
from sampan.engine.containers.services import Services
from sampan.engine.networks.links import parse as parse_link
from sampan.engine.ocispec.resources import update_resources, updated
from sampan.engine.ocispec.validate import validate
from sampan.errors import Conflict, Failed, Invalid, NotFound, SampanError

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


async def remove_link(services: Services, path: str) -> None:
    """Forget the link <container>/<alias>; what the container has of it stays until its next start.

    Raises NotFound, Failed.
    """
    parent, slash, alias = path.strip("/").rpartition("/")
    if not slash:
        services.index.find(path)
        raise Failed("Conflict, cannot remove the default link name of the container")
    try:
        container = services.index.find(parent)
    except NotFound:
        raise NotFound(f"No such container: {path}") from None
    async with container.lock:
        links = container.record.host_config["Links"] or []
        kept = [link for link in links if parse_link(link)[1] != alias]
        if len(kept) == len(links):
            raise NotFound(f"No such container: {path}")
        container.record.host_config["Links"] = kept or None
        services.save(container)
