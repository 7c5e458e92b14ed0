"""Bodies of blobs: whole, in part, not again, to slow clients, over TLS."""

import asyncio
import socket
import ssl
from pathlib import Path

import pytest
import trustme

from sampan.http.app import bind_tcp
from sampan.registry.config import Config
from sampan.registry.errors import RangeUnsatisfiable
from sampan.registry.metrics.measure import Metrics
from sampan.registry.ranges import Span, names_etag, span
from sampan.registry.serve import build
from sampan.registry.workers.serving import Front
from tests.registry.support import serving, sha256

RANGES = [
    # what it says, header, span
    ("the beginning", "bytes=0-9", Span(0, 10, True)),
    ("to the end", "bytes=90-", Span(90, 100, True)),
    ("beyond the end", "bytes=90-1000", Span(90, 100, True)),
    ("the last", "bytes=-10", Span(90, 100, True)),
    ("more than all of the last", "bytes=-1000", Span(0, 100, True)),
    ("several", "bytes=0-1,5-6", Span(0, 100)),
    ("backwards", "bytes=9-0", Span(0, 100)),
    ("nothing", "bytes=-", Span(0, 100)),
    ("another unit", "lines=0-1", Span(0, 100)),
    ("no header", "", Span(0, 100)),
]


@pytest.mark.parametrize(("header", "wanted"), [row[1:] for row in RANGES], ids=[row[0] for row in RANGES])
def test_ranges(header: str, wanted: Span) -> None:
    assert span(header, 100) == wanted


@pytest.mark.parametrize("header", ["bytes=100-", "bytes=100-200", "bytes=-0"])
def test_a_range_beyond_the_end_is_refused(header: str) -> None:
    with pytest.raises(RangeUnsatisfiable):
        span(header, 100)


def test_etags() -> None:
    assert names_etag('"a", W/"b"', '"b"')
    assert names_etag("*", '"b"')
    assert not names_etag('"a"', '"b"')


@pytest.mark.parametrize("size", [0, 1, 32 << 10, (32 << 10) + 1, 5 << 20])
async def test_a_blob_comes_as_it_was_pushed(tmp_path: Path, size: int) -> None:
    data = bytes(range(256)) * (size // 256 + 1)
    data = data[:size]
    async with serving(tmp_path / "root") as client:
        path = f"/v2/a/blobs/{await client.push_blob('a', data)}"
        answer = await client("GET", path)
        assert (answer.status, answer.body) == (200, data)
        assert answer.headers["Content-Length"] == str(size)
        if size > 100:
            part = await client("GET", path, Range=f"bytes=50-{size - 7}")
            assert (part.status, part.body) == (206, data[50 : size - 6])
            assert part.headers["Content-Range"] == f"bytes 50-{size - 7}/{size}"
        etag = answer.headers["Etag"]
        assert (await client("GET", path, If_None_Match=etag)).status == 304
        beyond = await client("GET", path, Range=f"bytes={size}-")
        assert (beyond.status, beyond.headers["Content-Range"]) == (416, f"bytes */{size}")
        other = await client("GET", path, Range="bytes=0-1", If_Range='"another"')
        assert (other.status, len(other.body)) == (200, size)
        # The connection is still in step.
        assert (await client("GET", "/v2/")).json == {}


async def test_a_client_that_takes_nothing_is_cut_off(tmp_path: Path) -> None:
    async with serving(tmp_path / "root", body_timeout=0.3) as client:
        digest = await client.push_blob("a", bytes(32 << 20))
        with socket.socket() as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            sock.setblocking(False)
            loop = asyncio.get_running_loop()
            await loop.sock_connect(sock, ("127.0.0.1", client.port))
            await loop.sock_sendall(sock, f"GET /v2/a/blobs/{digest} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            async with asyncio.timeout(20):
                while True:
                    answer = await client("GET", "/metrics")
                    if b'route="blob",status="499"} 1' in answer.body:
                        break
                    await asyncio.sleep(0.05)
            received = 0
            try:
                while chunk := await loop.sock_recv(sock, 1 << 20):
                    received += len(chunk)
            except ConnectionResetError:
                pass
            assert received < 32 << 20


async def test_tls_clients_get_it_encrypted(tmp_path: Path) -> None:
    authority = trustme.CA()
    certificate = authority.issue_cert("localhost")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    metrics = Metrics()
    api = build(Config(root=str(tmp_path / "root")), metrics)
    front = Front(api, metrics, None)
    sock = bind_tcp("127.0.0.1", 0)
    front.listen(sock, context)
    try:
        data = bytes(range(256)) * 8192
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", sock.getsockname()[1], ssl=trusting, server_hostname="localhost"
        )
        head = f"POST /v2/a/blobs/uploads/?digest={sha256(data)} HTTP/1.1\r\nHost: x\r\n"
        writer.write(f"{head}Content-Length: {len(data)}\r\n\r\n".encode() + data)
        assert (await reader.readline()).startswith(b"HTTP/1.1 201")
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"GET /v2/a/blobs/{sha256(data)} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        await reader.readuntil(b"\r\n\r\n")
        assert await reader.readexactly(len(data)) == data
        writer.close()
    finally:
        await front.stop(0.2)
        await api.stop()
        sock.close()
