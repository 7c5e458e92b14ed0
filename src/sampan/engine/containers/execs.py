"""Exec: further processes in a running container.

What an exec is (its `config`) lies in execs/<id>.json beside the shim's request, so that a daemon that takes
over knows running and ended ones alike; execs created but never started die with the daemon.
"""

import base64
import json
import logging
import secrets
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from sampan.engine.containers.container import Container, Exec
from sampan.engine.containers.detachkeys import parse_keys
from sampan.engine.containers.documents import (
    BOOL,
    COMMAND,
    OPTIONAL_STRING,
    STRING,
    STRINGS,
    Field,
    normalise,
)
from sampan.engine.containers.events import ContainerEvents
from sampan.engine.containers.index import Index
from sampan.engine.containers.settings import Settings
from sampan.engine.ocispec.exec import exec_process
from sampan.errors import Conflict, Denied, Invalid, NotFound
from sampan.http.hijack import Hijacked
from sampan.runtime.protocol import Attach, ExecRequest

log = logging.getLogger("sampan.execs")

KEPT = 600.0  # seconds an ended exec can still be inspected; Docker sweeps every five minutes

CONFIG: dict[str, Field] = {
    "User": STRING,
    "Privileged": BOOL,
    "Tty": BOOL,
    "ConsoleSize": Field("size", "uint", None, omit=True),
    "AttachStdin": BOOL,
    "AttachStderr": BOOL,
    "AttachStdout": BOOL,
    "DetachKeys": OPTIONAL_STRING,
    "Env": STRINGS,
    "WorkingDir": STRING,
    "Cmd": COMMAND,
}


class Execs:
    def __init__(self, index: Index, events: ContainerEvents, settings: Settings) -> None:
        self._index = index
        self._events = events
        self._settings = settings

    def get(self, id: str) -> Exec:
        """Raises NotFound; Conflict when its container cannot run it any more."""
        for container in self._index:
            exec = container.execs.get(id)
            if exec is not None:
                return exec
        raise NotFound(f"No such exec instance: {id}")

    def create(self, ref: str, body: dict[str, Any]) -> Exec:
        """Raises NotFound, Invalid, Conflict."""
        config = normalise(body, CONFIG, "ExecOptions")
        if not config["Cmd"]:
            raise Invalid("No exec command specified")
        container = self._index.find(ref)
        check_can_exec(container, ref)
        parse_keys(config.get("DetachKeys", ""))
        if any("\0" in word for word in config["Cmd"]):
            raise Invalid("invalid command: contains a nul byte")
        forget_old(container)
        exec = Exec(secrets.token_hex(32), container, config)
        container.execs[exec.id] = exec
        self._events.emit(container.record, f"exec_create: {exec.action}", execID=exec.id)
        return exec

    async def start(self, exec: Exec, connection: Hijacked | None, size: tuple[int, int] | None) -> None:
        """Run it. The connection is the shim's once this returned, and closed when this raises."""
        try:
            check_startable(exec)
            exec.started = exec.running = True
            try:
                await self._run(exec, connection, size)
            except BaseException:
                # As in Docker: whatever kept it from running, its code is 126.
                exec.ended(126)
                raise
        finally:
            if connection is not None:
                connection.close()

    async def _run(self, exec: Exec, connection: Hijacked | None, size: tuple[int, int] | None) -> None:
        container = exec.container
        record, settings = container.record, self._settings
        process, program = exec_process(
            record.config, record.host_config, exec.config, settings.host, settings.defaults
        )
        attach = attach_of(exec, connection.leftover) if connection is not None else None
        request: ExecRequest = {
            "id": exec.id,
            "process": cast(dict[str, Any], process),
            "seccomp": base64.b64encode(program).decode() if program is not None else None,
            "open_stdin": exec.config["AttachStdin"] and connection is not None,
            "attach": attach,
            "console_size": size if exec.config["Tty"] else None,
        }
        kept = cast(dict[str, Any], request) | {"config": exec.config}
        self._events.emit(record, f"exec_start: {exec.action}", execID=exec.id)
        shim = container.shim
        if shim is None:
            raise Conflict(f"container {container.id} is not running")
        try:
            exec.pid = await shim.exec(
                cast(ExecRequest, kept), connection.socket.fileno() if connection is not None else None
            )
        except (NotFound, Denied) as error:
            raise Invalid(error.message, hint=error.hint) from error

    async def resize(self, exec: Exec, height: int, width: int) -> None:
        """Raises Conflict when it does not run."""
        if not exec.running or exec.container.shim is None:
            raise Conflict(f"exec process {exec.id} is not running")
        await exec.container.shim.resize(height, width, exec.id)


def check_can_exec(container: Container, ref: str) -> None:
    state = container.record.state
    if not state.running:
        raise Conflict(f"container {container.id} is not running")
    if state.paused:
        raise Conflict(f"Container {ref} is paused, unpause the container before exec")
    if state.restarting:
        raise Conflict(f"Container {ref} is restarting, wait until the container is running")


def check_startable(exec: Exec) -> None:
    if exec.exit_code is not None:
        raise Conflict(f"Error: Exec command {exec.id} has already run")
    if exec.running:
        raise Conflict(f"Error: Exec command {exec.id} is already running")
    check_can_exec(exec.container, exec.container.id)


def attach_of(exec: Exec, leftover: bytes) -> Attach:
    """What the shim has to know of an exec's client; `leftover` is what the client had sent before the
    hand-over.
    """
    tty = exec.config["Tty"]
    attach: Attach = {
        "stdin": exec.config["AttachStdin"],
        "stdout": exec.config["AttachStdout"],
        "stderr": exec.config["AttachStderr"],
        "framed": not tty,
        "detach_keys": parse_keys(exec.config.get("DetachKeys", "")) if tty else [],
        "exec": exec.id,
    }
    if leftover:
        attach["leftover"] = base64.b64encode(leftover).decode()
    return attach


def forget_old(container: Container) -> None:
    limit = time.monotonic() - KEPT
    for exec in list(container.execs.values()):
        if exec.exit_code is not None and exec.ended_at < limit:
            del container.execs[exec.id]


def recover_execs(directory: Path, container: Container, running: Mapping[str, int]) -> None:
    """After a daemon's restart: execs whose requests lie on disk, with what became of them."""
    try:
        files = sorted(directory.glob("*.json"))
    except OSError:
        return
    for file in files:
        try:
            request = json.loads(file.read_bytes())
            exec = Exec(file.stem, container, request["config"], started=True)
        except (OSError, ValueError, KeyError) as error:
            log.warning("exec %s is forgotten: %s", file.stem, error)
            continue
        if exec.id in running:
            exec.running, exec.pid = True, running[exec.id]
        else:
            exec.ended(
                exit_code(
                    file.with_suffix(".exit").read_bytes() if file.with_suffix(".exit").exists() else b""
                )
            )
        container.execs[exec.id] = exec


def exit_code(content: bytes) -> int:
    try:
        return int(json.loads(content)["code"])
    except (ValueError, KeyError, TypeError):
        return 137  # no word from the shim: it ended with its container
