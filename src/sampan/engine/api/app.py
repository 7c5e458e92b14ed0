"""The whole Docker Engine API of one engine: every section's routes, and _ping."""

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
    system,
    volumes,
)
from sampan.engine.engine import API_VERSION, MIN_API_VERSION, Engine
from sampan.http.app import Api, ApiVersions

SERVER = f"Sampan/{__version__} (linux)"
PING_HEADERS = {
    "Builder-Version": "1",
    "Cache-Control": "no-cache, no-store, must-revalidate",
    "Pragma": "no-cache",
    "Swarm": "inactive",
}
SECTIONS = (containers, exec, logs, archive, commit, images, networks, volumes, system, events)


def make_api(engine: Engine) -> Api:
    routes: list[web.RouteDef] = [web.get("/_ping", ping, allow_head=False), web.head("/_ping", ping)]
    for section in SECTIONS:
        routes += section.routes(engine)
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
