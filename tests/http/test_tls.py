"""TLS on a tcp socket: who is let in, and a hijacked connection whose client has no more to say."""

import asyncio
import shutil
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from aiohttp import web

from sampan.errors import Invalid
from sampan.http.app import Api, ApiVersions, Server
from sampan.http.hijack import Gone, hijack
from sampan.http.tls import exposure_warning, server_context

SIZE = 3_000_000


@dataclass(frozen=True)
class Certificates:
    """Paths: an authority, and one certificate it signed, for servers and clients alike."""

    ca: str
    cert: str
    key: str


@pytest.fixture(scope="module")
def certs(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    directory = tmp_path_factory.mktemp("certs")
    if shutil.which("openssl") is None:
        pytest.skip("makes its certificates with the openssl program")
    ca, cert = openssl(directory, "ca"), openssl(directory, "cert", ca="ca")
    return Certificates(ca[0], *cert)


def openssl(directory: Path, name: str, ca: str = "") -> tuple[str, str]:
    cert, key = str(directory / f"{name}.pem"), str(directory / f"{name}-key.pem")
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    command += ["-subj", f"/CN={name}", "-days", "2", "-keyout", key, "-out", cert]
    if ca:
        command += ["-CA", str(directory / f"{ca}.pem"), "-CAkey", str(directory / f"{ca}-key.pem")]
        command += [
            "-addext",
            "subjectAltName=DNS:localhost",
            "-addext",
            "basicConstraints=critical,CA:FALSE",
        ]
    subprocess.run(command, check=True, capture_output=True)
    return cert, key


async def reverse(request: web.Request) -> web.StreamResponse:
    """Reads all there is, then answers: only works when the client can end its half alone."""
    connection = await hijack(request)
    connection.socket.setblocking(False)
    asyncio.get_running_loop().create_task(answer(connection.socket, connection.leftover))
    return Gone()


async def answer(sock: socket.socket, data: bytes) -> None:
    loop = asyncio.get_running_loop()
    with sock:
        while chunk := await loop.sock_recv(sock, 100_000):
            data += chunk
        await loop.sock_sendall(sock, data[::-1])


@pytest.fixture(params=[False, True], ids=["tls", "tlsverify"])
async def address(
    request: pytest.FixtureRequest, certs: Certificates
) -> AsyncIterator[tuple[str, int, bool]]:
    server = Server(Api([web.post("/reverse", reverse)], ApiVersions((1, 51), (1, 24))))
    sock = socket.create_server(("127.0.0.1", 0))
    sock.setblocking(False)
    await server.listen(sock, server_context(certs.cert, certs.key, certs.ca if request.param else ""))
    yield "127.0.0.1", sock.getsockname()[1], request.param
    await server.stop()


def talk(
    address: tuple[str, int, bool], certs: Certificates, content: bytes, *, certificate: bool = True
) -> bytes:
    """A blocking client that half-closes TLS after its content, as Go's CloseWrite does."""
    context = ssl.create_default_context(cafile=certs.ca)
    if certificate:
        context.load_cert_chain(certs.cert, certs.key)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
    with socket.create_connection(address[:2], timeout=20) as sock:

        def exchange(step: object) -> bytes:
            while True:
                try:
                    result = step()  # type: ignore[operator]
                    sock.sendall(outgoing.read())
                    return result or b""
                except ssl.SSLWantReadError:
                    sock.sendall(outgoing.read())
                    received = sock.recv(100_000)
                    if not received:
                        raise ConnectionError("closed") from None
                    incoming.write(received)

        exchange(tls.do_handshake)
        head = b"POST /reverse HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n"
        exchange(lambda: tls.write(head) and b"")
        answered = b""
        while b"\r\n\r\n" not in answered:
            answered += exchange(lambda: tls.read(100_000))
        for at in range(0, len(content), 50_000):
            exchange(lambda at=at: tls.write(content[at : at + 50_000]) and b"")
        try:
            tls.unwrap()
        except ssl.SSLWantReadError:
            sock.sendall(outgoing.read())
        answered = answered.partition(b"\r\n\r\n")[2]
        try:
            while data := exchange(lambda: tls.read(100_000)):
                answered += data
        except ssl.SSLZeroReturnError:
            pass
        return answered


async def test_a_hijacked_connection_outlives_the_clients_half(
    address: tuple[str, int, bool], certs: Certificates
) -> None:
    content = b"abc" * (SIZE // 3)
    assert await asyncio.to_thread(talk, address, certs, content) == content[::-1]


async def test_clients_without_certificate(address: tuple[str, int, bool], certs: Certificates) -> None:
    reaching = asyncio.to_thread(talk, address, certs, b"abc", certificate=False)
    if address[2]:
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await reaching
    else:
        assert await reaching == b"cba"


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"cert": "/none"}, 'Could not load X509 key pair (cert: "/none"'),
        ({"key": "/none"}, 'key: "/none"'),
        ({"ca": "/none"}, 'could not read CA certificate "/none"'),
        ({"cert": __file__}, "Could not load X509 key pair"),
    ],
)
def test_unusable_files(certs: Certificates, wrong: dict[str, str], sentence: str) -> None:
    files = replace(certs, **wrong)
    with pytest.raises(Invalid) as refused:
        server_context(files.cert, files.key, files.ca)
    assert sentence in refused.value.message


@pytest.mark.parametrize(
    ("encrypted", "verified", "sentence"),
    [
        (False, False, "http://h:1 without encryption"),
        (True, False, "https://h:1 without TLS client"),
        (True, True, None),
    ],
)
def test_exposure(encrypted: bool, verified: bool, sentence: str | None) -> None:
    warning = exposure_warning("h:1", encrypted=encrypted, verified=verified)
    assert warning is None if sentence is None else sentence in (warning or "")
