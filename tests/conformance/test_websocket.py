"""GET /containers/{id}/attach/ws: the stream of a container as messages of a websocket."""

import aiohttp
import pytest

from tests.support.api import Api
from tests.support.client import Client


async def read(socket: aiohttp.ClientWebSocketResponse, until: bytes) -> bytes:
    """Messages may be cut anywhere."""
    data = b""
    while until not in data:
        message = await socket.receive(20)
        assert message.type in (aiohttp.WSMsgType.BINARY, aiohttp.WSMsgType.TEXT), (message, data)
        data += message.data if isinstance(message.data, bytes) else message.data.encode()
    return data


@pytest.mark.parametrize("terminal", [[], ["-t"]], ids=["pipes", "terminal"])
async def test_a_websocket_carries_both_directions(
    api: Api, docker: Client, image: str, terminal: list[str]
) -> None:
    line = "while read x; do echo got $x; done"
    made = docker.ok("run", "-d", "-i", *terminal, image, "sh", "-c", line)
    url = f"http://localhost/containers/{made}/attach/ws?stream=1&stdin=1&stdout=1&stderr=1"
    connector = aiohttp.UnixConnector(api.path)
    async with aiohttp.ClientSession(connector=connector) as session, session.ws_connect(url) as socket:
        for word in (b"one", b"two"):
            await socket.send_bytes(word + b"\n")
            assert b"got " + word in await read(socket, b"got " + word)
        docker.ok("kill", made)
        while (message := await socket.receive(20)).type == aiohttp.WSMsgType.BINARY:
            pass
        assert message.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED), message


async def test_a_websocket_for_nobody_is_refused(api: Api) -> None:
    connector = aiohttp.UnixConnector(api.path)
    async with aiohttp.ClientSession(connector=connector) as session:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await session.ws_connect("http://localhost/containers/nobody/attach/ws?stream=1")
    assert refused.value.status == 404
