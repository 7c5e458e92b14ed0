"""Between the sockets and the API: every request is timed, counted and logged once its last byte went out."""

import asyncio
import logging
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from aiohttp import web
from aiohttp.web_protocol import ERROR as NO_HTTP  # stands for what its parser refuses; it answers itself
from aiohttp.web_protocol import RequestHandler

from sampan.http.app import ApiRequest, not_about_bad_requests
from sampan.http.requests import readable
from sampan.registry.accesslog import AccessLog, plain_query, shortened, timestamp
from sampan.registry.api.app import Handled, RegistryApi, refuse
from sampan.registry.api.call import SLOWEST
from sampan.registry.metrics.measure import Metrics
from sampan.registry.workers.accept import Acceptor
from sampan.registry.workers.connections import FIRST_WORDS, Connections

LARGE = 64 << 10  # asyncio's mark from which on a writer waits
READ_BUFFER = 512 << 10  # per connection at most: uploads are read in large pieces
KEEP_ALIVE = 90.0  # seconds; clients come back for the next layer on the same connection
DRAIN_POLL = 0.02
LAST_WORDS = 0.2  # seconds for what is cut off to notice
CLIENT_GONE = 499  # nginx's number for a client that left before the answer was out


class Front:
    """One worker's server."""

    def __init__(self, api: RegistryApi, metrics: Metrics, log: AccessLog | None) -> None:
        self._api = api
        self._metrics = metrics
        self._log = log
        self._acceptors: list[Acceptor] = []
        self._draining = False
        api.observers.append(_remember)
        self._connections = Connections(
            self.handle,
            request_factory=self._request,
            handler_cancellation=True,
            access_log=None,
            keepalive_timeout=KEEP_ALIVE,
            lingering_time=2.0,
            auto_decompress=False,
            read_bufsize=READ_BUFFER,
            tcp_keepalive=True,
        )
        logging.getLogger("aiohttp.server").addFilter(not_about_bad_requests)

    def listen(self, sock: socket.socket, context: ssl.SSLContext | None) -> None:
        self._acceptors.append(Acceptor(sock, self._connections, context))

    async def stop(self, drain: float) -> None:
        """Listen no more, answer what has come for `drain` seconds, then cut what is left.

        aiohttp's own shutdown() stops reading at once: an upload in progress could never finish.
        """
        for acceptor in self._acceptors:
            acceptor.close()
        self._draining = True
        end = time.monotonic() + drain
        # Each look closes what has begun to wait since the last.
        while self._in_hand(FIRST_WORDS) and time.monotonic() < end:  # noqa: ASYNC110
            await asyncio.sleep(DRAIN_POLL)
        self._in_hand(0.0)
        for acceptor in self._acceptors:
            await acceptor.stop()
        self._connections.pre_shutdown()
        await self._connections.shutdown(LAST_WORDS)

    def _in_hand(self, patience: float) -> bool:
        """Close what only waits; whether there is anything else."""
        handshakes = [acceptor.close_waiting(patience) for acceptor in self._acceptors]
        fresh = self._connections.close_waiting(patience)
        return fresh or any(handshakes) or bool(self._connections.busy)

    def _request(
        self,
        message: Any,
        payload: Any,
        protocol: RequestHandler,
        writer: Any,
        task: "asyncio.Task[None]",
    ) -> ApiRequest:
        loop = protocol._loop
        made = ApiRequest(readable(message), payload, protocol, writer, task, loop, client_max_size=1 << 20)
        if message is NO_HTTP:
            self._account(made, web.Response(status=400), True, 0.0)
        return made

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        assert isinstance(request, ApiRequest)
        metrics, protocol = self._metrics, request.protocol
        uploading = request.can_read_body and "/blobs/uploads/" in request.raw_path
        metrics.in_flight.add(1)
        metrics.uploading.add(uploading)
        self._connections.begin(protocol)
        begun = time.perf_counter()
        response: web.StreamResponse | None = None
        finished = False
        try:
            response = await self._api.handle(request)
            if self._draining and not response.prepared:
                response.force_close()
            # Sent here rather than by aiohttp, so that time and bytes of the body count.
            response = await self._sent(request, response)
            finished = True
            return response
        finally:
            self._connections.end(protocol)
            metrics.in_flight.add(-1)
            metrics.uploading.add(-uploading)
            self._account(request, response, finished, time.perf_counter() - begun)

    async def _sent(self, request: ApiRequest, response: web.StreamResponse) -> web.StreamResponse:
        """The answer, or the one that says why it cannot be sent: a blob's file is opened only now."""
        try:
            await self._send(request, response)
        except OSError as error:
            if response.prepared or isinstance(error, ConnectionError):
                raise
            response = await refuse(request, error)
            await self._send(request, response)
        return response

    async def _send(self, request: ApiRequest, response: web.StreamResponse) -> None:
        # What is streamed has its own eye on the client; less than this never waits for it.
        if not isinstance(response, web.Response) or sent_bytes(response) < LARGE:
            await response.prepare(request)
            await response.write_eof()
            return
        with watched(request.transport, self._api.registry.config.body_timeout):
            await response.prepare(request)
            await response.write_eof()

    def _account(
        self, request: ApiRequest, response: web.StreamResponse | None, finished: bool, seconds: float
    ) -> None:
        handled: Handled | None = request._state.get("handled")
        route = handled.route if handled else None
        label = (route.label or "other") if route else "none"
        status = response.status if response is not None and finished else CLIENT_GONE
        received = getattr(request.content, "total_bytes", 0)
        sent = sent_bytes(response) if response is not None and request.method != "HEAD" else 0
        self._metrics.request(request.method, label, status, seconds)
        if received:
            self._metrics.bytes_in.add(received)
        if sent:
            self._metrics.bytes_out.add(sent)
        if self._log is not None:
            self._log.write(_line(request, handled, label, status, received, sent, seconds))


def _line(
    request: ApiRequest,
    handled: Handled | None,
    label: str,
    status: int,
    received: int,
    sent: int,
    seconds: float,
) -> dict[str, Any]:
    headers = request.headers
    line: dict[str, Any] = {
        "time": timestamp(time.time()),
        "id": request._state.get("id", ""),
        "remote": request.remote or "",
        "method": request.method,
        "path": shortened(request.raw_path.partition("?")[0]),
        "status": status,
        "route": label,
        "bytes_in": received,
        "bytes_out": sent,
        "seconds": round(seconds, 6),
        "user_agent": shortened(headers.get("User-Agent", "")),
    }
    if "?" in request.raw_path:
        line["query"] = plain_query(request.query)
    if handled is not None and handled.repository:
        line["repository"] = handled.repository
    if handled is not None and handled.actor.name:
        line["user"] = shortened(handled.actor.name)
    if forwarded := headers.get("X-Forwarded-For"):
        line["forwarded_for"] = shortened(forwarded)
    return line


def sent_bytes(response: web.StreamResponse) -> int:
    """Bytes of the body; a response that sends its body past aiohttp counts them itself."""
    counted = getattr(response, "sent", None)
    if isinstance(counted, int):
        return counted
    body = response.body if isinstance(response, web.Response) else None
    return len(body) if isinstance(body, bytes) else 0


@contextmanager
def watched(transport: asyncio.Transport | None, patience: float) -> Iterator[None]:
    """Cuts the connection of a client that takes next to nothing of what is to be sent."""
    loop = asyncio.get_running_loop()
    left: float = float("inf")
    timer = loop.call_later(patience, lambda: look())

    def look() -> None:
        nonlocal left, timer
        before, left = left, transport.get_write_buffer_size() if transport is not None else 0
        if left > before - patience * SLOWEST and transport is not None:
            transport.abort()
        else:
            timer = loop.call_later(patience, look)

    try:
        yield
    finally:
        timer.cancel()


def _remember(handled: Handled) -> None:
    handled.request._state["handled"] = handled
