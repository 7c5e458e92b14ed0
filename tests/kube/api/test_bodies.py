"""Requests that do not come, or not all of them."""

import asyncio
from typing import Any, cast

import pytest
from aiohttp import web

from sampan.http.app import Server, bind_tcp
from sampan.kube.api import bodies
from sampan.specs.kubernetes.status import StatusError


class Stuck:
    """A request whose body stops in its middle."""

    headers: dict[str, str] = {}
    can_read_body = True

    @property
    def content(self) -> "Stuck":
        return self

    async def iter_any(self) -> Any:
        yield b"{"
        await asyncio.Event().wait()


async def test_a_body_that_stops_is_not_waited_for_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "PATIENCE", 0.01)
    with pytest.raises(StatusError) as caught:
        await bodies.read(cast(web.BaseRequest, Stuck()))
    assert caught.value.code == 504


class Unasked:
    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        return web.Response()


@pytest.mark.parametrize(
    "sent", [b"", b"GET / HTTP/1.1\r\nHost: ", b"GET / HTTP/1.1\r\nHost: x\r\n\r\nGET /"]
)
async def test_connections_without_a_whole_request_are_closed(sent: bytes) -> None:
    server = Server(Unasked(), upgrades=False, idle=0.1)
    listening = bind_tcp("127.0.0.1", 0)
    await server.listen(listening)
    reader, writer = await asyncio.open_connection(*listening.getsockname())
    writer.write(sent)
    async with asyncio.timeout(10):
        answer = await reader.read()
    assert answer.count(b"HTTP/1.1 200") == sent.count(b"\r\n\r\n")
    writer.close()
    await writer.wait_closed()
    await server.stop()
