"""Attaching clients to a container's own streams: before its start or while it runs, with its log or not."""

import asyncio
import base64
from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass

from sampan.engine.containers.container import Container, Waiting
from sampan.engine.containers.detachkeys import parse_keys
from sampan.engine.containers.events import ContainerEvents
from sampan.engine.containers.logs import LogRequest, Logs
from sampan.errors import Conflict
from sampan.http.hijack import Hijacked
from sampan.http.requests import query_bool
from sampan.runtime.protocol import Attach


@dataclass(frozen=True)
class AttachQuery:
    """Parameters of POST /containers/{id}/attach and GET .../attach/ws; `detach_keys` are byte values, never
    empty once parsed.
    """

    logs: bool
    stream: bool
    stdin: bool
    stdout: bool
    stderr: bool
    detach_keys: list[int]

    @classmethod
    def parse(cls, query: Mapping[str, str]) -> "AttachQuery":
        """Raises Invalid (detach keys)."""
        return cls(
            logs=query_bool(query, "logs"),
            stream=query_bool(query, "stream"),
            stdin=query_bool(query, "stdin"),
            stdout=query_bool(query, "stdout"),
            stderr=query_bool(query, "stderr"),
            detach_keys=parse_keys(query.get("detachKeys", "")),
        )


def check(container: Container, ref: str) -> None:
    """Raises Conflict."""
    state = container.record.state
    if state.paused:
        raise Conflict(f"container {ref} is paused, unpause the container before attach")
    if state.restarting:
        raise Conflict(f"container {ref} is restarting, wait until the container is running")


async def attach(
    events: ContainerEvents,
    logs: Logs,
    container: Container,
    query: AttachQuery,
    connection: Hijacked,
    *,
    raw: bool = False,
) -> None:
    """Takes over the connection: it is the shim's, waits for the start, or is closed."""
    try:
        if query.logs:
            await replay(logs, container, query, connection)
        events.emit(container.record, "attach")
        if not query.stream or not (query.stdin or query.stdout or query.stderr):
            return
        await hand_over(container, query, connection, raw)
    finally:
        if all(waiting.socket is not connection.socket for waiting in container.attaching):
            connection.close()


async def replay(logs: Logs, container: Container, query: AttachQuery, connection: Hijacked) -> None:
    loop = asyncio.get_running_loop()
    connection.socket.setblocking(False)
    request = LogRequest(stdout=query.stdout, stderr=query.stderr)
    async with aclosing(logs.read(container.record, request)) as pieces:
        async for piece in pieces:
            await loop.sock_sendall(connection.socket, piece)


async def hand_over(container: Container, query: AttachQuery, connection: Hijacked, raw: bool) -> None:
    """Under the lock, so that a start cannot pass between the question whether it runs and the answer."""
    request = attach_of(container, query, connection.leftover)
    if raw:
        request["framed"] = False
    async with container.lock:
        if container.shim is None:
            container.attaching.append(Waiting(request, connection.socket))
        else:
            await container.shim.attach(request, connection.socket.fileno())


def attach_of(container: Container, query: AttachQuery, leftover: bytes) -> Attach:
    config = container.record.config
    tty = bool(config["Tty"])
    request: Attach = {
        "stdin": query.stdin and bool(config["OpenStdin"]),
        "stdout": query.stdout,
        "stderr": query.stderr,
        "framed": not tty,
        "detach_keys": query.detach_keys if tty else [],
    }
    if leftover:
        request["leftover"] = base64.b64encode(leftover).decode()
    return request
