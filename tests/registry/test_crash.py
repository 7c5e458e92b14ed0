"""Kill -9 at any moment loses nothing that was acknowledged; bad clients and a full disk change nothing."""

import hashlib
import http.client
import json
import random
import socket
import threading
from pathlib import Path

from sampan.registry.documents import OCI_MANIFEST
from tests.registry.process import Served, registry_process
from tests.registry.support import CONFIG, image, sha256
from tests.support.poll import until


class Pusher(threading.Thread):
    """Pushes and deletes until it is cut, noting what the registry acknowledged."""

    def __init__(self, served: Served, seed: int) -> None:
        super().__init__()
        self.served = served
        self.random = random.Random(seed)
        self.seed = seed
        self.count = 0
        self.blobs: dict[str, bytes] = {}
        self.tags: dict[str, bytes] = {}
        self.deleted: set[str] = set()
        self.offsets: dict[str, int] = {}
        self.unclear: set[str] = set()  # deletes that were cut: either is right

    def run(self) -> None:
        try:
            while True:
                self.random.choice([self.push_blob, self.push_chunks, self.push_image, self.delete_tag])()
        except (OSError, http.client.HTTPException):
            return

    def data(self) -> bytes:
        self.count += 1
        return f"{self.seed} {self.count} ".encode() * self.random.choice([1, 100, 60_000])

    def push_blob(self) -> bytes:
        data = self.data()
        path = f"/v2/x/blobs/uploads/?digest={sha256(data)}"
        assert self.served.request("POST", path, data)[0] == 201
        self.blobs[sha256(data)] = data
        return data

    def push_chunks(self) -> None:
        data = self.data()
        location = self.served.request("POST", "/v2/x/blobs/uploads/")[1]["Location"]
        half = len(data) // 2
        assert self.served.request("PATCH", location, data[:half])[0] == 202
        self.offsets[location] = half
        if self.random.random() < 0.5:
            return
        del self.offsets[location]
        assert self.served.request("PUT", f"{location}?digest={sha256(data)}", data[half:])[0] == 201
        self.blobs[sha256(data)] = data

    def push_image(self) -> None:
        body = image(self.push_blob())
        tag = f"t{self.seed}-{self.count}"
        assert self.served.request("PUT", f"/v2/x/manifests/{tag}", body, Content_Type=OCI_MANIFEST)[0] == 201
        self.tags[tag] = body

    def delete_tag(self) -> None:
        if self.tags:
            tag = self.random.choice(sorted(self.tags))
            self.unclear.add(tag)
            assert self.served.request("DELETE", f"/v2/x/manifests/{tag}")[0] == 202
            self.unclear.discard(tag)
            del self.tags[tag]
            self.deleted.add(tag)

    def check(self) -> None:
        for digest, data in self.blobs.items():
            assert self.served.request("GET", f"/v2/x/blobs/{digest}")[2] == data
        for tag, body in self.tags.items():
            status, _, found = self.served.request("GET", f"/v2/x/manifests/{tag}")
            assert (status, found) == (200, body) or (tag in self.unclear and status == 404)
        for tag in self.deleted:
            assert self.served.request("GET", f"/v2/x/manifests/{tag}")[0] == 404
        for location, offset in self.offsets.items():
            status, headers, _ = self.served.request("GET", location)
            assert status == 204
            assert int(headers["Range"].partition("-")[2]) >= offset - 1


def test_kill_9_loses_nothing_acknowledged(tmp_path: Path) -> None:
    pushers: list[Pusher] = []
    with registry_process(tmp_path) as served:
        path = f"/v2/x/blobs/uploads/?digest={sha256(CONFIG)}"
        assert served.request("POST", path, CONFIG)[0] == 201
        for number in range(3):
            fresh = [Pusher(served, 10 * number + n) for n in range(2)]
            for pusher in fresh:
                pusher.start()
            acknowledged = 5 + 7 * number
            until(
                lambda fresh=fresh, least=acknowledged: all(len(p.blobs) >= least for p in fresh),
                "blobs pushed",
            )
            served.kill()
            for pusher in fresh:
                pusher.join(60)
            pushers += fresh
            served.start()
            for pusher in pushers:
                pusher.check()


def test_an_upload_goes_on_after_kill_9(tmp_path: Path) -> None:
    """The hash of its beginning was in the process that died: the next one hashes the file again."""
    data = b"0123456789abcdef" * 100_000
    with registry_process(tmp_path) as served:
        location = served.request("POST", "/v2/x/blobs/uploads/")[1]["Location"]
        served.request("PATCH", location, data[:700_000])
        served.kill()
        served.start()
        size = int(served.request("GET", location)[1]["Range"].partition("-")[2]) + 1
        assert size == 700_000
        span = f"{size}-{len(data) - 1}"
        status, _, _ = served.request("PATCH", location, data[size:], Content_Range=span)
        assert status == 202
        assert served.request("PUT", f"{location}?digest={sha256(data)}")[0] == 201
        assert served.request("GET", f"/v2/x/blobs/{sha256(data)}")[2] == data


def test_a_cut_upload_resumes_where_it_was_cut(tmp_path: Path) -> None:
    data = b"0123456789abcdef" * 200_000
    with registry_process(tmp_path) as served:
        location = served.request("POST", "/v2/x/blobs/uploads/")[1]["Location"]
        head = f"PATCH {location} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(data)}\r\n\r\n"
        with socket.create_connection(("127.0.0.1", served.port)) as sock:
            sock.sendall(head.encode() + data[:1_500_000])
            until(
                lambda: (served.root / "uploads" / location.rpartition("/")[2]).stat().st_size, "data arrives"
            )
        size = until(lambda: resting(served, location), "the cut is noticed")
        assert 1_000_000 < size <= 1_500_000
        rest = data[size:]
        assert served.request("PUT", f"{location}?digest={sha256(data)}", rest)[0] == 201
        assert served.request("GET", f"/v2/x/blobs/{sha256(data)}")[2] == data


def resting(served: Served, location: str) -> int:
    """The upload's size once nobody writes to it: an empty chunk gets its turn only then."""
    status, headers, _ = served.request("PATCH", location, b"")
    return int(headers["Range"].partition("-")[2]) + 1 if status == 202 else 0


def test_a_truncated_whole_blob_leaves_nothing(tmp_path: Path) -> None:
    with registry_process(tmp_path) as served:
        path = f"/v2/x/blobs/uploads/?digest={sha256(b'x' * 1000)}"
        with socket.create_connection(("127.0.0.1", served.port)) as sock:
            sock.sendall(f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nxxx".encode())
            until(lambda: list((served.root / "uploads").iterdir()), "the upload begins")
        until(lambda: not list((served.root / "uploads").iterdir()), "the upload is gone")
        assert served.request("GET", "/v2/_catalog")[2] == b'{"repositories":[]}\n'


def test_a_slow_client_is_told_so_and_keeps_nobody_waiting(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text('body-timeout = "300ms"\n')
    with registry_process(tmp_path, "--config", str(tmp_path / "config.toml")) as served:
        location = served.request("POST", "/v2/x/blobs/uploads/")[1]["Location"]
        with socket.create_connection(("127.0.0.1", served.port)) as sock:
            sock.settimeout(20)
            sock.sendall(f"PATCH {location} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nabc".encode())
            response = http.client.HTTPResponse(sock)
            response.begin()
            assert response.status == 408
            assert json.loads(response.read())["errors"][0]["code"] == "BLOB_UPLOAD_INVALID"
        assert served.request("GET", location)[1]["Range"] == "0-2"


def test_expect_100_continue_is_answered_before_the_body(tmp_path: Path) -> None:
    """As curl asks it; a refused request hears the refusal instead."""
    with registry_process(tmp_path) as served:
        for digest, first in ((sha256(b"abc"), b"HTTP/1.1 100"), ("sha256:zz", b"HTTP/1.1 400")):
            with socket.create_connection(("127.0.0.1", served.port)) as sock:
                sock.settimeout(20)
                sock.sendall(
                    f"POST /v2/x/blobs/uploads/?digest={digest} HTTP/1.1\r\nHost: x\r\n"
                    "Content-Length: 3\r\nExpect: 100-continue\r\n\r\n".encode()
                )
                assert sock.recv(12) == first
                if first.endswith(b"100"):
                    sock.recv(1000)
                    sock.sendall(b"abc")
                    assert sock.recv(12) == b"HTTP/1.1 201"


def memory(served: Served) -> int:
    """The most any of its processes has had resident, in KiB."""
    assert served.process is not None
    children = Path(f"/proc/{served.process.pid}/task/{served.process.pid}/children").read_text().split()
    found = []
    for pid in [str(served.process.pid), *children]:
        status = Path(f"/proc/{pid}/status").read_text()
        found.append(int(status.partition("VmHWM:")[2].split()[0]))
    return max(found)


def test_memory_stays_flat_while_large_blobs_pass(tmp_path: Path) -> None:
    size, piece = 256 << 20, b"\0" * (1 << 20)
    with registry_process(tmp_path) as served:
        before = memory(served)
        location = served.request("POST", "/v2/x/blobs/uploads/")[1]["Location"]
        connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=60)
        connection.request(
            "PATCH", location, (piece for _ in range(size >> 20)), {"Content-Length": str(size)}
        )
        assert connection.getresponse().status == 202
        connection.close()
        digest = f"sha256:{zeros(size)}"
        assert served.request("PUT", f"{location}?digest={digest}")[0] == 201
        connection.request("GET", f"/v2/x/blobs/{digest}")
        response = connection.getresponse()
        received = 0
        while part := response.read(1 << 20):
            received += len(part)
        connection.close()
        assert received == size
        assert memory(served) - before < 40 << 10


def zeros(size: int) -> str:
    digest = hashlib.sha256()
    for _ in range(size >> 20):
        digest.update(b"\0" * (1 << 20))
    return digest.hexdigest()
