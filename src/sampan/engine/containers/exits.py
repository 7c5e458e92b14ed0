"""What happens when a shim speaks: its container ended, is out of memory, has a new health, an exec ended."""

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Any

from sampan.engine.containers.container import Container
from sampan.engine.containers.services import Services
from sampan.errors import SampanError
from sampan.specs.golang import time as times

if TYPE_CHECKING:
    from sampan.runtime.client import Shim

log = logging.getLogger("sampan.containers")
pause = asyncio.sleep  # tests need not wait


def on_shim_event(services: Services, container: Container, shim: "Shim", event: dict[str, Any]) -> None:
    """Called by the shim's connection, on the event loop. Must not wait."""
    match event.get("event"):
        case "exit":
            services.spawn(ended(services, container, shim, event))
        case "gone":
            services.spawn(gone(services, container, shim))
        case "oom":
            out_of_memory(services, container)
        case "health":
            health_changed(services, container, event["health"])
        case "probe":
            command, arguments = event["args"][:1], event["args"][1:]
            for action in ("exec_create", "exec_start"):
                text = f"{action}: {''.join(command)} {' '.join(arguments)}"
                services.emit(container, text, execID=event["exec"])
        case "probe-exit":
            services.emit(container, "exec_die", execID=event["exec"], exitCode=str(event["code"]))
        case "exec-exit":
            exec_ended(services, container, event["exec"], event["code"])
        case "detach":
            exec = container.execs.get(event.get("exec") or "")
            services.emit(
                container, "exec_detach" if exec else "detach", **({"execID": exec.id} if exec else {})
            )


def out_of_memory(services: Services, container: Container) -> None:
    """Told once a run: the shim's warning and its last word may both say so, or only one."""
    if not container.record.state.oom_killed:
        container.record.state.oom_killed = True
        services.emit(container, "oom")


def health_changed(services: Services, container: Container, health: dict[str, Any]) -> None:
    before = (container.record.state.health or {}).get("Status")
    container.record.state.health = health
    if before != health["Status"]:
        services.emit(container, f"health_status: {health['Status']}")


def exec_ended(services: Services, container: Container, id: str, code: int) -> None:
    exec = container.execs.get(id)
    if exec is None or not exec.running:
        return
    exec.ended(code)
    services.emit(container, "exec_die", execID=id, exitCode=str(code))


async def gone(services: Services, container: Container, shim: "Shim") -> None:
    """The shim's connection ended: it exited after its last word, or it was killed."""
    from sampan.runtime.client import read_exit

    if container.shim is not shim:
        return
    event = read_exit(services.paths_of(container))
    if event is None:
        services.kill_leftovers(container)
        event = {
            "event": "exit",
            "code": 137,
            "oom": False,
            "at": times.now(),
            "error": "the container's shim died",
        }
    await ended(services, container, shim, event)


async def ended(services: Services, container: Container, shim: "Shim | None", event: dict[str, Any]) -> None:
    """The container's program ended. Safe to call twice: the second call finds another shim or none."""
    async with container.lock:
        if container.shim is not shim or not container.record.state.running:
            return
        container.shim = None
        ran = time.monotonic() - container.started
        for exec in list(container.execs.values()):
            if exec.running:
                exec_ended(services, container, exec.id, 137)
        await services.networks.release(container.id)
        services.volumes.unmounted(container.record)
        services.leave_parent(container)
        wait = settle(services, container, event, ran)
        if container.stopping:
            services.emit(container, "stop")
        services.emit(
            container, "die", execDuration=str(int(ran)), exitCode=str(container.record.state.exit_code)
        )
        removing = wait is None and container.record.host_config["AutoRemove"] and not container.kept
        if not removing:
            services.note(container)
        container.announce_exit()
        if wait is not None:
            container.restarting = services.spawn(restart_later(services, container, wait))
    if removing:
        await remove_ended(services, container)


def settle(services: Services, container: Container, event: dict[str, Any], ran: float) -> float | None:
    """Put the end into the state; returns the seconds until the next start when the policy wants one."""
    record, state = container.record, container.record.state
    code = event["code"]
    state.pid, state.paused = 0, False
    state.exit_code, state.finished_at = code, event.get("at") or times.now()
    state.error = event.get("error") or ""
    if event.get("oom"):
        out_of_memory(services, container)
    if state.health is not None:
        state.health = {**state.health, "Status": "unhealthy"}
    wait = container.monitor.next(
        record.host_config["RestartPolicy"], code, record.manually_stopped or services.ending, ran
    )
    if services.ending:
        wait = None
    state.running = state.restarting = wait is not None
    if wait is not None:
        record.restart_count += 1
    return wait


async def restart_later(services: Services, container: Container, wait: float) -> None:
    """Owned by `container.restarting`; stop and rm cancel it, under the lock."""
    from sampan.engine.containers.start import start_locked

    await pause(wait)
    try:
        async with container.lock:
            container.restarting = None
            await start_locked(services, container, by_policy=True)
    except SampanError as error:
        log.warning("restart of container %s failed: %s", container.id, error)


def cancel_restart(services: Services, container: Container) -> bool:
    """Stop waiting for the next start. True when there was one to wait for; the container is then ended."""
    task, container.restarting = container.restarting, None
    if task is None:
        return False
    task.cancel()
    state = container.record.state
    state.running = state.restarting = False
    services.note(container)
    container.announce_exit()
    return True


def remove_soon(services: Services, container: Container) -> None:
    services.spawn(remove_ended(services, container))


async def remove_ended(services: Services, container: Container) -> None:
    """Auto-remove: with its anonymous volumes, as `docker rm -v`."""
    from sampan.engine.containers.remove import remove

    try:
        await remove(services, container, force=True, volumes=True)
    except SampanError as error:
        log.warning("automatic removal of container %s failed: %s", container.id, error)
