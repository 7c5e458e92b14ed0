"""The one handler behind the registry's sockets: route, let in, call, and word failures."""

import asyncio
import logging
import secrets
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from aiohttp import web

from sampan.errors import SampanError
from sampan.http.app import ApiRequest
from sampan.http.errors import status_of
from sampan.registry.api.call import Call, Route, from_elsewhere, json_response
from sampan.registry.api.table import Match, Table
from sampan.registry.auth.access import NOBODY, Actor, Need
from sampan.registry.auth.gate import Gate
from sampan.registry.cache.service import Upstreams
from sampan.registry.errors import EXHAUSTED, Denied, NotFound, RegistryError, Unsupported, exhausted
from sampan.registry.names import check_name, is_name
from sampan.registry.registry import Registry
from sampan.registry.share.service import Shared

log = logging.getLogger("sampan.registry")
HEADERS = (
    ("Docker-Distribution-Api-Version", "registry/2.0"),
    ("X-Content-Type-Options", "nosniff"),
    ("Server", "sampan-registry"),
)
DRAIN = 1 << 20  # bytes of a refused body that are still read, so that the client sees the answer


@dataclass(frozen=True)
class Handled:
    """What access log and metrics learn of a request. `seconds` until its answer was ready to go out."""

    request: web.Request
    response: web.StreamResponse
    route: Route | None
    repository: str
    actor: Actor
    started: float
    seconds: float


Observer = Callable[[Handled], None]


class RegistryApi:
    def __init__(
        self,
        registry: Registry,
        gate: Gate,
        routes: Iterable[Route],
        upstreams: Upstreams | None = None,
        shared: Shared | None = None,
    ) -> None:
        self.registry = registry
        self.upstreams = upstreams
        self.shared = shared
        self.gate = gate
        self.table = Table(routes)
        self.observers: list[Observer] = []
        #: Awaited between what a request did and its answer: what must be durable by then.
        self.settle: Callable[[], Awaitable[None]] | None = None

    async def start(self) -> None:
        """Begin what goes on beside the requests."""
        await self.registry.start()

    async def stop(self) -> None:
        """End what is under way beside the requests, then the registry itself."""
        await self.gate.close()
        if self.upstreams is not None:
            await self.upstreams.close()
        if self.shared is not None:
            await self.shared.close()
        await self.registry.stop()

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        assert isinstance(request, ApiRequest)
        started, clock = time.time(), time.perf_counter()
        request._state["headers"] = HEADERS
        request._state["id"] = secrets.token_hex(8)
        call = Call(request, self.registry, NOBODY, NO_ROUTE, upstreams=self.upstreams, shared=self.shared)
        try:
            response = await self._answer(call)
            if self.settle is not None:
                await self.settle()
        except (asyncio.CancelledError, ConnectionError):
            raise
        except Exception as error:
            response = await refuse(request, error)
        if self.observers:
            route = None if call.route is NO_ROUTE else call.route
            seconds = time.perf_counter() - clock
            handled = Handled(request, response, route, call.name, call.actor, started, seconds)
            for observe in self.observers:
                observe(handled)
        return response

    async def _answer(self, call: Call) -> web.StreamResponse:
        path = call.request.raw_path.partition("?")[0]
        found = self.table.find(call.request.method, path)
        if found is None:
            raise NotFound("page not found", {"path": path[:300]})
        if not isinstance(found, Match):
            raise Unsupported("the operation is unsupported", headers={"Allow": ", ".join(found)})
        call.route, call.rest = found.route, found.rest
        if found.name:
            call.name = check_name(found.name)
            if (upstreams := self.upstreams) is not None:
                namespace = call.query.get("ns")
                if namespace and call.route.action == "pull":
                    call.name = check_name(upstreams.rename(call.name, namespace))
                elif call.route.action == "push" and upstreams.serves(call.name):
                    raise Unsupported(f"{call.name} is a cache of another registry: push there")
        if call.route.action is not None:
            self._check_mode(call)
            if call.route.action in ("push", "delete") and from_elsewhere(call.request):
                raise Denied("requests from other sites may not write here")
            call.actor = await self.gate.admit(call.request, _need(call, call.route.action))
        return await call.route.handler(call)

    def _check_mode(self, call: Call) -> None:
        config = self.registry.config
        if config.read_only and call.route.action in ("push", "delete"):
            raise Denied("this registry is read-only")
        if call.route.action == "delete" and not config.allow_delete:
            raise Unsupported("deletes are disabled on this registry")


def _need(call: Call, action: str) -> Need:
    source = call.query.get("from", "") if action == "push" and call.query.get("mount") else ""
    return Need(call.name, action, source if is_name(source) else "")


async def _nowhere(call: Call) -> web.StreamResponse:
    raise NotFound("page not found")


NO_ROUTE = Route("", "", _nowhere, None)


async def refuse(request: web.Request, error: Exception) -> web.Response:
    """The answer for a failure; a bug is logged by `status_of`."""
    headers: dict[str, str] = {}
    if isinstance(error, OSError) and error.errno in EXHAUSTED:
        error = exhausted()
    if isinstance(error, RegistryError):
        status, document, headers = error.status, error.document(), error.headers
        if status >= 500:
            log.error("%s %s: %s", request.method, request.path, error)
    else:
        status, message = status_of(error)
        code = "UNKNOWN" if isinstance(error, SampanError) else "INTERNAL"
        document = {"errors": [{"code": code, "message": message if code == "UNKNOWN" else "internal error"}]}
    response = json_response(document, status, headers)
    if request.can_read_body and not request.content.is_eof():
        # Unread data would turn into a reset that can overtake the answer. What is long is cut off.
        response.force_close()
        await drain(request)
    return response


async def drain(request: web.Request) -> None:
    if request.headers.get("Expect", "").lower() == "100-continue":
        return  # the client waits for our word before it sends
    left = DRAIN
    try:
        async with asyncio.timeout(1.0):
            while left > 0 and (chunk := await request.content.readany()):
                left -= len(chunk)
    except (TimeoutError, web.PayloadAccessError, ConnectionError, ValueError):
        pass
