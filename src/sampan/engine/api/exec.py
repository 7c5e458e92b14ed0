"""Docker's API, section Exec."""

from typing import Any

from aiohttp import web

from sampan.engine.api.containers import window
from sampan.engine.containers.container import Exec
from sampan.engine.containers.execs import attach_of
from sampan.engine.engine import Engine
from sampan.errors import Invalid, SampanError
from sampan.http.hijack import MULTIPLEXED, RAW, Gone, Hijacked, hijack
from sampan.http.requests import json_response, read_json


def routes(engine: Engine) -> list[web.RouteDef]:
    api = ExecApi(engine)
    return [
        web.post("/containers/{id}/exec", api.create),
        web.post("/exec/{id}/start", api.start),
        web.post("/exec/{id}/resize", api.resize),
        web.get("/exec/{id}/json", api.inspect, allow_head=False),
    ]


class ExecApi:
    def __init__(self, engine: Engine) -> None:
        self._execs = engine.execs

    async def create(self, request: web.Request) -> web.StreamResponse:
        body = await read_json(request, required=True)
        return json_response({"Id": self._execs.create(request.match_info["id"], body).id}, 201)

    async def inspect(self, request: web.Request) -> web.StreamResponse:
        return json_response(self._execs.get(request.match_info["id"]).document())

    async def resize(self, request: web.Request) -> web.StreamResponse:
        height, width = window(request)
        await self._execs.resize(self._execs.get(request.match_info["id"]), height, width)
        return web.Response(status=200)

    async def start(self, request: web.Request) -> web.StreamResponse:
        body = await read_json(request)
        exec = self._execs.get(request.match_info["id"])
        size = console_size(body)
        if body.get("Detach"):
            await self._execs.start(exec, None, size)
            return web.Response(status=200)
        framed = not exec.config["Tty"] and request["api_version"] >= (1, 42)
        connection = await hijack(request, MULTIPLEXED if framed else RAW)
        await self._run(exec, connection, size)
        return Gone()

    async def _run(self, exec: Exec, connection: Hijacked, size: tuple[int, int] | None) -> None:
        # The answer's head is out: an error can only be said on the stream itself, as Docker does.
        spare = connection.socket.dup()
        with spare:
            try:
                await self._execs.start(exec, connection, size)
            except SampanError as error:
                await say(spare, exec, f"{error.message}\r\n".encode())


async def say(sock: Any, exec: Exec, text: bytes) -> None:
    """A few bytes, which any socket buffer takes at once."""
    framed = attach_of(exec, b"")["framed"]
    head = b"\1\0\0\0" + len(text).to_bytes(4, "big") if framed else b""
    try:
        sock.send(head + text)
    except OSError:
        pass  # the client has gone; so has whoever the error was for


def console_size(body: dict[str, Any]) -> tuple[int, int] | None:
    size = body.get("ConsoleSize")
    if size is None:
        return None
    if not isinstance(size, list) or len(size) != 2 or not all(isinstance(n, int) and n >= 0 for n in size):
        raise Invalid("invalid JSON: ConsoleSize must be two numbers")
    return (min(size[0], 0xFFFF), min(size[1], 0xFFFF)) if any(size) else None
