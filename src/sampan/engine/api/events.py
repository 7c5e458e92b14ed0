"""GET /events."""

import asyncio
import time
from contextlib import suppress

import orjson
from aiohttp import web

from sampan.engine.engine import Engine
from sampan.engine.eventfilter import make_match, parse_moment
from sampan.http.requests import parse_filters


def routes(engine: Engine) -> list[web.RouteDef]:
    return [web.get("/events", EventsApi(engine).stream, allow_head=False)]


class EventsApi:
    def __init__(self, engine: Engine) -> None:
        self._events = engine.events
        self._name = engine.config

    async def stream(self, request: web.Request) -> web.StreamResponse:
        since = parse_moment("since", request.query.get("since", ""))
        until = parse_moment("until", request.query.get("until", ""))
        match = make_match(parse_filters(request.query))
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        subscription = self._events.subscribe(match)
        try:
            past = self._events.past(match, since, until) if since is not None else []
            await response.prepare(request)
            for event in past:
                await response.write(line(event))
            if until is not None and until <= time.time_ns():
                return response
            with suppress(TimeoutError):
                async with asyncio.timeout(None if until is None else (until - time.time_ns()) / 1e9):
                    async for event in subscription:
                        await response.write(line(event))
        finally:
            self._events.unsubscribe(subscription)
        return response


def line(event: dict[str, object]) -> bytes:
    return orjson.dumps(event, option=orjson.OPT_APPEND_NEWLINE)
