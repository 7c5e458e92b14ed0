"""What is sent is no HTTP, or not all of it, or never read."""

import json
import os
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress

import pytest

from tests.kube.attacks.client import Hostile, memory, read_answer, tls, tracebacks
from tests.support.cluster import ClusterProcess

CONNECTIONS = int(os.environ.get("SAMPAN_ATTACK_CONNECTIONS", "300"))
WATCHERS = 20
MAPS = "/api/v1/namespaces/default/configmaps"
SMUGGLED = b"GET /api/v1/namespaces/default/secrets HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture
def admin(cluster: ClusterProcess) -> Iterator[Hostile]:
    client = Hostile(cluster)
    yield client
    assert client.send("GET", "/readyz").code == 200
    client.close()
    assert not tracebacks(cluster)


def raw(admin: Hostile, data: bytes) -> bytes:
    """All that comes back until the server closes, or says nothing for a moment."""
    with admin.connect() as sock:
        sock.settimeout(1.0)
        found = b""
        with suppress(OSError):
            sock.sendall(data)
            while part := sock.recv(65536):
                found += part
        return found


@pytest.mark.parametrize(
    "framing",
    [
        b"Content-Length: 5\r\nTransfer-Encoding: chunked",
        b"Content-Length: 0\r\nContent-Length: 60",
        b"Content-Length: 0, 60",
        b"Content-Length: +5",
        b"Content-Length: 0x5",
        b"Content-Length: 5_0",
        b"Content-Length: -1",
        b"Content-Length: 99999999999999999999999999",
        b"Transfer-Encoding: chunked, identity",
        b"Transfer-Encoding: xchunked",
        b"Transfer-Encoding : chunked",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        b"X: y\nTransfer-Encoding: chunked",
        b" Folded: x",
    ],
)
def test_requests_that_two_servers_would_read_differently(admin: Hostile, framing: bytes) -> None:
    head = b"POST " + MAPS.encode() + b" HTTP/1.1\r\nHost: x\r\n" + framing + b"\r\n\r\n"
    answer = raw(admin, head + b"0\r\n\r\n" + SMUGGLED)
    codes = [line.split()[1] for line in answer.splitlines() if line.startswith(b"HTTP/1.")]
    assert codes[:1] in ([b"400"], [b"501"], [b"413"], []), answer[:500]
    assert len(codes) < 2 and b"SecretList" not in answer


@pytest.mark.parametrize(
    "data",
    [
        b"\x00" * 5000,
        b"\r\n" * 5000 + b"GET",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET " + b"/" * 100_000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 200_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n" + b"a: b\r\n" * 100_000 + b"\r\n",
        b"GET / HTTP/1.1\nHost: x\n\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\x00" * 100,
        b"POST "
        + MAPS.encode()
        + b" HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
        b"POST "
        + MAPS.encode()
        + b" HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1;"
        + b"a" * 300_000,
        b"POST "
        + MAPS.encode()
        + b" HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        + b"1\r\na\r\n" * 90_000,
    ],
    ids=range(12),
)
def test_what_is_no_request(admin: Hostile, data: bytes) -> None:
    before = memory(admin.cluster)
    answer = raw(admin, data)
    assert b"HTTP/1.1 5" not in answer and b"Traceback" not in answer
    assert memory(admin.cluster) - before < 60


def test_a_body_that_never_ends_is_not_collected(admin: Hostile) -> None:
    before = memory(admin.cluster)
    head = f"POST {MAPS} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    with admin.connect() as sock:
        sock.settimeout(5)
        with suppress(OSError):
            sock.sendall(head)
            for _ in range(3000):
                sock.sendall(b"10000\r\n" + b"a" * 65536 + b"\r\n")
    assert memory(admin.cluster) - before < 60


def test_a_body_that_is_announced_too_long_is_refused_before_it_comes(admin: Hostile) -> None:
    head = f"POST {MAPS} HTTP/1.1\r\nHost: x\r\nContent-Length: {(3 << 20) + 1}\r\n\r\n".encode()
    assert b" 413 " in raw(admin, head)
    body = b"{" + b" " * (3 << 20)
    assert admin.send("POST", MAPS, body, {"Content-Type": "application/json"}).code == 413


def test_clients_that_connect_and_wait_keep_nobody_from_being_served(admin: Hostile) -> None:
    before = memory(admin.cluster)
    with ExitStack() as stack:
        for number in range(CONNECTIONS):
            if number % 3 == 0:
                sock: socket.socket = stack.enter_context(socket.create_connection(("127.0.0.1", admin.port)))
                sock.sendall(b"\x16\x03\x01"[: number % 4])
            else:
                sock = stack.enter_context(admin.connect())
                sock.sendall(
                    (b"", b"GET /api", b"POST /api/v1/pods HTTP/1.1\r\nContent-Length: 9\r\n\r\n{")[
                        number % 3
                    ]
                )
        start = time.monotonic()
        for _ in range(20):
            assert admin.send("GET", "/api/v1/namespaces").code == 200
        assert time.monotonic() - start < 2
        assert memory(admin.cluster) - before < 20 + CONNECTIONS // 5


def test_watchers_that_do_not_read_hold_little_and_hinder_nobody(admin: Hostile) -> None:
    text = {"metadata": {"name": "big"}, "data": {"a": "x" * 500_000}}
    assert admin.json("POST", MAPS, text).code == 201
    before = memory(admin.cluster)
    with ExitStack() as stack:
        for _ in range(WATCHERS):
            sock = stack.enter_context(admin.connect())
            sock.sendall(f"GET {MAPS}?watch=true HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        for number in range(60):
            text["data"]["a"] = chr(97 + number % 26) * 500_000
            start = time.monotonic()
            assert admin.json("PUT", f"{MAPS}/big", text).code == 200
            assert time.monotonic() - start < 5
        # 60 events of half a MB: held once, not by each of the watchers.
        assert memory(admin.cluster) - before < 250


def test_garbage_and_old_protocols_at_the_handshake(admin: Hostile) -> None:
    for data in (
        b"GET / HTTP/1.0\r\n\r\n",
        b"\x16\x03\x01\xff\xff" + b"\x00" * 70_000,
        os.urandom(5000),
        b"\x80\x2e\x01",
    ):
        with socket.create_connection(("127.0.0.1", admin.port), timeout=5) as sock, suppress(OSError):
            sock.sendall(data)
            sock.shutdown(socket.SHUT_WR)
            while sock.recv(65536):
                pass
    context = tls(admin.cluster.data)
    with pytest.warns(DeprecationWarning):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    with socket.create_connection(("127.0.0.1", admin.port), timeout=5) as plain, pytest.raises(OSError):
        context.wrap_socket(plain, server_hostname="127.0.0.1")


def test_a_certificate_of_another_authority_opens_nothing(admin: Hostile, tmp_path: os.PathLike[str]) -> None:
    line = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "1",
        "-subj",
        "/O=system:masters/CN=kubernetes-admin",
    ]
    line += ["-keyout", f"{tmp_path}/key", "-out", f"{tmp_path}/crt"]
    subprocess.run(line, check=True, capture_output=True)
    context = tls(admin.cluster.data, certificate=False)
    context.load_cert_chain(f"{tmp_path}/crt", f"{tmp_path}/key")
    with socket.create_connection(("127.0.0.1", admin.port), timeout=5) as plain, pytest.raises(OSError):
        with context.wrap_socket(plain, server_hostname="127.0.0.1") as sock:
            sock.sendall(b"GET /api/v1/secrets HTTP/1.1\r\nHost: x\r\n\r\n")
            answer = read_answer(sock)
            assert answer.code == 401
            raise ConnectionRefusedError


def test_what_is_lightly_said_of_a_token(admin: Hostile) -> None:
    anybody = Hostile(admin.cluster, certificate=False)
    for token in (
        "x" * 60_000,
        "a.b.c",
        "..",
        "e30.e30.",
        "eyJhbGciOiJub25lIn0.e30.",
        "\u00e9.\u00e9.\u00e9",
        "." * 5000,
    ):
        answer = anybody.send("GET", "/api/v1/secrets", headers={"Authorization": f"Bearer {token}"})
        assert answer.code == 401 and json.loads(answer.body)["reason"] == "Unauthorized"
    anybody.close()
