"""Removing containers: out of the database and out of sight at once, off the disk in the background."""

from sampan.db.sqlite import Delete
from sampan.engine import trash
from sampan.engine.containers import exits
from sampan.engine.containers.container import Container
from sampan.engine.containers.services import Services
from sampan.engine.containers.stop import kill_now
from sampan.errors import Conflict


async def remove(
    services: Services, container: Container, *, force: bool = False, volumes: bool = False, ref: str = ""
) -> None:
    """Raises Conflict when it runs and `force` is not given, or when someone else is removing it."""
    state = container.record.state
    if state.removing:
        raise Conflict(f"removal of container {ref or container.name} is already in progress")
    if state.running and not force:
        raise Conflict(running_message(container))
    state.removing = True
    try:
        while not await removed(services, container, volumes):
            # It runs, perhaps since a moment ago: a start was under way when we came.
            if not force:
                raise Conflict(running_message(container))
            await end(services, container)
    except BaseException as error:
        state.removing = False
        container.announce_removal(str(error))
        raise
    services.emit(container, "destroy")
    container.announce_removal()


async def removed(services: Services, container: Container, volumes: bool) -> bool:
    """False when the container runs."""
    async with container.lock:
        if not container.record.state.running:
            await take_apart(services, container, volumes)
            return True
    return False


def running_message(container: Container) -> str:
    state = container.record.state
    about = "container is running: stop the container before removing or force remove"
    if state.paused:
        about = "container is paused and must be unpaused first"
    elif state.restarting:
        about = "container is restarting: stop the container before removing or force remove"
    return f'cannot remove container "/{container.name}": {about}'


async def end(services: Services, container: Container) -> None:
    async with container.lock:
        container.monitor.cancelled = True
        exits.cancel_restart(services, container)
        if not container.record.state.running:
            return
        exit = container.next_exit()
    await kill_now(services, container, exit)


async def take_apart(services: Services, container: Container, volumes: bool) -> None:
    container.drop_attaching()
    await services.networks.forget(container.record)
    paths = services.paths_of(container)
    auto = container.record.host_config["AutoRemove"]
    services.store.apply([Delete(container.record.key)], durable=not auto)
    services.index.remove(container)
    trash.discard(services.paths, paths.data)
    trash.remove_later(paths.exec)
    await services.volumes.release(container.record, remove_anonymous=volumes)
