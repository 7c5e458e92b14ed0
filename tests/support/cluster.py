"""A cluster of its own for tests: an API server and its controllers, with everything in one directory."""

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.poll import until

ROOT = Path(__file__).parents[2]
WAIT = "60"


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@dataclass
class ClusterProcess:
    """Started by `up`, stopped by `down`; what it keeps is in `directory`."""

    directory: Path
    port: int = field(default_factory=free_port)

    @property
    def data(self) -> Path:
        return self.directory / "data"

    @property
    def kubeconfig(self) -> Path:
        return self.data / "admin.kubeconfig"

    def command(self, *args: str) -> subprocess.CompletedProcess[str]:
        places = ["--data-root", str(self.data), "--exec-root", str(self.directory / "exec")]
        line = [sys.executable, "-m", "sampan.kube", args[0], *places, *args[1:]]
        environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
        return subprocess.run(line, env=environment, capture_output=True, text=True, timeout=120)

    def up(self, *options: str) -> None:
        done = self.command(
            *("up", "--wait", WAIT, "--bind-address", "127.0.0.1", "--secure-port", str(self.port)), *options
        )
        assert done.returncode == 0, done.stderr + self.log()

    def down(self) -> None:
        assert self.command("down").returncode == 0

    def kill(self) -> None:
        """As a machine that is switched off would end it."""
        pid = int((self.directory / "exec" / "api.pid").read_text())
        descriptor = os.pidfd_open(pid)
        try:
            signal.pidfd_send_signal(descriptor, signal.SIGKILL)
            import select

            select.select([descriptor], [], [], 30)
        finally:
            os.close(descriptor)

    def log(self) -> str:
        path = self.data / "logs" / "kube-api.log"
        return path.read_text()[-5000:] if path.exists() else ""

    def kubectl(self, *args: str, stdin: str = "", check: bool = True) -> str:
        """What kubectl prints; its stderr if it fails and that is not `check`ed."""
        done = subprocess.run(
            [kubectl_program(), *args],
            env={**os.environ, "KUBECONFIG": str(self.kubeconfig), "HOME": str(self.directory)},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
        )
        if check:
            assert done.returncode == 0, done.stderr
        return done.stdout if done.returncode == 0 else done.stderr

    def create(self, value: object, *args: str, check: bool = True) -> str:
        """`kubectl create` of an object, or a List; what kubectl prints."""
        return self.kubectl(*args, "create", "-f", "-", stdin=json.dumps(value), check=check)

    def wait_for_account(self) -> None:
        """Pods are refused in a namespace that has no account yet."""
        until(lambda: "/default" in self.kubectl("get", "sa", "-o", "name"), "an account", seconds=60)

    def get(self, *args: str) -> Any:
        """`kubectl get ... -o json`, parsed."""
        return json.loads(self.kubectl("get", *args, "-o", "json"))


@contextmanager
def running(directory: Path, *options: str) -> Iterator[ClusterProcess]:
    """A cluster while the with block lasts."""
    found = ClusterProcess(directory)
    found.up(*options)
    try:
        yield found
    finally:
        found.down()


@contextmanager
def namespace_of(cluster: ClusterProcess) -> Iterator[str]:
    """The name of a namespace that nobody else has, which goes with the with block."""
    name = f"test-{secrets.token_hex(4)}"
    cluster.kubectl("create", "namespace", name)
    yield name
    cluster.kubectl("delete", "namespace", name, "--wait=false")


def kubectl_program() -> str:
    found = os.environ.get("SAMPAN_KUBECTL") or shutil.which("kubectl")
    if found is None:
        import pytest

        pytest.skip("no kubectl is installed")
    return found
