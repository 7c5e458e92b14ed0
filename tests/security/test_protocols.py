"""Peers that attack the daemon's listeners: TLS without the right certificate, HTTP/2 as nobody means it."""

import datetime
import os
import socket
import ssl
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trustme
from hpack import Encoder

from tests.registry.process import free_port
from tests.support.engine import Sampand
from tests.support.poll import until

# TLS


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def served(engine: object, authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a daemon with --tlsverify."""
    if not isinstance(engine, Sampand):
        pytest.skip("only with a sampand that the suite started")
    directory = tmp_path_factory.mktemp("tls")
    authority.cert_pem.write_to_path(directory / "ca.pem")
    issued = authority.issue_cert("127.0.0.1")
    issued.private_key_and_cert_chain_pem.write_to_path(directory / "server.pem")
    port = free_port()
    files = ["--tlscacert", f"{directory}/ca.pem", "--tlscert", f"{directory}/server.pem"]
    daemon = Sampand(
        "--tlsverify", *files, "--tlskey", f"{directory}/server.pem", "-H", f"tcp://127.0.0.1:{port}"
    )
    daemon.start()
    yield port
    assert daemon.api.alive()
    daemon.terminate()
    daemon.erase()


def ask(port: int, context: ssl.SSLContext) -> bytes:
    """The first bytes of an answer to /version; empty when there is none."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=20) as plain:
            with context.wrap_socket(plain, server_hostname="127.0.0.1") as secure:
                secure.sendall(b"GET /version HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                return secure.recv(4096)
    except (ssl.SSLError, ConnectionError):
        return b""


def client(authority: trustme.CA, own: trustme.LeafCert | None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority.configure_trust(context)
    if own is not None:
        own.configure_cert(context)
    return context


def test_the_right_certificate_is_let_in(served: int, authority: trustme.CA) -> None:
    assert ask(served, client(authority, authority.issue_cert("client.example.org"))).startswith(
        b"HTTP/1.1 200"
    )


def certificates(authority: trustme.CA) -> dict[str, trustme.LeafCert | None]:
    past = datetime.datetime(2001, 1, 1)
    stranger = trustme.CA()
    return {
        "none": None,
        "of another authority": stranger.issue_cert("client.example.org"),
        "of another authority with the same name": trustme.CA(
            organization_name="trustme v" + trustme.__version__
        ).issue_cert("client.example.org"),
        "expired": authority.issue_cert(
            "client.example.org", not_before=past, not_after=past.replace(year=2002)
        ),
        "not valid yet": authority.issue_cert(
            "client.example.org", not_before=past.replace(year=2090), not_after=past.replace(year=2091)
        ),
    }


@pytest.mark.parametrize(
    "which",
    ["none", "of another authority", "of another authority with the same name", "expired", "not valid yet"],
)
def test_another_certificate_is_not(served: int, authority: trustme.CA, which: str) -> None:
    assert ask(served, client(authority, certificates(authority)[which])) == b""


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_an_old_tls_is_not_spoken(served: int, authority: trustme.CA, version: ssl.TLSVersion) -> None:
    context = client(authority, authority.issue_cert("client.example.org"))
    with pytest.warns(DeprecationWarning):
        context.minimum_version = context.maximum_version = version
    context.set_ciphers("DEFAULT@SECLEVEL=0")
    assert ask(served, context) == b""


def test_plain_text_and_noise_are_not_answered(served: int, authority: trustme.CA) -> None:
    for data in (
        b"GET /version HTTP/1.1\r\nHost: x\r\n\r\n",
        os.urandom(5000),
        b"\x16\x03\x01\xff\xff" + b"\0" * 70_000,
    ):
        with socket.create_connection(("127.0.0.1", served), timeout=20) as plain:
            try:
                plain.sendall(data)
                plain.shutdown(socket.SHUT_WR)
                assert b"ApiVersion" not in plain.recv(65536)
            except ConnectionError:
                pass
    assert ask(served, client(authority, authority.issue_cert("c.example.org"))).startswith(b"HTTP/1.1 200")


# HTTP/2 on /grpc, where the daemon is the server, and on /session, where it is the client


PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST, SETTINGS, PING, GOAWAY, WINDOW, CONTINUATION = 0, 1, 2, 3, 4, 6, 7, 8, 9
END_STREAM, END_HEADERS = 1, 4
REQUEST = [
    (":method", "POST"),
    (":scheme", "http"),
    (":path", "/moby.buildkit.v1.Control/ListWorkers"),
    (":authority", "localhost"),
    ("content-type", "application/grpc"),
]


def frame(kind: int, flags: int, id: int, payload: bytes = b"") -> bytes:
    return struct.pack(">BHBBL", len(payload) >> 16, len(payload) & 0xFFFF, kind, flags, id) + payload


def headers(id: int, more: list[tuple[str, str]] | None = None, flags: int = END_HEADERS) -> bytes:
    return frame(HEADERS, flags, id, Encoder().encode([*REQUEST, *(more or [])]))


def call(id: int, message: bytes, path: str = "Control/Solve") -> bytes:
    """A whole call of one message."""
    block = [(name, value if name != ":path" else f"/moby.buildkit.v1.{path}") for name, value in REQUEST]
    data = b"\0" + len(message).to_bytes(4, "big") + message
    return frame(HEADERS, END_HEADERS, id, Encoder().encode(block)) + b"".join(
        frame(DATA, 0 if at + 16384 < len(data) else END_STREAM, id, data[at : at + 16384])
        for at in range(0, len(data), 16384)
    )


def bomb() -> bytes:
    """One entry of the dynamic table, named again and again: 4 KB become 16 MB."""
    encoder = Encoder()
    block = encoder.encode([("x-long", "a" * 4000)])
    return frame(HEADERS, END_HEADERS, 1, block + b"\xbe" * 4000)


def deep(levels: int) -> bytes:
    """Protobuf nested that deep: field 1 in field 1 in field 1."""
    message = b""
    for _ in range(levels):
        size, length = len(message), b""
        while size > 127:
            length, size = length + bytes([size & 127 | 128]), size >> 7
        message = b"\x0a" + length + bytes([size]) + message
    return message


ATTACKS: dict[str, bytes] = {
    "no preface": b"\0" * 200,
    "another protocol": b"GET / HTTP/1.1\r\n\r\n",
    "a frame of 16 MB": struct.pack(">BHBBL", 255, 0xFFFF, DATA, 0, 1),
    "half a frame": frame(HEADERS, END_HEADERS, 1)[:5],
    "endless CONTINUATION": headers(1, flags=0) + frame(CONTINUATION, 0, 1, b"\0" * 16000) * 2000,
    "empty CONTINUATION": headers(1, flags=0) + frame(CONTINUATION, 0, 1) * 100_000,
    "rapid reset": b"".join(headers(n) + frame(RST, 0, n, b"\0\0\0\x08") for n in range(1, 40_001, 2)),
    "streams without end": b"".join(headers(n) for n in range(1, 20_001, 2)),
    "SETTINGS": frame(SETTINGS, 0, 0, struct.pack(">HL", 4, 65535)) * 50_000,
    "PING": frame(PING, 0, 0, b"12345678") * 50_000,
    "PRIORITY": frame(PRIORITY, 0, 1, b"\0\0\0\0\1") * 50_000,
    "empty DATA": headers(1) + frame(DATA, 0, 1) * 100_000,
    "a window that overflows": headers(1) + frame(WINDOW, 0, 1, b"\x7f\xff\xff\xff") * 3,
    "the connection's window overflows": frame(WINDOW, 0, 0, b"\x7f\xff\xff\xff") * 3,
    "a window of nothing": headers(1) + frame(WINDOW, 0, 1, b"\0\0\0\0"),
    "more than the window": headers(1) + frame(DATA, 0, 1, b"\0" * 16384) * 3000,
    "an HPACK bomb": bomb(),
    "broken HPACK": frame(HEADERS, END_HEADERS, 1, b"\xff" * 300),
    "a table of 4 GB": frame(HEADERS, END_HEADERS, 1, b"\x3f\xe1\xff\xff\xff\x0f"),
    "a long header": headers(1, [("x", "a" * 12_000)]) * 3,
    "padding beyond the frame": headers(1) + frame(DATA, 8, 1, b"\xff" + b"\0" * 5),
    "DATA for a stream that is not": frame(DATA, 0, 99, b"x"),
    "an even stream": headers(2),
    "HEADERS on stream 0": headers(0),
    "GOAWAY": frame(GOAWAY, 0, 0, b"\0" * 8) * 1000,
    "a message of 4 GB": headers(1) + frame(DATA, 0, 1, b"\0\xff\xff\xff\xff" + b"\0" * 1000),
    "a compressed message": headers(1) + frame(DATA, 0, 1, b"\1\0\0\0\4abcd"),
    "deep protobuf": call(1, deep(5000)),
    "protobuf that is none": call(1, os.urandom(4000)),
    "a definition of nothing": call(1, b"\x12\x00"),
}


@contextmanager
def upgraded(own: Sampand, target: str) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(30)
        connection.connect(own.host.removeprefix("unix://"))
        lines = [f"POST {target} HTTP/1.1", "Host: x", "Connection: Upgrade", "Upgrade: h2c"]
        lines += ["X-Docker-Expose-Session-Uuid: hostile", "X-Docker-Expose-Session-Name: x", "", ""]
        connection.sendall("\r\n".join(lines).encode())
        answer = b""
        while b"\r\n\r\n" not in answer:
            piece = connection.recv(1)
            assert piece, answer
            answer += piece
        assert b" 101 " in answer.split(b"\r\n")[0], answer
        yield connection


def memory(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("target", ["/grpc", "/session"])
def test_frames_that_nobody_means(own: Sampand, target: str, attack: str) -> None:
    """CVE-2023-44487, CVE-2024-24549 and their kin: bounded, and everybody else is served meanwhile."""
    own.api.get("/version")
    before = memory(own.pid)
    hello = PREFACE if target == "/grpc" else b""
    if attack not in ("no preface", "another protocol"):
        hello += frame(SETTINGS, 0, 0)
    with upgraded(own, target) as connection:
        try:
            connection.sendall(hello + ATTACKS[attack])
        except OSError:
            pass  # it has heard enough
        assert own.api.alive(), "others are served"
        assert memory(own.pid) - before < 64 << 20
    assert own.api.alive()


def test_what_was_attacked_is_let_go(own: Sampand) -> None:
    """Descriptors and tasks of broken connections are gone."""
    own.api.get("/version")
    logged = own.log.stat().st_size
    before = len(os.listdir(f"/proc/{own.pid}/fd"))
    for attack in ("rapid reset", "streams without end", "half a frame"):
        for _ in range(10):
            with upgraded(own, "/grpc") as connection:
                try:
                    connection.sendall(PREFACE + frame(SETTINGS, 0, 0) + ATTACKS[attack])
                except OSError:
                    pass
    until(lambda: len(os.listdir(f"/proc/{own.pid}/fd")) <= before + 2, "the descriptors are closed")
    assert b"Traceback" not in own.log.read_bytes()[logged:]


def test_a_session_that_says_nothing_ends_with_its_client(own: Sampand) -> None:
    before = len(os.listdir(f"/proc/{own.pid}/fd"))
    with upgraded(own, "/session"):
        assert own.api.alive()
    until(lambda: len(os.listdir(f"/proc/{own.pid}/fd")) <= before, "it is gone")
    assert own.api.alive()
