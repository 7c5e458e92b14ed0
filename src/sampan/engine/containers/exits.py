"""What the end of a container's program makes of its state: it stays ended, starts again, or goes."""

from dataclasses import dataclass
from typing import Any

from sampan.engine.containers.container import Container
from sampan.engine.containers.records import Records
from sampan.specs.golang import time as times


@dataclass(frozen=True)
class Verdict:
    restart_after: float | None = None  # seconds, when its policy wants it to start again
    remove: bool = False
    out_of_memory: bool = False  # and nobody has been told


def settle(container: Container, event: dict[str, Any], ran: float, *, ending: bool) -> Verdict:
    """Put the end into the state. `ran`: seconds; `ending`: the daemon stops containers, for good."""
    record, state = container.record, container.record.state
    code = event["code"]
    state.pid, state.paused = 0, False
    state.exit_code, state.finished_at = code, event.get("at") or times.now()
    state.error = event.get("error") or ""
    out_of_memory = bool(event.get("oom")) and set_oom_killed(container)
    if state.health is not None:
        state.health = {**state.health, "Status": "unhealthy"}
    wait = container.monitor.next(
        record.host_config["RestartPolicy"], code, record.manually_stopped or ending, ran
    )
    if ending:
        wait = None
    state.running = state.restarting = wait is not None
    if wait is not None:
        record.restart_count += 1
    remove = wait is None and record.host_config["AutoRemove"] and not container.kept
    return Verdict(wait, remove, out_of_memory)


def set_oom_killed(container: Container) -> bool:
    """True once a run: the shim's warning and its last word may both say so, or only one."""
    before, container.record.state.oom_killed = container.record.state.oom_killed, True
    return not before


def cancel_restart(records: Records, container: Container) -> bool:
    """Stop waiting for the next start. True when there was one to wait for; the container is then ended."""
    task, container.restarting = container.restarting, None
    if task is None:
        return False
    task.cancel()
    state = container.record.state
    state.running = state.restarting = False
    records.note(container.record)
    container.announce_exit()
    return True
