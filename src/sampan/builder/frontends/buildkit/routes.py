"""POST /grpc and /session: connections on which BuildKit's gRPC is spoken."""

from typing import TYPE_CHECKING

from aiohttp import web

from sampan.builder.builder import Builder
from sampan.db.sqlite import Store
from sampan.engine.networks.manager import Networks
from sampan.engine.system import engine_id
from sampan.errors import Invalid
from sampan.http.hijack import Gone, hijack
from sampan.http.lazy import Lazy

if TYPE_CHECKING:
    from sampan.builder.frontends.buildkit.service import BuildKit

UPGRADE = "h2c"


def routes(builder: Builder, store: Store, networks: Networks) -> list[web.RouteDef]:
    def load() -> "BuildKit":
        # protobuf, 30 ms: only those who use it pay for it.
        from sampan.builder.frontends.buildkit.service import BuildKit

        return BuildKit(builder, builder.sessions, engine_id(store), networks.host_gateways)

    connections = Connections(Lazy(load))
    return [web.post("/grpc", connections.grpc), web.post("/session", connections.session)]


class Connections:
    def __init__(self, service: "Lazy[BuildKit]") -> None:
        self._service = service

    async def grpc(self, request: web.Request) -> web.StreamResponse:
        """The services of BuildKit, to a client that calls them."""
        check(request)
        service = self._service.get()
        await service.serve_calls(await hijack(request, upgrade=UPGRADE))
        return Gone()

    async def session(self, request: web.Request) -> web.StreamResponse:
        """What a client offers to its builds: there it is the server."""
        check(request)
        headers = tuple(request.headers.items())  # one of them is there many times
        service = self._service.get()
        service.check_session(headers)  # while an error can still be answered
        await service.serve_session(await hijack(request, upgrade=UPGRADE), headers)
        return Gone()


def check(request: web.Request) -> None:
    """Raises Invalid, in Docker's words, for a client that does not ask to upgrade."""
    if request.headers.get("Upgrade", "").lower() != UPGRADE:
        raise Invalid("no upgrade proto in request")
