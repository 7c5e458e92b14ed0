"""POST /grpc and /session: connections on which BuildKit's gRPC is spoken."""

from contextlib import aclosing
from typing import TYPE_CHECKING

import orjson
from aiohttp import web
from multidict import MultiDict

from sampan.builder.limits import checked
from sampan.engine.api.images import body
from sampan.engine.engine import Engine
from sampan.engine.system import engine_id
from sampan.errors import Invalid
from sampan.http.hijack import Gone, hijack
from sampan.http.requests import query_bool

if TYPE_CHECKING:
    from sampan.builder.frontends.buildkit.legacy import Uploads
    from sampan.builder.frontends.buildkit.service import BuildKit

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
        self._engine.builder.sessions.check(headers)  # while an error can still be answered
        await service.serve_session(await hijack(request, upgrade=UPGRADE), headers)
        return Gone()

    def service(self) -> "BuildKit":
        if self._service is None:
            # protobuf, 30 ms: only those who use it pay for it.
            from sampan.builder.frontends.buildkit.service import BuildKit

            engine = self._engine
            self._service = BuildKit(
                engine.builder,
                engine.builder.sessions,
                engine_id(engine.store),
                engine.networks.host_gateways,
            )
        return self._service


class OldBuildKit:
    """POST /build?version=2, handed over by the handler of /build."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._uploads: Uploads | None = None

    async def build(self, request: web.Request) -> web.StreamResponse:
        from sampan.builder.frontends.buildkit import legacy as old
        from sampan.builder.frontends.classic.query import parse

        if self._uploads is None:
            self._uploads = old.Uploads()
        query = request.query
        id = query.get("buildid", "")
        if id.startswith(f"{old.UPLOAD}:"):
            await self._uploads.give(id.removeprefix(f"{old.UPLOAD}:"), body(request))
            return web.Response()
        known = MultiDict((name, value) for name, value in query.items() if name not in ("remote", "outputs"))
        classic = checked(parse(known, request["api_version"]).options)
        builder = self._engine.builder
        build = await old.start(builder, builder.sessions, self._uploads, classic, query)
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        async with aclosing(old.lines(build, query_bool(query, "q"))) as lines:
            async for line in lines:
                await response.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))
        await response.write_eof()
        return response


def check(request: web.Request) -> None:
    """Raises Invalid, in Docker's words, for a client that does not ask to upgrade."""
    if request.headers.get("Upgrade", "").lower() != UPGRADE:
        raise Invalid("no upgrade proto in request")
