"""The server as a client sees it: versions, headers, errors, hijacking, on a real unix socket."""

import asyncio
import json
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.http_exceptions import BadStatusLine

from sampan import errors
from sampan.http.app import Api, ApiVersions, Server, bind_unix, not_about_bad_requests
from sampan.http.hijack import Gone, hijack
from sampan.http.requests import json_response, read_json


class Failing:
    def __init__(self, error: BaseException) -> None:
        self.error = error

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        raise self.error


async def version(request: web.Request) -> web.StreamResponse:
    return json_response(list(request["api_version"]))


async def echo_body(request: web.Request) -> web.StreamResponse:
    return json_response(await read_json(request, required=True))


async def talk(request: web.Request) -> web.StreamResponse:
    """Answers each line with itself, off the HTTP server's hands."""
    await read_json(request)
    connection = await hijack(request)
    loop = asyncio.get_running_loop()
    connection.socket.setblocking(False)
    with connection.socket as sock:
        data = connection.leftover
        while data:
            await loop.sock_sendall(sock, data.upper())
            data = await loop.sock_recv(sock, 100)
    return Gone()


ROUTES = [
    web.get("/version", version),
    web.post("/body", echo_body),
    web.post("/talk", talk),
    web.get("/notfound", Failing(errors.NotFound("No such container: x"))),
    web.get("/conflict", Failing(errors.Conflict("busy"))),
    web.get("/same", Failing(errors.NotModified("already"))),
    web.get("/bug", Failing(KeyError("secret"))),
]


@asynccontextmanager
async def serving(tmp_path: Path) -> AsyncIterator[str]:
    path = str(tmp_path / "api.sock")
    server = Server(Api(ROUTES, ApiVersions((1, 51), (1, 24)), (("Ostype", "linux"),)))
    await server.listen(bind_unix(path))
    try:
        yield path
    finally:
        await server.stop()


async def exchange(path: str, request: bytes) -> tuple[int, dict[str, str], bytes]:
    reader, writer = await asyncio.open_unix_connection(path)
    try:
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        lines = head.split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines[1:] if line)
        body = await reader.readexactly(int(headers.get("Content-Length", 0)))
        return int(lines[0].split()[1]), headers, body
    finally:
        writer.close()
        await writer.wait_closed()


def get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: d\r\n\r\n".encode()


def post(path: str, body: bytes, content_type: str = "application/json", more: str = "") -> bytes:
    kind = f"Content-Type: {content_type}\r\n" if content_type else ""
    return (
        f"POST {path} HTTP/1.1\r\nHost: d\r\n{kind}{more}Content-Length: {len(body)}\r\n\r\n".encode() + body
    )


@pytest.mark.parametrize(
    ("path", "status", "answer"),
    [
        ("/version", 200, [1, 51]),
        ("/v1.24/version", 200, [1, 24]),
        ("/v1.51/version", 200, [1, 51]),
        ("/v1.23/version", 400, "client version 1.23 is too old. Minimum supported API version is 1.24, "
         "please upgrade your client to a newer version"),
        ("/v1.99/version", 400, "client version 1.99 is too new. Maximum supported API version is 1.51"),
        ("/v1.40/nope", 404, "page not found"),
        ("/nope", 404, "page not found"),
        ("/notfound", 404, "No such container: x"),
        ("/conflict", 409, "busy"),
        ("/bug", 500, "internal error: KeyError: 'secret'"),
    ],
)  # fmt: skip
async def test_paths_and_errors_answer_as_docker(
    tmp_path: Path, path: str, status: int, answer: object
) -> None:
    async with serving(tmp_path) as sock:
        found, _, body = await exchange(sock, get(path))
        assert found == status
        assert json.loads(body) == (answer if status == 200 else {"message": answer})


async def test_every_answer_of_the_api_names_its_version(tmp_path: Path) -> None:
    async with serving(tmp_path) as sock:
        for path in ("/version", "/notfound", "/v1.23/version"):
            _, headers, _ = await exchange(sock, get(path))
            assert headers["Api-Version"] == "1.51"
            assert headers["Ostype"] == "linux"


async def test_not_modified_has_no_body(tmp_path: Path) -> None:
    async with serving(tmp_path) as sock:
        status, _, body = await exchange(sock, get("/same"))
        assert (status, body) == (304, b"")


@pytest.mark.parametrize(
    ("request_", "status", "message"),
    [
        (post("/body", b'{"a":1}'), 200, None),
        (post("/body", b'{"a":1}', "application/json; charset=utf-8"), 200, None),
        (post("/body", b"{}", "text/plain"), 400, "unsupported Content-Type header (text/plain): "
         "must be 'application/json'"),
        (post("/body", b""), 400, "invalid JSON: got EOF while reading request body"),
        (post("/body", b"{"), 400, "invalid JSON: "),
    ],
)  # fmt: skip
async def test_bodies_are_checked(tmp_path: Path, request_: bytes, status: int, message: str | None) -> None:
    async with serving(tmp_path) as sock:
        found, _, body = await exchange(sock, request_)
        assert found == status
        if message is not None:
            assert json.loads(body)["message"].startswith(message)


async def test_a_huge_body_is_refused_before_it_is_read(tmp_path: Path) -> None:
    async with serving(tmp_path) as sock:
        head = (
            b"POST /body HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\n"
            b"Content-Length: 99999999999\r\n\r\n"
        )
        status, _, body = await exchange(sock, head)
        assert status == 400
        assert b"larger than" in body


UPGRADE = "Connection: Upgrade\r\nUpgrade: tcp\r\n"


@pytest.mark.parametrize("body", [b"", b'{"Detach":false}'])
async def test_an_upgraded_connection_belongs_to_the_handler(tmp_path: Path, body: bytes) -> None:
    async with serving(tmp_path) as sock:
        reader, writer = await asyncio.open_unix_connection(sock)
        writer.write(post("/talk", body, more=UPGRADE) + b"early ")
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101 UPGRADED\r\n")
        assert b"Content-Type: application/vnd.docker.raw-stream" in head
        assert await reader.readexactly(6) == b"EARLY "
        writer.write(b"late")
        assert await reader.readexactly(4) == b"LATE"
        writer.write_eof()
        assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()


async def test_without_upgrade_the_stream_follows_a_plain_200(tmp_path: Path) -> None:
    async with serving(tmp_path) as sock:
        reader, writer = await asyncio.open_unix_connection(sock)
        writer.write(post("/talk", b"", ""))
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 OK\r\n")
        writer.close()
        await writer.wait_closed()


async def test_a_keep_alive_connection_serves_many_requests(tmp_path: Path) -> None:
    async with serving(tmp_path) as sock:
        reader, writer = await asyncio.open_unix_connection(sock)
        for _ in range(3):
            writer.write(get("/version"))
            head = await reader.readuntil(b"\r\n\r\n")
            assert b"200 OK" in head
            await reader.readline()
        writer.close()
        await writer.wait_closed()


def test_a_stale_socket_is_replaced_and_a_live_one_is_not(tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    stale = socket.socket(socket.AF_UNIX)
    stale.bind(path)
    stale.close()
    with bind_unix(path), pytest.raises(errors.Failed, match="another program already listens there"):
        bind_unix(path)


@pytest.mark.parametrize(
    ("error", "told"),
    [(BadStatusLine("x"), False), (ConnectionResetError(), False), (KeyError("x"), True), (None, True)],
)
def test_clients_that_go_and_bad_requests_leave_no_traceback(error: Exception | None, told: bool) -> None:
    record = logging.makeLogRecord({"exc_info": (type(error), error, None) if error else None})
    assert not_about_bad_requests(record) is told
