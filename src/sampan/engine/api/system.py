"""/info, /version, /system/df, and clear answers for what this engine does not have."""

from aiohttp import web

from sampan.engine.df import disk_usage
from sampan.engine.engine import Engine
from sampan.engine.system import System
from sampan.errors import Unavailable
from sampan.http.requests import json_response

SWARM = (
    "/swarm",
    "/swarm/unlockkey",
    "/nodes",
    "/services",
    "/tasks",
    "/secrets",
    "/configs",
    "/nodes/{id}",
    "/services/{id}",
    "/services/{id}/logs",
    "/tasks/{id}",
    "/tasks/{id}/logs",
    "/secrets/{id}",
    "/configs/{id}",
)


def routes(engine: Engine) -> list[web.RouteDef]:
    system = System(engine)

    async def info(request: web.Request) -> web.Response:
        return json_response(system.info())

    async def version(request: web.Request) -> web.Response:
        return json_response(system.version())

    async def df(request: web.Request) -> web.Response:
        return json_response(
            await disk_usage(engine, request.query.getall("type", []), request["api_version"])
        )

    return [
        web.get("/info", info),
        web.get("/version", version),
        web.get("/system/df", df),
        web.get("/plugins", plugins),
        *(web.get(path, no_swarm) for path in SWARM),
        *(web.post(path, no_swarm) for path in ("/swarm/join", "/swarm/leave", "/swarm/init")),
    ]


async def plugins(request: web.Request) -> web.Response:
    return json_response([])


async def no_swarm(request: web.Request) -> web.Response:
    raise Unavailable(
        'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this '
        "node to swarm and try again."
    )
