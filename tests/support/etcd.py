"""An etcd for tests: the binary is $SAMPAN_ETCD, or the `etcd` of the path; .ci/packages installs one."""

import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

import pytest

# Elections within a fifth of a second, and no waiting for the disk: what etcd promises is not tested here.
FAST = ("--heartbeat-interval=20", "--election-timeout=200", "--unsafe-no-fsync", "--log-level=error")


def binary() -> str:
    """Skips the test, with the reason, where there is none."""
    found = os.environ.get("SAMPAN_ETCD") or shutil.which("etcd")
    if found is None:
        pytest.skip("there is no etcd: set SAMPAN_ETCD to one, 3.5.8 or newer, or put it on the path")
    return found


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for sock in sockets:
            sock.bind(("127.0.0.1", 0))
        return [sock.getsockname()[1] for sock in sockets]
    finally:
        for sock in sockets:
            sock.close()


class Member:
    """One process; `start` again after `kill`."""

    def __init__(
        self, directory: Path, name: str, port: int, peer: int, cluster: str, more: list[str]
    ) -> None:
        self.port = port
        scheme = "https" if "--cert-file" in " ".join(more) else "http"
        self._command = [
            *(binary(), "--name", name, "--data-dir", str(directory / name), *FAST, *more),
            *("--listen-client-urls", f"{scheme}://127.0.0.1:{port}"),
            *("--advertise-client-urls", f"{scheme}://127.0.0.1:{port}"),
            *("--listen-peer-urls", f"http://127.0.0.1:{peer}"),
            *("--initial-advertise-peer-urls", f"http://127.0.0.1:{peer}"),
            *("--initial-cluster", cluster),
        ]
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def wait_ready(self) -> None:
        deadline = time.monotonic() + 20
        while True:
            try:
                with socket.create_connection(("127.0.0.1", self.port), 1):
                    return
            except OSError:
                assert self.process is not None and self.process.poll() is None, "etcd has ended"
                assert time.monotonic() < deadline, "etcd does not listen"
                time.sleep(0.02)

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


class Cluster:
    """`url` names all members."""

    def __init__(self, directory: Path, size: int = 1, more: list[str] | None = None) -> None:
        ports = free_ports(2 * size)
        names = [f"m{number}" for number in range(size)]
        peers = ",".join(
            f"{name}=http://127.0.0.1:{port}" for name, port in zip(names, ports[size:], strict=True)
        )
        self.members = [
            Member(directory, name, ports[at], ports[size + at], peers, more or [])
            for at, name in enumerate(names)
        ]
        self.url = "etcd://" + ",".join(f"127.0.0.1:{member.port}" for member in self.members)

    def start(self) -> None:
        for member in self.members:
            member.start()
        for member in self.members:
            member.wait_ready()

    def stop(self) -> None:
        for member in self.members:
            member.kill()
