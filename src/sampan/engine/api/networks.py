"""/networks of Docker's API."""

from typing import Any

from aiohttp import web

from sampan.engine.engine import Engine
from sampan.errors import Invalid, NotFound
from sampan.http.requests import empty, json_response, parse_filters, read_json
from sampan.specs.golang.json import mistyped


def routes(engine: Engine) -> list[web.RouteDef]:
    networks = engine.networks

    async def index(request: web.Request) -> web.StreamResponse:
        return json_response(networks.listing(parse_filters(request.query)))

    async def create(request: web.Request) -> web.StreamResponse:
        id = await networks.create(await read_json(request, required=True))
        return json_response({"Id": id, "Warning": ""}, 201)

    async def inspect(request: web.Request) -> web.StreamResponse:
        scope = request.query.get("scope", "")
        document = networks.get(request.match_info["id"])
        if scope not in ("", document["Scope"]):
            raise NotFound(f"network {request.match_info['id']} not found")
        return json_response(document)

    async def remove(request: web.Request) -> web.StreamResponse:
        await networks.remove(request.match_info["id"])
        return empty()

    async def connect(request: web.Request) -> web.StreamResponse:
        body = await read_json(request, required=True)
        await networks.connect(request.match_info["id"], _container(body), body.get("EndpointConfig"))
        return empty(200)

    async def disconnect(request: web.Request) -> web.StreamResponse:
        body = await read_json(request, required=True)
        force = bool(body.get("Force"))
        await networks.disconnect(request.match_info["id"], _container(body), force=force)
        return empty(200)

    async def prune(request: web.Request) -> web.StreamResponse:
        return json_response(await networks.prune(parse_filters(request.query)))

    return [
        web.get("/networks", index),
        web.get("/networks/", index),
        web.post("/networks/create", create),
        web.post("/networks/prune", prune),
        web.get("/networks/{id:.+}", inspect),
        web.delete("/networks/{id:.+}", remove),
        web.post("/networks/{id:.*}/connect", connect),
        web.post("/networks/{id:.*}/disconnect", disconnect),
    ]


def _container(body: dict[str, Any]) -> str:
    """Raises Invalid."""
    ref = body.get("Container") or ""
    if not isinstance(ref, str):
        raise mistyped(ref, "string", "ConnectOptions.Container", what="invalid JSON")
    if not ref:
        raise Invalid('invalid name or ID supplied: ""')
    return ref
