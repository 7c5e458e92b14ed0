"""/volumes of Docker's API."""

from typing import Any

from aiohttp import web

from sampan.engine.engine import Engine
from sampan.errors import Invalid, Unavailable
from sampan.http.requests import empty, json_response, parse_filters, query_bool, read_json
from sampan.specs.golang.json import mistyped


def routes(engine: Engine) -> list[web.RouteDef]:
    volumes = engine.volumes

    async def list_(request: web.Request) -> web.Response:
        found = volumes.select(parse_filters(request.query))
        return json_response({"Volumes": [volume.document() for volume in found], "Warnings": None})

    async def create(request: web.Request) -> web.Response:
        body = await read_json(request)
        if body.get("ClusterVolumeSpec") is not None:
            raise Unavailable(
                "This node is not a swarm manager. Use 'docker swarm init' or 'docker swarm join' to connect "
                "this node to swarm and try again."
            )
        volume = volumes.create(
            _text(body, "Name"), _text(body, "Driver"), _pairs(body, "DriverOpts"), _pairs(body, "Labels")
        )
        return json_response(volume.document(), 201)

    async def inspect(request: web.Request) -> web.Response:
        return json_response(volumes.get(request.match_info["name"]).document())

    async def remove(request: web.Request) -> web.Response:
        volumes.remove(request.match_info["name"], query_bool(request.query, "force"))
        return empty()

    async def prune(request: web.Request) -> web.Response:
        filters = parse_filters(request.query)
        # Before 1.42 prune took named volumes too.
        if request["api_version"] < (1, 42):
            filters["all"] = ["true"]
        removed, reclaimed = await volumes.prune(filters)
        return json_response({"VolumesDeleted": removed, "SpaceReclaimed": reclaimed})

    async def update(request: web.Request) -> web.Response:
        volumes.get(request.match_info["name"])
        raise Unavailable("volume update only valid for cluster volumes, but swarm is unavailable")

    return [
        web.get("/volumes", list_),
        web.post("/volumes/create", create),
        web.post("/volumes/prune", prune),
        web.get("/volumes/{name:.*}", inspect),
        web.put("/volumes/{name:.*}", update),
        web.delete("/volumes/{name:.*}", remove),
    ]


def _text(body: dict[str, Any], name: str) -> str:
    value = body.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise _mistyped(name, value, "string")
    return value


def _pairs(body: dict[str, Any], name: str) -> dict[str, str] | None:
    value = body.get(name)
    if value is None:
        return None
    if not isinstance(value, dict):
        raise _mistyped(name, value, "map[string]string")
    for item in value.values():
        if not isinstance(item, str):
            raise _mistyped(name, item, "string")
    return value


def _mistyped(name: str, value: object, wanted: str) -> Invalid:
    return mistyped(value, wanted, f"CreateOptions.{name}", what="invalid JSON")
