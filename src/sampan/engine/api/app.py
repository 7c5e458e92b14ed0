"""The Docker Engine API of one engine: every section's routes, and _ping."""

from collections.abc import Iterable

from aiohttp import web

from sampan import __version__
from sampan.engine.api import (
    archive,
    commit,
    containers,
    events,
    exec,
    images,
    logs,
    networks,
    registry,
    sharing,
    system,
    volumes,
)
from sampan.engine.engine import API_VERSION, MIN_API_VERSION, Engine
from sampan.http.app import Api, ApiVersions
from sampan.http.requests import empty, query_bool

SERVER = f"Sampan/{__version__} (linux)"
PING_HEADERS = {
    "Builder-Version": "2",
    "Cache-Control": "no-cache, no-store, must-revalidate",
    "Pragma": "no-cache",
    "Swarm": "inactive",
}
SECTIONS = (
    containers,
    exec,
    logs,
    archive,
    commit,
    images,
    registry,
    sharing,
    networks,
    volumes,
    system,
    events,
)


def make_api(engine: Engine, more: Iterable[web.RouteDef]) -> Api:
    """`more`: sections that are not the engine's own, such as the builder's."""
    routes: list[web.RouteDef] = [web.get("/_ping", ping, allow_head=False), web.head("/_ping", ping)]
    routes.append(web.post("/sampan/system/stop", Stop(engine).answer))
    for section in SECTIONS:
        routes += section.routes(engine)
    routes += more
    return Api(
        routes,
        ApiVersions(API_VERSION, MIN_API_VERSION),
        (
            ("Docker-Experimental", "true" if engine.config.experimental else "false"),
            ("Ostype", "linux"),
            ("Server", SERVER),
        ),
    )


async def ping(request: web.Request) -> web.Response:
    """HEAD asks only for the headers, from which clients negotiate the API version."""
    return web.Response(
        body=b"" if request.method == "HEAD" else b"OK",
        content_type="text/plain",
        charset="utf-8",
        headers=PING_HEADERS,
    )


class Stop:
    """POST /sampan/system/stop?containers=: ends the daemon, as SIGTERM does, or the containers first."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def answer(self, request: web.Request) -> web.StreamResponse:
        containers = query_bool(request.query, "containers")
        if containers:
            await self._engine.containers.stop_all()
        response = empty()
        await response.prepare(request)
        await response.write_eof()
        self._engine.shutdown(False)
        return response
