"""Both of BuildKit's services and the sessions of their clients, on connections that the API hands over.

One per engine, made when the first client of BuildKit's calls: it loads protobuf.
"""

import asyncio
import socket
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any

from sampan.builder.builder import Builder
from sampan.builder.frontends.buildkit import bridge, capabilities, control, traces
from sampan.builder.frontends.buildkit.jobs import Jobs
from sampan.builder.frontends.buildkit.session.sessions import Sessions
from sampan.builder.frontends.buildkit.solves import Solves
from sampan.errors import SampanError
from sampan.http.grpc.call import ServerCall
from sampan.http.grpc.server import Routes, serve
from sampan.http.grpc.status import GrpcError
from sampan.http.hijack import Hijacked
from sampan.specs.buildkit.schema import schema

CHUNK = 32 << 10


class BuildKit:
    def __init__(
        self, builder: Builder, sessions: Sessions, id: str, host_gateways: Callable[[], Sequence[str]]
    ) -> None:
        self._builder = builder
        self._sessions = sessions
        self._id = id
        self._host_gateways = host_gateways
        self._jobs = Jobs()

    async def serve_calls(self, connection: Hijacked) -> None:
        """POST /grpc. Results are kept until the connection ends: other solves on it may build on them."""
        solves = Solves(self._builder, self._sessions)
        try:
            await serve(connection.socket, connection.leftover, self._routes(solves))
        finally:
            solves.forget()

    def check_session(self, headers: Iterable[tuple[str, str]]) -> None:
        """Raises Invalid for a session that cannot be served."""
        self._sessions.check(headers)

    async def serve_session(self, connection: Hijacked, headers: Iterable[tuple[str, str]]) -> None:
        """POST /session."""
        await self._sessions.serve(connection.socket, connection.leftover, headers)

    def workers(self) -> list[Any]:
        labels = {capabilities.SNAPSHOTTER: "overlayfs"}
        gateways = self._host_gateways()
        if gateways:
            labels[capabilities.HOST_GATEWAY] = gateways[0]
        return [capabilities.worker(self._id, labels)]

    def _routes(self, solves: Solves) -> Routes:
        routes = Routes(schema())
        services = control.Control(self._builder, solves, self._jobs, self.workers)
        routes.add(control.SERVICE, {**services.handlers(), "Session": self.session})
        routes.add(bridge.SERVICE, bridge.Bridge(solves, self._jobs, self.workers).handlers())
        routes.add(traces.SERVICE, {"Export": traces.export})
        return routes

    async def session(self, call: ServerCall) -> None:
        """Control.Session: a session inside of a call, for clients that have no /session."""
        ours, theirs = socket.socketpair()
        headers = [(name, str(value)) for name, values in call.metadata.items() for value in values]
        reader, writer = await asyncio.open_connection(sock=ours)
        try:
            async with asyncio.TaskGroup() as group:
                serving = group.create_task(self._sessions.serve(theirs, b"", headers))
                pumps = [group.create_task(inward(call, writer)), group.create_task(outward(call, reader))]
                serving.add_done_callback(lambda _: [pump.cancel() for pump in pumps])
        except* SampanError as failures:
            raise failures.exceptions[0] from None
        finally:
            writer.close()


async def inward(call: ServerCall, writer: asyncio.StreamWriter) -> None:
    with suppress(GrpcError):  # the client is gone: that is an end as well
        async for message in call:
            writer.write(message.data)
            await writer.drain()
    with suppress(OSError):
        writer.write_eof()


async def outward(call: ServerCall, reader: asyncio.StreamReader) -> None:
    message = schema().message("moby.buildkit.v1.BytesMessage")
    while data := await reader.read(CHUNK):
        await call.send(message(data=data))
