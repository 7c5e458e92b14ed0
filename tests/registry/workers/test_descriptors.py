"""More connections than descriptors, and clients that send or take next to nothing."""

import re
import resource
import socket
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from sampan.registry.documents import OCI_MANIFEST
from tests.registry.process import Served, free_port, registry_process
from tests.registry.support import CONFIG, image, sha256
from tests.support.poll import until

SOFT, HARD = 70, 220
LAYER = b"layer" * 100_000


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """With few descriptors: 70, and 220 if it takes what it may have. Limits survive fork and exec."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    (tmp_path / "root").mkdir()
    served = Served(tmp_path / "root", free_port())
    command = served.command

    def limited() -> list[str]:
        return ["prlimit", f"--nofile={SOFT}:{HARD}", *command()]

    served.command = limited  # type: ignore[method-assign]
    served.start()
    try:
        yield served
    finally:
        served.kill()
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == before


def workers(served: Served) -> list[int]:
    assert served.process is not None
    pid = served.process.pid
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_the_soft_limit_is_raised_to_the_hard_one(served: Served) -> None:
    for pid in workers(served):
        line = re.search(r"Max open files +([0-9]+) +([0-9]+)", Path(f"/proc/{pid}/limits").read_text())
        assert line is not None and line.groups() == (str(HARD), str(HARD))


def push(served: Served, name: str) -> None:
    for data in (CONFIG, LAYER):
        path = f"/v2/{name}/blobs/uploads/?digest={sha256(data)}"
        assert served.request("POST", path, data)[0] == 201
    body = image(LAYER)
    assert served.request("PUT", f"/v2/{name}/manifests/x", body, Content_Type=OCI_MANIFEST)[0] == 201
    assert served.request("GET", f"/v2/{name}/blobs/{sha256(LAYER)}")[2] == LAYER


HEADS = [
    ("silent", b""),
    ("half a head", b"GET /v2/ HTTP/1.1\r\nHost: "),
    ("asked before", b"GET /v2/ HTTP/1.1\r\nHost: x\r\n\r\n"),
]


@pytest.mark.parametrize("head", [row[1] for row in HEADS], ids=[row[0] for row in HEADS])
def test_connections_that_only_wait_give_way(served: Served, head: bytes) -> None:
    with ExitStack() as stack:
        for number in range(3 * HARD):
            sock = stack.enter_context(socket.create_connection(("127.0.0.1", served.port), timeout=30))
            with suppress(ConnectionError):  # the kernel may hear of the close first
                sock.sendall(head)
            if number % HARD == 0:
                push(served, f"a{number}")
        push(served, "b")
        assert served.request("GET", "/readyz")[0] == 200
    assert "Too many open files" not in served.log


def test_requests_beyond_what_there_is_room_for_wait_their_turn(served: Served) -> None:
    """Nobody is idle: all have an upload in progress, each with its file."""
    with ExitStack() as stack:
        held = []
        for _ in range(HARD):
            sock = stack.enter_context(socket.create_connection(("127.0.0.1", served.port), timeout=60))
            path = f"/v2/a/blobs/uploads/?digest={sha256(LAYER)}"
            sock.sendall(f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(LAYER)}\r\n\r\n".encode())
            sock.sendall(LAYER[:10])
            held.append(sock)
        for sock in held:
            sock.sendall(LAYER[10:])
            assert sock.recv(12) == b"HTTP/1.1 201"
            sock.close()
    assert "Too many open files" not in served.log


@pytest.fixture
def impatient(tmp_path: Path) -> Iterator[Served]:
    (tmp_path / "config.toml").write_text('body-timeout = "500ms"\n')
    with registry_process(tmp_path, "--config", str(tmp_path / "config.toml")) as served:
        yield served


def test_a_body_that_drips_is_given_up(impatient: Served) -> None:
    """A byte now and then is less than the patience apart; it would take a day."""
    location = impatient.request("POST", "/v2/a/blobs/uploads/")[1]["Location"]
    with socket.create_connection(("127.0.0.1", impatient.port), timeout=0.05) as sock:
        sock.sendall(f"PATCH {location} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n".encode())

        def answer() -> bytes:
            with suppress(TimeoutError):
                return sock.recv(12)
            sock.sendall(b"x")
            return b""

        assert until(answer, "it is answered") == b"HTTP/1.1 408"


def test_a_client_that_takes_nothing_is_cut(impatient: Served) -> None:
    padding = {"annotations": {"x": "y" * 3_000_000}}
    path = f"/v2/a/blobs/uploads/?digest={sha256(CONFIG)}"
    impatient.request("POST", path, CONFIG)
    body = image(**padding)
    assert impatient.request("PUT", "/v2/a/manifests/x", body, Content_Type=OCI_MANIFEST)[0] == 201
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.connect(("127.0.0.1", impatient.port))
        sock.sendall(b"GET /v2/a/manifests/x HTTP/1.1\r\nHost: x\r\n\r\n")
        seen = b'route="manifest",status="499"'
        until(lambda: seen in impatient.request("GET", "/metrics")[2], "it is cut")
