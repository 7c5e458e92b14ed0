"""POST /grpc and /session: connections on which BuildKit's gRPC is spoken."""

from typing import TYPE_CHECKING

from aiohttp import web

from sampan.engine.engine import Engine
from sampan.engine.system import engine_id
from sampan.errors import Invalid
from sampan.http.hijack import Gone, hijack

if TYPE_CHECKING:
    from sampan.engine.builder.buildkit.service import BuildKit

UPGRADE = "h2c"


def routes(engine: Engine) -> list[web.RouteDef]:
    api = BuildKitApi(engine)
    return [web.post("/grpc", api.grpc), web.post("/session", api.session)]


class BuildKitApi:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._service: BuildKit | None = None

    async def grpc(self, request: web.Request) -> web.StreamResponse:
        """The services of BuildKit, to a client that calls them."""
        check(request)
        service = self.service()
        await service.serve_calls(await hijack(request, upgrade=UPGRADE))
        return Gone()

    async def session(self, request: web.Request) -> web.StreamResponse:
        """What a client offers to its builds: there it is the server."""
        check(request)
        headers = tuple(request.headers.items())  # one of them is there many times
        service = self.service()
        await service.serve_session(await hijack(request, upgrade=UPGRADE), headers)
        return Gone()

    def service(self) -> "BuildKit":
        if self._service is None:
            # protobuf, 30 ms: only those who use it pay for it.
            from sampan.engine.builder.buildkit.service import BuildKit
            from sampan.engine.builder.session.sessions import Sessions

            engine = self._engine
            sessions = Sessions(engine.builder.received)
            self._service = BuildKit(
                engine.builder, sessions, engine_id(engine.store), engine.networks.host_gateways
            )
        return self._service


def check(request: web.Request) -> None:
    """Raises Invalid, in Docker's words, for a client that does not ask to upgrade."""
    if request.headers.get("Upgrade", "").lower() != UPGRADE:
        raise Invalid("no upgrade proto in request")
