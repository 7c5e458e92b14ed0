"""The HTTP server behind Docker's API: versions, headers, errors, sockets.

On aiohttp's low-level server with our own routing table; docs/decisions/http-server.md says why.
"""

import asyncio
import logging
import os
import resource
import socket
import ssl
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Protocol, cast

import orjson
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.web_protocol import RequestHandler
from aiohttp.web_urldispatcher import UrlMappingMatchInfo

from sampan.errors import Failed, Invalid
from sampan.http.errors import status_of
from sampan.http.requests import BODY_LIMIT
from sampan.http.routing import Table, split_version
from sampan.http.upgrade import Connections

log = logging.getLogger("sampan.http")

BACKLOG = 512  # connections that the kernel keeps for a server that is busy


class Match(dict[str, str]):
    """What `request.match_info` needs to be, without aiohttp's application behind it."""

    _apps: tuple[web.Application, ...] = ()


class ApiRequest(web.Request):
    """A request whose answer gets the API's headers, whoever prepares it and when."""

    async def _prepare_hook(self, response: web.StreamResponse) -> None:
        # Assigned, not defaulted: aiohttp has put its own Server there.
        headers = self.get("headers")
        if headers is not None:
            for name, value in headers:
                response.headers[name] = value


@dataclass(frozen=True)
class ApiVersions:
    """The versions of its API that a server speaks."""

    newest: tuple[int, int]
    oldest: tuple[int, int]

    def check(self, asked: tuple[int, int] | None) -> tuple[int, int]:
        """Raises Invalid, in Docker's words, for a version this server does not speak."""
        if asked is None:
            return self.newest
        if asked < self.oldest:
            raise Invalid(
                f"client version {text(asked)} is too old. Minimum supported API version is "
                f"{text(self.oldest)}, please upgrade your client to a newer version"
            )
        if asked > self.newest:
            raise Invalid(
                f"client version {text(asked)} is too new. "
                f"Maximum supported API version is {text(self.newest)}"
            )
        return asked


def text(version: tuple[int, int]) -> str:
    """A version as paths and messages have it, "1.47"."""
    return f"{version[0]}.{version[1]}"


def error_response(status: int, message: str) -> web.Response:
    """A failure in the form Docker's API has for all of them."""
    if status == 304:
        return web.Response(status=304)
    body = orjson.dumps({"message": message}, option=orjson.OPT_APPEND_NEWLINE)
    return web.Response(body=body, status=status, content_type="application/json")


@dataclass
class Api:
    """All routes of one API, as the single handler aiohttp's low-level server wants."""

    routes: Iterable[web.RouteDef]
    versions: ApiVersions
    headers: tuple[tuple[str, str], ...] = ()
    table: Table = field(init=False)

    def __post_init__(self) -> None:
        self.table = Table(self.routes)
        self.headers = (("Api-Version", text(self.versions.newest)), *self.headers)

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """The answer, errors included; raises only what means that the client has gone."""
        assert isinstance(request, ApiRequest)
        asked, path = split_version(request.raw_path.partition("?")[0])
        found = self.table.find(request.method, path)
        if found is None:
            return error_response(404, "page not found")
        handler, parameters = found
        state = request._state  # plain string keys, which aiohttp would warn about
        state["headers"] = self.headers
        request._match_info = cast(UrlMappingMatchInfo, Match(parameters))
        try:
            state["api_version"] = self.versions.check(asked)
            return await handler(request)
        except (asyncio.CancelledError, ConnectionError):
            raise
        except Exception as error:
            return error_response(*status_of(error))


class Serves(Protocol):
    """What a Server needs of an API: never raises but for a client that has gone."""

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse: ...


class Server:
    """Listening sockets for one API. Stopping closes them and every idle connection.

    Without `upgrades` connections cannot be hijacked, and long bodies pass one layer less. A connection is
    closed when no whole request has come for `idle` seconds.
    """

    def __init__(self, api: Serves, *, upgrades: bool = True, idle: float = 3600) -> None:
        self._api = api
        self._running = 0
        self._draining = False
        self._idle = asyncio.Event()
        self._server = (Connections if upgrades else web.Server)(
            self._handle,
            request_factory=self._request,
            # A client that goes away ends its stream (stats, logs, events) and its wait.
            handler_cancellation=True,
            access_log=None,
            keepalive_timeout=idle,
            lingering_time=2.0,
            auto_decompress=False,
            max_line_size=64 << 10,
            max_field_size=64 << 10,
            tcp_keepalive=True,
        )
        self._listeners: list[asyncio.Server] = []
        # What is not HTTP is answered with 400; its traceback tells nobody anything.
        logging.getLogger("aiohttp.server").addFilter(not_about_bad_requests)

    @staticmethod
    def _request(
        message: Any, payload: Any, protocol: RequestHandler, writer: Any, task: "asyncio.Task[None]"
    ) -> ApiRequest:
        loop = asyncio.get_running_loop()
        return ApiRequest(message, payload, protocol, writer, task, loop, client_max_size=BODY_LIMIT)

    async def listen(self, sock: socket.socket, context: ssl.SSLContext | None = None) -> None:
        """Serve on a bound socket, from now on the server's; raises OSError."""
        loop = asyncio.get_running_loop()
        if sock.family == socket.AF_UNIX:
            listener = await loop.create_unix_server(self._server, sock=sock, backlog=BACKLOG, ssl=context)
        else:
            listener = await loop.create_server(self._server, sock=sock, backlog=BACKLOG, ssl=context)
        self._listeners.append(listener)

    async def drain(self, grace: float) -> None:
        """Listen no more, and wait until what is under way has its answer, at most `grace` seconds.

        aiohttp's own shutdown takes no more of a body that is still on its way.
        """
        self._draining = True
        for listener in self._listeners:
            listener.close()
        for connection in list(self._server.connections):
            if not connection._request_in_progress:
                connection.close()
        if self._running:
            with suppress(TimeoutError):
                async with asyncio.timeout(grace):
                    await self._idle.wait()

    async def stop(self) -> None:
        """Listen no more; what is under way is cut within a moment."""
        for listener in self._listeners:
            listener.close()
        self._server.pre_shutdown()
        await self._server.shutdown(0.2)

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        self._running += 1
        try:
            response = await self._api.handle(request)
            if self._draining:
                response.force_close()
            return response
        finally:
            self._running -= 1
            if self._draining and not self._running:
                self._idle.set()


def not_about_bad_requests(record: logging.LogRecord) -> bool:
    """A logging filter: everything but the tracebacks of what is no HTTP, and of clients that have gone."""
    error = record.exc_info[1] if record.exc_info else None
    return not isinstance(error, HttpProcessingError | ConnectionError)


def raise_file_limit() -> None:
    """Every client holds a descriptor, some two; the soft limit is 1024 in many places."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def bind_unix(path: str, mode: int = 0o660, group: int | None = None) -> socket.socket:
    """A listening unix socket. A stale one is replaced; one that answers is not. Raises Failed."""
    with suppress(FileNotFoundError):
        probe = socket.socket(socket.AF_UNIX)
        with probe:
            try:
                probe.connect(path)
            except (ConnectionRefusedError, FileNotFoundError):
                pass
            else:
                raise Failed(f"cannot listen on {path}: another program already listens there")
        os.unlink(path)
    directory = os.path.dirname(path)
    if directory:
        os.makedirs(directory, exist_ok=True)
    sock = socket.socket(socket.AF_UNIX)
    try:
        # Made private first: mode and group are set before anyone else can connect.
        previous = os.umask(0o177)
        try:
            sock.bind(path)
        finally:
            os.umask(previous)
        if group is not None:
            os.chown(path, 0, group)
        os.chmod(path, mode)
        sock.listen(BACKLOG)
    except OSError as error:
        sock.close()
        raise Failed(f"cannot listen on {path}: {error.strerror}") from error
    sock.setblocking(False)
    return sock


def bind_tcp(host: str, port: int) -> socket.socket:
    """A listening TCP socket. Raises Failed."""
    try:
        family, kind, proto, _, address = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        sock = socket.socket(family, kind, proto)
    except OSError as error:
        raise Failed(f"cannot listen on tcp {host}:{port}: {error}") from error
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(address)
        sock.listen(BACKLOG)
    except OSError as error:
        sock.close()
        raise Failed(f"cannot listen on tcp {host}:{port}: {error.strerror}") from error
    sock.setblocking(False)
    return sock
