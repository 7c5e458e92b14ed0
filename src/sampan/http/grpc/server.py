"""The server's side: services on a connection that was taken over.

    routes = Routes(schema)
    routes.add("moby.buildkit.v1.Control", {"Solve": self.solve, "Status": self.status})
    await serve(hijacked.socket, hijacked.leftover, routes)  # until the client is gone

A handler's form follows from its method (one message in or a stream of them, one out or a stream):

    async def solve(request: Any, call: ServerCall) -> Any: ...    # unary: returns the answer
    async def status(request: Any, call: ServerCall) -> None: ...  # server stream: await call.send(message)
    async def collect(call: ServerCall) -> Any: ...                # client stream: async for message in call
    async def session(call: ServerCall) -> None: ...               # both

Raising ends the call with that status: GrpcError as it is, another SampanError by `as_grpc`, anything else is
a bug: logged, and INTERNAL to the client. A client that cancels, or is gone, cancels the handler's task.
"""

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from sampan.errors import SampanError
from sampan.http.grpc import metadata as md
from sampan.http.grpc.call import ServerCall, within
from sampan.http.grpc.connection import MAX_STREAMS, Connection, take_over
from sampan.http.grpc.frames import ErrorCode
from sampan.http.grpc.status import Code, GrpcError, as_grpc
from sampan.http.grpc.stream import Stream
from sampan.specs.protobuf import Method, Schema
from sampan.tasks import Tasks

logger = logging.getLogger(__name__)

Handler = Callable[..., Awaitable[Any]]


class Routes:
    """Which handler answers which path."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._handlers: dict[str, tuple[Method, Handler]] = {}
        self._services: set[str] = set()

    def add(self, service: str, handlers: Mapping[str, Handler]) -> None:
        """Have these handlers answer a service's methods, by name."""
        self._services.add(service)
        for name, handler in handlers.items():
            method = self._schema.method(service, name)
            self._handlers[method.path] = (method, handler)

    def find(self, path: str) -> tuple[Method, Handler]:
        """Raises GrpcError with Go's words: buildx compares none of them, but people read them."""
        found = self._handlers.get(path)
        if found is not None:
            return found
        service, _, name = path.removeprefix("/").rpartition("/")
        if service in self._services:
            raise GrpcError(Code.UNIMPLEMENTED, f"unknown method {name} for service {service}")
        raise GrpcError(Code.UNIMPLEMENTED, f"unknown service {service}")

    def paths(self) -> list[str]:
        """As a session announces them."""
        return sorted(self._handlers)


class Serving:
    """One client's calls, each in a task that ends with it."""

    def __init__(self, routes: Routes) -> None:
        self._routes = routes
        self._calls: dict[int, asyncio.Task[None]] = {}
        self._tasks = Tasks()

    def opened(self, stream: Stream) -> None:
        # Calls that were cancelled but still clean up count too.
        if len(self._tasks) >= MAX_STREAMS:
            stream.reset(ErrorCode.REFUSED_STREAM, GrpcError(Code.UNAVAILABLE, "too many calls at once"))
            return
        task = self._calls[stream.id] = self._tasks.spawn(self._answer(stream))
        task.add_done_callback(lambda _: self._calls.pop(stream.id, None))

    def settled(self, stream: Stream) -> None:
        task = self._calls.get(stream.id)
        if task is not None and stream.error is not None and task is not asyncio.current_task():
            task.cancel()

    async def end(self) -> None:
        await self._tasks.stop()

    async def _answer(self, stream: Stream) -> None:
        headers = stream.headers or {}
        if md.first(headers, ":method") != "POST" or not is_grpc(md.first(headers, "content-type")):
            stream.send_headers([(":status", "415")], end=True)
            return
        call = ServerCall(stream, None, None)
        try:
            await self._handle(stream, call)
        except GrpcError as error:
            call.finish(error)
        except SampanError as error:
            call.finish(as_grpc(error))
        except asyncio.CancelledError:
            call.finish(GrpcError(Code.CANCELLED, "context canceled"))
            raise
        except Exception as error:
            logger.exception("gRPC call %s", call.path)
            call.finish(GrpcError(Code.INTERNAL, f"{type(error).__name__} in the server; see its log"))
        else:
            call.finish(None)

    async def _handle(self, stream: Stream, call: ServerCall) -> None:
        method, handler = self._routes.find(call.path)
        call.expect(method.request)
        try:
            timeout = md.timeout(md.first(stream.headers or {}, "grpc-timeout"))
        except ValueError as error:
            raise GrpcError(Code.INTERNAL, f"malformed grpc-timeout: {error}") from None
        if timeout is not None:
            call.deadline = asyncio.get_running_loop().time() + timeout
        await within(call.deadline, run(method, handler, call))


async def run(method: Method, handler: Handler, call: ServerCall) -> None:
    if method.client_streams:
        answer = await handler(call)
    else:
        request = await call.receive()
        if request is None:
            raise GrpcError(Code.INTERNAL, "the call came without its message")
        answer = await handler(request, call)
    if not method.server_streams:
        await call.send(answer)


def is_grpc(content_type: str) -> bool:
    return content_type == "application/grpc" or content_type.startswith(
        ("application/grpc+proto", "application/grpc;")
    )


async def serve(sock: socket.socket, leftover: bytes, routes: Routes) -> None:
    """Answer until the client is gone, or the caller is cancelled. The socket is closed, no call is left."""
    serving = Serving(routes)
    connection = Connection(serving.opened, leftover)
    connection.on_settled = serving.settled
    try:
        await take_over(sock, connection)
        await asyncio.shield(connection.closed)
    finally:
        connection.close()
        await serving.end()
