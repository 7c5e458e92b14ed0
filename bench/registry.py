"""How fast the registry serves and takes in, next to docker-registry, with one load generator in one run.

    bench/registry.py                         both, alternating; docker-registry and wrk are Debian packages
    bench/registry.py --rounds 5 --seconds 4  longer
    bench/registry.py --only "blob GET"       rows whose name contains this
    bench/registry.py --memory                also: memory while a 2 GiB blob goes in and out

GETs are wrk's work (keep-alive connections). wrk waits for the body that HEAD announces, so HEADs are this
program's, and so are uploads (whole blobs, POST then PUT), from several processes. Both write access logs
to /dev/null. A ratio below 1 means Sampan takes less time.
"""

import argparse
import hashlib
import http.client
import json
import os
import re
import selectors
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sampan.interpreter import isolated

MIB = 1 << 20
NAME = "bench/image"
MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
CONFIG = """
version: 0.1
storage:
  cache: {{blobdescriptor: inmemory}}
  filesystem: {{rootdirectory: {root}}}
  delete: {{enabled: true}}
http:
  addr: 127.0.0.1:{port}
  headers: {{X-Content-Type-Options: [nosniff]}}
"""


@dataclass
class Target:
    name: str
    port: int
    pid: int = 0
    samples: dict[str, list[float]] = field(default_factory=dict)

    def add(self, what: str, seconds: float) -> None:
        self.samples.setdefault(what, []).append(seconds)

    def median(self, what: str) -> float:
        return statistics.median(self.samples[what])


# Servers


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@contextmanager
def running(name: str, words: list[str], port: int) -> Iterator[Target]:
    with open(os.devnull, "w") as nowhere:
        process = subprocess.Popen(words, stdout=nowhere, stderr=nowhere)
    try:
        wait_for(port, process)
        yield Target(name, port, process.pid)
    finally:
        process.terminate()
        process.wait(30)


def wait_for(port: int, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port), 1):
                return
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"{process.args!r} does not start") from None
            time.sleep(0.05)


def docker_registry(root: Path) -> tuple[list[str], int]:
    port = free_port()
    config = root / "config.yml"
    config.write_text(CONFIG.format(root=root / "docker-registry", port=port))
    return ["docker-registry", "serve", str(config)], port


def sampan_registry(root: Path) -> tuple[list[str], int]:
    port = free_port()
    words = isolated("sampan.registry", "serve", "--root", str(root / "sampan"))
    return [*words, "--addr", f"127.0.0.1:{port}"], port


# Content


def digest(data: bytes | bytearray) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


Body = bytes | memoryview | Iterator[bytes]


def upload(connection: http.client.HTTPConnection, data: Body, name: str, size: int | None = None) -> None:
    if size is None:
        assert isinstance(data, bytes | memoryview)
        size = len(data)
    connection.request("POST", f"/v2/{NAME}/blobs/uploads/", headers={"Content-Length": "0"})
    answer = connection.getresponse()
    answer.read()
    place = answer.headers["Location"]
    path = place if place.startswith("/") else "/" + place.split("/", 3)[3]
    joint = "&" if "?" in path else "?"
    headers = {"Content-Type": "application/octet-stream", "Content-Length": str(size)}
    connection.request("PUT", f"{path}{joint}digest={name}", body=data, headers=headers)
    answer = connection.getresponse()
    answer.read()
    if answer.status != 201:
        raise SystemExit(f"upload: status {answer.status}")


def prepare(target: Target, blobs: dict[str, bytes]) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", target.port)
    for data in blobs.values():
        upload(connection, data, digest(data))
    config = b"{}"
    upload(connection, config, digest(config))
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": {
            "mediaType": "application/vnd.oci.image.config.v1+json",
            "digest": digest(config),
            "size": len(config),
        },
        "layers": [
            {
                "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
                "digest": digest(data),
                "size": len(data),
            }
            for data in blobs.values()
        ],
    }
    body = json.dumps(manifest).encode()
    connection.request(
        "PUT", f"/v2/{NAME}/manifests/latest", body=body, headers={"Content-Type": MANIFEST_TYPE}
    )
    answer = connection.getresponse()
    answer.read()
    if answer.status != 201:
        raise SystemExit(f"manifest: status {answer.status}")
    connection.close()


# Load


@dataclass(frozen=True)
class Load:
    """Requests of wrk's; `connections` as many as clients would be pulling at once."""

    name: str
    path: str
    connections: int


def wrk(target: Target, load: Load, seconds: float, script: Path) -> float:
    """Seconds per request."""
    script.write_text(f'wrk.headers["Accept"] = "{MANIFEST_TYPE}"\n')
    done = subprocess.run(
        [
            *("wrk", "-t", "2", "-c", str(load.connections), "-d", f"{seconds:g}s", "--timeout", "30s"),
            *("-s", str(script), f"http://127.0.0.1:{target.port}{load.path}"),
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    if "Non-2xx" in done.stdout or "Socket errors" in done.stdout:
        print(f"{target.name}: {load.name}: {done.stdout}", file=sys.stderr)
    found = re.search(r"(\d+) requests in ([\d.]+)(ms|s|m)", done.stdout)
    assert found is not None, done.stdout
    scale = {"ms": 0.001, "s": 1.0, "m": 60.0}[found[3]]
    return float(found[2]) * scale / max(int(found[1]), 1)


def ask_some(port: int, path: str, connections: int, seconds: float) -> int:
    """In a process of its own: HEAD over and over on each of `connections`; how many were answered."""
    head = f"HEAD {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode()
    selector = selectors.DefaultSelector()
    for _ in range(connections):
        sock = socket.create_connection(("127.0.0.1", port))
        selector.register(sock, selectors.EVENT_READ)
        sock.sendall(head)
    count, end = 0, time.perf_counter() + seconds
    while time.perf_counter() < end:
        for key, _ in selector.select():
            sock = key.fileobj  # type: ignore[assignment]
            if not sock.recv(65536).startswith(b"HTTP/1.1 200"):
                raise SystemExit("HEAD failed")
            count += 1
            sock.sendall(head)
    for key in list(selector.get_map().values()):
        key.fileobj.close()  # type: ignore[union-attr]
    return count


def heads(target: Target, pool: ProcessPoolExecutor, path: str, seconds: float) -> float:
    """Seconds per request."""
    jobs = [pool.submit(ask_some, target.port, path, 16, seconds) for _ in range(2)]
    return seconds / sum(job.result() for job in jobs)


def push_some(port: int, size: int, count: int, seed: int) -> float:
    """In a process of its own: upload `count` new blobs; the seconds that took, without making them."""
    noise = os.urandom(MIB)
    bodies = []
    for number in range(count):
        data = bytearray(noise * (size // MIB))
        data[:16] = seed.to_bytes(8, "big") + number.to_bytes(8, "big")
        bodies.append((data, digest(data)))
    connection = http.client.HTTPConnection("127.0.0.1", port)
    start = time.perf_counter()
    for data, name in bodies:
        upload(connection, memoryview(data), name)
    return time.perf_counter() - start


def uploads(target: Target, pool: ProcessPoolExecutor, size: int, count: int, clients: int) -> float:
    """Seconds per blob, `clients` at a time."""
    seeds = [int.from_bytes(os.urandom(7), "big") for _ in range(clients)]
    jobs = [pool.submit(push_some, target.port, size, count, seed) for seed in seeds]
    return max(job.result() for job in jobs) / (count * clients)


# Memory


def resident(pid: int) -> int:
    """Bytes that a process and its children hold for themselves."""
    total = 0
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith(("Private_Clean:", "Private_Dirty:")):
            total += int(line.split()[1]) * 1024
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        total += resident(int(child))
    return total


@contextmanager
def watched(pid: int) -> Iterator[list[int]]:
    """The peak of `resident`, in the list once the block is through."""
    peak = [resident(pid)]
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.05):
            peak[0] = max(peak[0], resident(pid))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield peak
    finally:
        over.set()
        thread.join()


def large(size: int) -> Iterator[bytes]:
    piece = bytes(range(256)) * 4096
    for _ in range(size // len(piece)):
        yield piece


def memory(target: Target, size: int) -> None:
    whole = hashlib.sha256()
    for piece in large(size):
        whole.update(piece)
    name = f"sha256:{whole.hexdigest()}"
    before = resident(target.pid)
    connection = http.client.HTTPConnection("127.0.0.1", target.port)
    with watched(target.pid) as pushed:
        upload(connection, large(size), name, size)
    with watched(target.pid) as pulled:
        connection.request("GET", f"/v2/{NAME}/blobs/{name}")
        answer = connection.getresponse()
        while answer.read(MIB):
            pass
    print(
        f"{target.name:16} {before / MIB:7.1f} MiB before, "
        f"{pushed[0] / MIB:7.1f} while {size >> 30} GiB comes in, {pulled[0] / MIB:7.1f} while it goes out"
    )


# The run


def rows(blobs: dict[str, bytes], options: argparse.Namespace, pool: ProcessPoolExecutor, script: Path) -> (
    dict[str, Callable[[Target], float]]
):  # fmt: skip
    small, big = (f"/v2/{NAME}/blobs/{digest(blobs[size])}" for size in ("1 MiB", "64 MiB"))
    loads = [
        Load("manifest GET", f"/v2/{NAME}/manifests/latest", 32),
        Load("blob GET 1 MiB", small, 16),
        Load("blob GET 64 MiB", big, 4),
    ]
    found: dict[str, Callable[[Target], float]] = {
        load.name: lambda target, load=load: wrk(target, load, options.seconds, script)  # type: ignore[misc]
        for load in loads
    }
    found["blob HEAD"] = lambda target: heads(target, pool, small, options.seconds)
    found["upload 1 MiB"] = lambda target: uploads(target, pool, MIB, 40, 4)
    found["upload 64 MiB"] = lambda target: uploads(target, pool, 64 * MIB, 2, 4)
    return {name: run for name, run in found.items() if options.only in name}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3.0, help="how long wrk runs, each time")
    parser.add_argument("--only", default="", help="rows whose name contains this")
    parser.add_argument("--memory", action="store_true", help="also a blob of 2 GiB, and memory meanwhile")
    parser.add_argument("--directory", default="/var/tmp", help="a file system like the real one")
    options = parser.parse_args()
    for program in ("wrk", "docker-registry"):
        if shutil.which(program) is None:
            raise SystemExit(f"{program} is not installed")
    blobs = {"1 MiB": os.urandom(MIB), "64 MiB": os.urandom(64 * MIB)}
    with ExitStack() as stack:
        root = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-", dir=options.directory)))
        pool = stack.enter_context(ProcessPoolExecutor(4))
        targets = [
            stack.enter_context(running("docker-registry", *docker_registry(root))),
            stack.enter_context(running("sampan", *sampan_registry(root))),
        ]
        for target in targets:
            prepare(target, blobs)
        found = rows(blobs, options, pool, root / "wrk.lua")
        for _ in range(options.rounds):
            for name, run in found.items():
                for target in targets:
                    target.add(name, run(target))
        report(targets, list(found))
        if options.memory:
            for target in targets:
                memory(target, 2 << 30)


def report(targets: list[Target], names: list[str]) -> None:
    theirs, ours = targets
    print(f"{'':18} {theirs.name:>16} {ours.name:>16} {'ratio':>8}")
    for name in names:
        a, b = theirs.median(name), ours.median(name)
        print(f"{name:18} {a * 1000:13.3f} ms {b * 1000:13.3f} ms {b / a:8.2f}")


if __name__ == "__main__":
    main()
