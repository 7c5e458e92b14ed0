"""How an API server ends: it says so, lets what is under way be answered, and ends what would go on."""

import json
import os
import signal
import ssl
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from tests.kube.attacks.client import Hostile, read_answer
from tests.support.cluster import ClusterProcess
from tests.support.poll import until

MAPS = "/api/v1/namespaces/default/configmaps"


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[ClusterProcess]:
    found = ClusterProcess(tmp_path)
    yield found
    found.down()


def ask_to_end(cluster: ClusterProcess) -> None:
    os.kill(int((cluster.directory / "exec" / "api.pid").read_text()), signal.SIGTERM)


def begun(cluster: ClusterProcess, head: str) -> ssl.SSLSocket:
    sock = Hostile(cluster).connect()
    sock.sendall(head.replace("\n", "\r\n").encode() + b"\r\n\r\n")
    return sock


def read_on(sock: ssl.SSLSocket) -> bytes:
    """Until the connection ends."""
    data = b""
    with suppress(OSError):
        while part := sock.recv(65536):
            data += part
    return data


def test_what_is_under_way_is_answered_and_watches_end(cluster: ClusterProcess) -> None:
    cluster.up("--controllers", "false")
    body = json.dumps({"metadata": {"name": "late"}}).encode()
    head = f"POST {MAPS} HTTP/1.1\nHost: x\nContent-Type: application/json\nContent-Length: {len(body)}"
    with (
        closing(begun(cluster, head)) as writing,
        closing(begun(cluster, f"GET {MAPS}?watch=1 HTTP/1.1\nHost: x")) as watching,
    ):
        writing.sendall(body[:5])
        assert watching.recv(12) == b"HTTP/1.1 200"
        ask_to_end(cluster)
        # The end of a chunked answer, and not of its connection only.
        assert read_on(watching).endswith(b"\r\n0\r\n\r\n")
        writing.sendall(body[5:])
        assert read_answer(writing).code == 201
    until(
        lambda: (
            "not running" in cluster.command("status").stdout or cluster.command("status").returncode == 3
        ),
        "it has ended",
    )
    cluster.up("--controllers", "false")
    assert Hostile(cluster).send("GET", f"{MAPS}/late").code == 200


def test_who_asks_whether_it_is_ready_hears_of_the_end_first(cluster: ClusterProcess) -> None:
    cluster.up("--controllers", "false", "--shutdown-delay-duration", "3s")
    admin = Hostile(cluster)
    assert admin.send("GET", "/readyz").body == b"ok"
    ask_to_end(cluster)
    until(lambda: admin.send("GET", "/readyz").code == 500, "it is not ready any more", seconds=2)
    assert b"[-]shutdown failed: reason withheld\n" in admin.send("GET", "/readyz?verbose").body
    assert admin.send("GET", "/readyz/shutdown").body == b"internal server error: process is shutting down\n"
    assert admin.send("GET", "/readyz?exclude=shutdown").code == 200
    assert admin.send("GET", "/livez").code == 200
    assert admin.json("POST", MAPS, {"metadata": {"name": "served"}}).code == 201
    admin.close()
