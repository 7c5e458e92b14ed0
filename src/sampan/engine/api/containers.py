"""Docker's API, section Container: all but logs, archives and execs, which have their own modules."""

import contextlib

import orjson
from aiohttp import web

from sampan.engine.api import attaching
from sampan.engine.containers.create import parse_body
from sampan.engine.containers.listing import ListQuery
from sampan.engine.engine import Engine
from sampan.errors import Invalid, NotFound
from sampan.http.requests import (
    empty,
    json_response,
    parse_filters,
    query_bool,
    query_int,
    read_json,
)
from sampan.specs.golang.numbers import atoi

ID = "/containers/{id}"


def routes(engine: Engine) -> list[web.RouteDef]:
    api = ContainersApi(engine)
    return [
        web.get("/containers/json", api.list, allow_head=False),
        web.post("/containers/create", api.create),
        web.post("/containers/prune", api.prune),
        web.get(f"{ID}/json", api.inspect, allow_head=False),
        web.get(f"{ID}/top", api.top, allow_head=False),
        web.get(f"{ID}/stats", api.stats, allow_head=False),
        web.post(f"{ID}/start", api.start),
        web.post(f"{ID}/stop", api.stop),
        web.post(f"{ID}/restart", api.restart),
        web.post(f"{ID}/kill", api.kill),
        web.post(f"{ID}/pause", api.pause),
        web.post(f"{ID}/unpause", api.unpause),
        web.post(f"{ID}/rename", api.rename),
        web.post(f"{ID}/update", api.update),
        web.post(f"{ID}/resize", api.resize),
        web.post(f"{ID}/wait", api.wait),
        web.delete(ID, api.remove),
        web.delete("/containers/{id}/{alias}", api.remove_link),
        *attaching.routes(engine),
    ]


class ContainersApi:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._containers = engine.containers
        # Carry on even if the client hangs up: half a start or half a removal is nobody's wish.
        self._finish = engine.containers.tasks.finish

    async def list(self, request: web.Request) -> web.StreamResponse:
        query = request.query
        wanted = ListQuery(
            all=query_bool(query, "all"),
            limit=query_int(query, "limit"),
            size=query_bool(query, "size"),
            filters=parse_filters(query),
        )
        return json_response(await self._containers.list(wanted))

    async def create(self, request: web.Request) -> web.StreamResponse:
        body = await read_json(request, required=True)
        name, platform = request.query.get("name", ""), request.query.get("platform", "")
        asked = parse_body(body, name, platform, request["api_version"])
        created = await self._containers.create(asked)
        return json_response({"Id": created.id, "Warnings": created.warnings}, 201)

    async def inspect(self, request: web.Request) -> web.StreamResponse:
        size = query_bool(request.query, "size")
        return json_response(await self._containers.inspect(request.match_info["id"], size=size))

    async def start(self, request: web.Request) -> web.StreamResponse:
        await request.read()
        await self._finish(self._containers.start_one(request.match_info["id"]))
        return empty()

    async def stop(self, request: web.Request) -> web.StreamResponse:
        signal, patience = request.query.get("signal", ""), timeout_of(request)
        await self._finish(self._containers.stop_one(request.match_info["id"], signal, patience))
        return empty()

    async def restart(self, request: web.Request) -> web.StreamResponse:
        signal, patience = request.query.get("signal", ""), timeout_of(request)
        await self._finish(self._containers.restart(request.match_info["id"], signal, patience))
        return empty()

    async def kill(self, request: web.Request) -> web.StreamResponse:
        signal = request.query.get("signal", "")
        await self._finish(self._containers.kill(request.match_info["id"], signal))
        return empty()

    async def pause(self, request: web.Request) -> web.StreamResponse:
        await self._finish(self._containers.pause(request.match_info["id"]))
        return empty()

    async def unpause(self, request: web.Request) -> web.StreamResponse:
        await self._finish(self._containers.unpause(request.match_info["id"]))
        return empty()

    async def rename(self, request: web.Request) -> web.StreamResponse:
        await self._finish(self._containers.rename(request.match_info["id"], request.query.get("name", "")))
        return empty()

    async def update(self, request: web.Request) -> web.StreamResponse:
        body = await read_json(request, required=True)
        warnings = await self._finish(self._containers.update(request.match_info["id"], body))
        return json_response({"Warnings": warnings or None})

    async def resize(self, request: web.Request) -> web.StreamResponse:
        height, width = window(request)
        await self._containers.resize(request.match_info["id"], height, width)
        return web.Response(status=200)

    async def remove(self, request: web.Request) -> web.StreamResponse:
        query = request.query
        if query_bool(query, "link"):
            await self._finish(self._containers.remove_link(request.match_info["id"]))
            return empty()
        await self._finish(
            self._containers.remove(
                request.match_info["id"], force=query_bool(query, "force"), volumes=query_bool(query, "v")
            )
        )
        return empty()

    async def remove_link(self, request: web.Request) -> web.StreamResponse:
        """DELETE /containers/<parent>/<alias>?link=1; without "link" no container has such a name."""
        path = f"{request.match_info['id']}/{request.match_info['alias']}"
        if not query_bool(request.query, "link"):
            raise NotFound(f"No such container: {path}")
        await self._finish(self._containers.remove_link(path))
        return empty()

    async def prune(self, request: web.Request) -> web.StreamResponse:
        return json_response(await self._containers.prune(parse_filters(request.query)))

    async def wait(self, request: web.Request) -> web.StreamResponse:
        # Subscribed before the headers go out: a client starts the container once it has seen them.
        future = self._containers.waiting(request.match_info["id"], request.query.get("condition", ""))
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        try:
            await response.prepare(request)
            ended = await future
        finally:
            future.cancel()
        answer: dict[str, object] = {"StatusCode": ended.code}
        if ended.error:
            answer["Error"] = {"Message": ended.error}
        await response.write(orjson.dumps(answer, option=orjson.OPT_APPEND_NEWLINE))
        return response

    async def top(self, request: web.Request) -> web.StreamResponse:
        arguments = request.query.get("ps_args", "")
        return json_response(await self._containers.top(request.match_info["id"], arguments))

    async def stats(self, request: web.Request) -> web.StreamResponse:
        stream = query_bool(request.query, "stream", True)
        once = query_bool(request.query, "one-shot")
        if once and stream:
            raise Invalid("cannot have stream=true and one-shot=true")
        samples = self._containers.stats(request.match_info["id"], stream=stream, once=once)
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        async with contextlib.aclosing(samples):
            async for sample in samples:
                if not response.prepared:
                    await response.prepare(request)
                await response.write(orjson.dumps(sample, option=orjson.OPT_APPEND_NEWLINE))
        return response


def timeout_of(request: web.Request) -> int | None:
    return query_int(request.query, "t") if request.query.get("t") else None


def window(request: web.Request) -> tuple[int, int]:
    """Height and width of a terminal. Raises Invalid."""
    values = []
    for name in ("h", "w"):
        values.append(min(max(atoi(request.query.get(name, "")), 0), 0xFFFF))
    return values[0], values[1]
