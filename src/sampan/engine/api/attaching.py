"""POST /containers/<id>/attach, and the same over a websocket."""

import asyncio
import socket
from contextlib import suppress

from aiohttp import WSMsgType, web

from sampan.engine.containers.attach import AttachQuery, attach, check
from sampan.engine.engine import Engine
from sampan.http.hijack import MULTIPLEXED, RAW, Gone, Hijacked, hijack

CHUNK = 64 << 10


def routes(engine: Engine) -> list[web.RouteDef]:
    api = AttachApi(engine)
    return [
        web.post("/containers/{id}/attach", api.attach),
        web.get("/containers/{id}/attach/ws", api.websocket, allow_head=False),
    ]


class AttachApi:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def attach(self, request: web.Request) -> web.StreamResponse:
        ref = request.match_info["id"]
        container = self._engine.containers.find(ref)
        query = AttachQuery.parse(request.query)
        check(container, ref)
        framed = not container.record.config["Tty"] and request["api_version"] >= (1, 42)
        connection = await hijack(request, MULTIPLEXED if framed else RAW)
        await attach(self._engine.containers.events, self._engine.logs, container, query, connection)
        return Gone()

    async def websocket(self, request: web.Request) -> web.StreamResponse:
        """Frames carry the bare stream; pumped here, as a shim does not speak websocket."""
        ref = request.match_info["id"]
        container = self._engine.containers.find(ref)
        query = AttachQuery.parse(request.query)
        check(container, ref)
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        connection = Hijacked(theirs, b"")
        answer = web.WebSocketResponse()
        try:
            await answer.prepare(request)
            await attach(
                self._engine.containers.events, self._engine.logs, container, query, connection, raw=True
            )
            async with asyncio.TaskGroup() as pumps:
                outgoing = pumps.create_task(send_all(ours, answer))
                await receive_all(ours, answer)
                outgoing.cancel()
        finally:
            ours.close()
        return answer


async def send_all(ours: socket.socket, answer: web.WebSocketResponse) -> None:
    loop = asyncio.get_running_loop()
    with suppress(OSError):
        while data := await loop.sock_recv(ours, CHUNK):
            await answer.send_bytes(data)
    await answer.close()


async def receive_all(ours: socket.socket, answer: web.WebSocketResponse) -> None:
    loop = asyncio.get_running_loop()
    with suppress(OSError):
        async for message in answer:
            if message.type == WSMsgType.TEXT:
                await loop.sock_sendall(ours, message.data.encode())
            elif message.type == WSMsgType.BINARY:
                await loop.sock_sendall(ours, message.data)
