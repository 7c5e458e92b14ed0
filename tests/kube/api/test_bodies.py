"""Requests that do not come, or not all of them."""

import asyncio
from typing import Any, cast

import pytest
from aiohttp import web

from sampan.http.app import Server, bind_tcp
from sampan.kube.api import bodies
from sampan.kube.api.catalog import built_in
from sampan.kube.kinds.table import builtin_resources
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


@pytest.mark.parametrize(
    ("sent", "told", "expected"),
    [
        (b'{"a": 99999999999999999999}', "1e+20", "99999999999999999999"),
        (b'{"a": 1.50, "b": "1.5"}', "1.5", "1.50"),
        (b'{"a": "15e-1 \\"1.500", "b": 15e-1}', "1.5", "15e-1"),
        (b'{"a": -3.0}', "-3", "-3.0"),
        (b'{"a": 7}', "1.5", "1.5"),
        (b'{"a": "' + b"x" * (80 << 10) + b'", "b": 1.50}', "1.5", "1.5"),
    ],
)
def test_a_number_is_told_as_it_was_sent(sent: bytes, told: str, expected: str) -> None:
    served = built_in(next(one for one in builtin_resources() if one.name == "pods"))
    body = bodies.Body(sent, "application/json", served)
    text = "json: cannot unmarshal number {} into Go struct field PodSpec.x of type int64"
    assert body.as_sent(text.format(told)) == text.format(expected)
    assert body.as_sent("json: cannot unmarshal string") == "json: cannot unmarshal string"
