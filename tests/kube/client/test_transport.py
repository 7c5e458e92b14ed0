"""Connections of the cluster's client, to a server that does as it is told."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest
import trustme

from sampan.errors import Invalid, Unavailable
from sampan.kube.client import requests, tlsfiles, transport
from sampan.kube.client.requests import Client, Endpoint, ResourcePath
from sampan.kube.client.tlsfiles import TlsFiles
from sampan.kube.client.transport import Transport
from sampan.specs.kubernetes.status import StatusError
from tests.support.poll import until_async

Reply = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]
CONFLICT = {"kind": "Status", "reason": "Conflict", "message": "changed", "code": 409}


def answer(body: bytes, code: int = 200, more: str = "") -> bytes:
    return f"HTTP/1.1 {code} X\r\n{more}Content-Length: {len(body)}\r\n\r\n".encode() + body


class Peer:
    """Has `replies` to the requests in the order they come, whatever the connection; the last one again and again."""

    def __init__(self, *replies: Reply | bytes) -> None:
        self.replies = list(replies)
        self.requests: list[bytes] = []
        self.connections = 0
        self.open = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = head.lower().partition(b"content-length:")[2].split(b"\r\n")[0]
                self.requests.append(head + await reader.readexactly(int(length or 0)))
                reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
                if isinstance(reply, bytes):
                    writer.write(reply)
                else:
                    await reply(self.requests[-1], writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.open -= 1
            writer.close()


@asynccontextmanager
async def serving(peer: Peer, context: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    server = await asyncio.start_server(peer.serve, "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    try:
        yield f"{'https' if context else 'http'}://127.0.0.1:{port}"
    finally:
        server.close()
        await until_async(lambda: peer.open == 0, "connections end")


@asynccontextmanager
async def asking(peer: Peer) -> AsyncIterator[Client]:
    async with serving(peer) as url:
        client = Client(Endpoint(url, token="t"))
        try:
            yield client
        finally:
            await client.close()


async def cut(_request: bytes, writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


async def silence(_request: bytes, _writer: asyncio.StreamWriter) -> None: ...


async def test_a_connection_is_used_again() -> None:
    peer = Peer(answer(b'{"a":1}'))
    async with asking(peer) as client:
        for _ in range(3):
            assert await client.request("GET", "/api") == {"a": 1}
    assert peer.connections == 1


async def test_a_request_says_who_asks_and_for_what() -> None:
    peer = Peer(answer(b"{}"))
    async with asking(peer) as client:
        await client.request("POST", "/api/v1/x", {"a": "é"}, query={"fieldManager": "a b"})
    [request] = peer.requests
    head, _, body = request.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert lines[0] == "POST /api/v1/x?fieldManager=a+b HTTP/1.1"
    assert {"Authorization: Bearer t", "Content-Type: application/json", "User-Agent: sampan"} <= set(lines)
    assert body == '{"a":"é"}'.encode()


@pytest.mark.parametrize("path", ["/a b", "/a\r\nX: y", "/é", ""])
async def test_nothing_is_smuggled_into_a_request(path: str) -> None:
    peer = Peer(answer(b"{}"))
    async with asking(peer) as client:
        with pytest.raises(Invalid):
            await client.request("GET", path)
        client.token = "a\r\nX: y"
        with pytest.raises(Invalid):
            await client.request("GET", "/api")
    assert peer.requests == []


async def test_an_answer_that_closes_is_the_last_of_its_connection() -> None:
    peer = Peer(answer(b"{}", more="Connection: close\r\n"), answer(b"{}"))
    async with asking(peer) as client:
        await client.request("GET", "/api")
        await client.request("GET", "/api")
    assert peer.connections == 2


async def test_a_read_is_repeated_when_a_kept_connection_has_ended() -> None:
    peer = Peer(answer(b"{}"), cut, answer(b'{"a":1}'))
    async with asking(peer) as client:
        await client.request("GET", "/api")
        assert await client.request("GET", "/api") == {"a": 1}
    assert len(peer.requests) == 3


async def test_a_write_is_never_repeated() -> None:
    peer = Peer(answer(b"{}"), cut, answer(b"{}"))
    async with asking(peer) as client:
        await client.request("POST", "/api", {})
        with pytest.raises(Unavailable):
            await client.request("POST", "/api", {})
    assert len(peer.requests) == 2


@pytest.mark.parametrize("reply", [cut, b"SSH-2.0\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"])
async def test_what_is_no_answer_makes_the_server_unavailable(reply: Any) -> None:
    peer = Peer(reply)
    async with asking(peer) as client:
        with pytest.raises(Unavailable, match="GET http"):
            await client.request("GET", "/api")
    assert len(peer.requests) == 1


async def test_a_server_that_takes_too_long_is_unavailable() -> None:
    peer = Peer(silence)
    async with asking(peer) as client:
        with pytest.raises(Unavailable, match="in time"):
            await client.request("GET", "/api", seconds=0.05)
        await until_async(lambda: peer.open == 0, "the connection ends")


async def test_a_request_given_up_ends_its_connection() -> None:
    peer = Peer(silence)
    async with asking(peer) as client:
        task = asyncio.ensure_future(client.request("GET", "/api"))
        await until_async(lambda: peer.requests, "the request comes")
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await until_async(lambda: peer.open == 0, "the connection ends")


async def test_bytes_that_nobody_asked_for_end_a_kept_connection() -> None:
    late = asyncio.Event()

    async def twice(_request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(b"{}"))
        await writer.drain()
        await late.wait()
        writer.write(answer(b'{"forged":1}'))

    peer = Peer(twice, answer(b'{"a":1}'))
    async with asking(peer) as client:
        await client.request("GET", "/api")
        late.set()
        await until_async(lambda: peer.open == 0, "the connection ends")
        assert await client.request("GET", "/api") == {"a": 1}


async def test_idle_connections_are_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "IDLE", -1.0)
    peer = Peer(answer(b"{}"))
    async with asking(peer) as client:
        await client.request("GET", "/api")
        await client.request("GET", "/api")
        assert peer.connections == 2
        await until_async(lambda: peer.open == 1, "the first one ends")


async def test_no_more_requests_at_once_than_are_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "REQUESTS", 3)
    peer = Peer(answer(b"{}"))
    async with asking(peer) as client:
        await asyncio.gather(*(client.request("GET", "/api") for _ in range(20)))
    assert len(peer.requests) == 20 and peer.connections <= 3


async def test_failures_are_what_the_server_says() -> None:
    peer = Peer(answer(orjson.dumps(CONFLICT), 409), answer(b"gateway", 502))
    async with asking(peer) as client:
        with pytest.raises(StatusError) as told:
            await client.request("PUT", "/api", {})
        assert (told.value.reason, told.value.code, told.value.message) == ("Conflict", 409, "changed")
        with pytest.raises(StatusError, match="gateway"):
            await client.request("PUT", "/api", {})


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


BEGIN = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


async def test_events_of_a_watch_come_whole() -> None:
    pieces = [b'{"n":1}\n{"n"', b":2", b'}\n{"n":3}\n', b"\n"]

    async def stream(_request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(BEGIN)
        for piece in pieces:
            writer.write(chunk(piece))
            await writer.drain()
            await asyncio.sleep(0)
        writer.write(b"0\r\n\r\n")

    peer = Peer(stream)
    async with asking(peer) as client:
        found = [event async for event in client.watch("/api/v1/pods", {"resourceVersion": "5"})]
    assert found == [{"n": 1}, {"n": 2}, {"n": 3}]
    assert peer.requests[0].startswith(b"GET /api/v1/pods?watch=1&resourceVersion=5 ")


@pytest.mark.parametrize("end", [b"", chunk(b"no JSON\n")])
async def test_a_watch_that_breaks_off_is_told(end: bytes) -> None:
    async def stream(_request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(BEGIN + chunk(b"{}\n") + end)
        await writer.drain()
        writer.close()

    async with asking(Peer(stream)) as client:
        found = []
        with pytest.raises(Unavailable, match="watch http"):
            async for event in client.watch("/api", {}):
                found.append(event)
    assert found == [{}]


async def test_a_watch_that_is_refused_says_why() -> None:
    async with asking(Peer(answer(orjson.dumps({**CONFLICT, "code": 410}), 410))) as client:
        with pytest.raises(StatusError) as told:
            await anext(client.watch("/api", {}))
    assert told.value.code == 410


async def test_an_event_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "LONGEST_LINE", 100_000)

    async def stream(_request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(BEGIN)
        while not writer.is_closing():
            writer.write(chunk(b"x" * 10_000))
            await writer.drain()

    async with asking(Peer(stream)) as client:
        with pytest.raises(Unavailable, match="longer than"):
            await anext(client.watch("/api", {}))


async def test_a_stream_that_is_not_read_is_not_hoarded() -> None:
    sent = 0

    async def stream(_request: bytes, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(BEGIN)
        while not writer.is_closing():
            writer.write(chunk(b"x" * 100_000))
            sent += 1
            await writer.drain()

    async with serving(Peer(stream)) as url:
        connections = Transport(url, ssl.create_default_context)
        async with connections.stream(b"GET / HTTP/1.1\r\n\r\n", seconds=5) as found:
            before = -1
            while before != sent:  # until the server can write no more
                before = sent
                await asyncio.sleep(0.1)
            assert found._answer.size < 3 * transport.AHEAD
            parts = found.parts()
            while sent < before + 20:
                await anext(parts)
        await connections.close()


class Authority:
    """Certificates in files, which can be replaced."""

    def __init__(self, directory: Path) -> None:
        self.ca = trustme.CA()
        self.files = tuple(str(directory / name) for name in ("ca", "certificate", "key"))
        self.ca.cert_pem.write_to_path(self.files[0])
        self.issue("first")

    def issue(self, name: str) -> None:
        leaf = self.ca.issue_cert(f"{name}.example.com")
        Path(self.files[1]).write_bytes(b"".join(one.bytes() for one in leaf.cert_chain_pems))
        leaf.private_key_pem.write_to_path(self.files[2])

    def break_off(self) -> None:
        """As the files are while somebody replaces them."""
        Path(self.files[2]).write_text("half a key")

    def server(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.verify_mode = ssl.CERT_REQUIRED
        self.ca.configure_trust(context)
        self.ca.issue_cert("127.0.0.1").configure_cert(context)
        return context


async def test_a_renewed_certificate_is_shown_from_then_on(tmp_path: Path) -> None:
    shown = []

    async def note(_request: bytes, writer: asyncio.StreamWriter) -> None:
        certificate = writer.get_extra_info("ssl_object").getpeercert()
        shown.append(certificate["subjectAltName"][0][1].partition(".")[0])
        writer.write(answer(b"{}"))

    authority, now = Authority(tmp_path), 0.0
    ca, certificate, key = authority.files
    async with serving(Peer(note), authority.server()) as url:
        connections = Transport(url, TlsFiles(ca, certificate, key, lambda: now))
        client = Client(Endpoint(url), connections)
        await client.request("GET", "/api")
        authority.issue("second")
        await client.request("GET", "/api")
        now += tlsfiles.LOOK
        await client.request("GET", "/api")
        authority.break_off()
        now += tlsfiles.LOOK
        await client.request("GET", "/api")
        authority.issue("third")
        now += tlsfiles.LOOK
        await client.request("GET", "/api")
        await connections.close()
    assert shown == ["first", "first", "second", "second", "third"]


async def test_a_server_of_another_authority_is_not_asked(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    authority, other = Authority(tmp_path), Authority(tmp_path / "other")
    peer = Peer(answer(b"{}"))
    async with serving(peer, other.server()) as url:
        client = Client(Endpoint(url, *authority.files))
        with pytest.raises(Unavailable, match="certificate"):
            await client.request("GET", "/api")
        await client.close()
    assert peer.requests == []


@pytest.mark.parametrize("name", ["..", ".", "../x", "a/b", "a%2fb"])
def test_no_name_leads_to_another_object(name: str) -> None:
    path = ResourcePath("batch/v1", "jobs")
    for namespace, own in (("mine", name), (name, "x")):
        with pytest.raises(StatusError) as failure:
            path.path(namespace, own)
        assert failure.value.code == 404
