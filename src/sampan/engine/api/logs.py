"""GET /containers/{name}/logs."""

from contextlib import aclosing

from aiohttp import web

from sampan.engine.containers.logs import LogRequest, Logs, parse_tail, parse_timestamp
from sampan.engine.engine import Engine
from sampan.errors import Invalid
from sampan.http.hijack import MULTIPLEXED, RAW
from sampan.http.requests import query_bool


def routes(engine: Engine) -> list[web.RouteDef]:
    logs = Logs(engine.paths, engine.events)

    async def read(request: web.Request) -> web.StreamResponse:
        wanted = parse(request)
        record = engine.containers.get(request.match_info["name"])
        logs.check_readable(record)
        multiplexed = not record.config.get("Tty") and request["api_version"] >= (1, 42)
        response = web.StreamResponse(headers={"Content-Type": MULTIPLEXED if multiplexed else RAW})
        response.enable_chunked_encoding()
        await response.prepare(request)
        async with aclosing(logs.read(record, wanted)) as pieces:
            async for piece in pieces:
                await response.write(piece)
        await response.write_eof()
        return response

    return [web.get("/containers/{name:.*}/logs", read)]


def parse(request: web.Request) -> LogRequest:
    """Raises Invalid, Failed."""
    query = request.query
    stdout, stderr = query_bool(query, "stdout"), query_bool(query, "stderr")
    if not stdout and not stderr:
        raise Invalid("Bad parameters: you must choose at least one stream")
    return LogRequest(
        stdout=stdout,
        stderr=stderr,
        follow=query_bool(query, "follow"),
        tail=parse_tail(query.get("tail", "")),
        since=parse_timestamp(query.get("since", "")),
        until=parse_timestamp(query.get("until", "")),
        timestamps=query_bool(query, "timestamps"),
        details=query_bool(query, "details"),
    )
