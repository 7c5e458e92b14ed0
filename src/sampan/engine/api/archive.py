"""Files of containers: archive (HEAD, GET, PUT), export, changes."""

import base64
from contextlib import aclosing

import orjson
from aiohttp import web

from sampan.engine.containers.copy import Copies, Outgoing
from sampan.engine.engine import Engine
from sampan.errors import Invalid
from sampan.http.requests import empty, json_response, query_bool

STAT_HEADER = "X-Docker-Container-Path-Stat"
TAR = "application/x-tar"


def routes(engine: Engine) -> list[web.RouteDef]:
    copies = Copies(engine.paths, engine.launcher, engine.containers, engine.volumes)

    async def head(request: web.Request) -> web.StreamResponse:
        stat = await copies.stat(request.match_info["name"], _path(request))
        return web.Response(headers={STAT_HEADER: _encoded(stat)})

    async def get(request: web.Request) -> web.StreamResponse:
        async with copies.get(request.match_info["name"], _path(request)) as outgoing:
            return await _send(request, outgoing, TAR)

    async def put(request: web.Request) -> web.StreamResponse:
        await copies.put(
            request.match_info["name"],
            _path(request),
            request.content.iter_any(),
            no_overwrite=query_bool(request.query, "noOverwriteDirNonDir"),
            copy_ids=query_bool(request.query, "copyUIDGID"),
        )
        return empty(200)

    async def export(request: web.Request) -> web.StreamResponse:
        async with copies.export(request.match_info["name"]) as outgoing:
            return await _send(request, outgoing, "application/octet-stream")

    async def changes(request: web.Request) -> web.StreamResponse:
        return json_response(await copies.changes(request.match_info["name"]) or None)

    return [
        web.head("/containers/{name:.*}/archive", head),
        web.get("/containers/{name:.*}/archive", get, allow_head=False),
        web.put("/containers/{name:.*}/archive", put),
        web.get("/containers/{name:.*}/export", export),
        web.get("/containers/{name:.*}/changes", changes),
    ]


async def _send(request: web.Request, outgoing: Outgoing, content_type: str) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": content_type})
    if outgoing.stat:
        response.headers[STAT_HEADER] = _encoded(outgoing.stat)
    response.enable_chunked_encoding()
    await response.prepare(request)
    async with aclosing(outgoing.chunks) as chunks:
        async for chunk in chunks:
            await response.write(chunk)
    await response.write_eof()
    return response


def _path(request: web.Request) -> str:
    """Raises Invalid."""
    path = request.query.get("path", "")
    if not path:
        raise Invalid("bad parameter: path cannot be empty")
    if "\0" in path:
        raise Invalid("bad parameter: path must not hold a null character")
    return path


def _encoded(stat: dict[str, object]) -> str:
    return base64.b64encode(orjson.dumps(stat)).decode("ascii")
