"""A registry as its own processes, to be killed; and blocking requests to it."""

import http.client
import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from sampan.interpreter import isolated
from tests.support.poll import until


@dataclass
class Served:
    root: Path
    port: int
    arguments: tuple[str, ...] = ()
    process: "subprocess.Popen[bytes] | None" = field(default=None, repr=False)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        return (self.root.parent / "log").read_text()

    def command(self) -> list[str]:
        program = isolated("sampan.registry", "serve", "--root", str(self.root))
        return [*program, "--addr", self.address, "--workers", "2", *self.arguments]

    def start(self) -> None:
        with (self.root.parent / "log").open("ab") as log:
            # A group of its own, so that all workers can be killed at once.
            self.process = subprocess.Popen(self.command(), stdout=log, stderr=log, start_new_session=True)
        until(self._answers, f"the registry on {self.address} answers", seconds=60)

    def _answers(self) -> bool:
        assert self.process is not None and self.process.poll() is None, self.log
        with suppress(OSError):
            return self.ready()
        return False

    def ready(self) -> bool:
        """Raises OSError when nobody listens yet."""
        return self.request("GET", "/healthz")[0] == 200

    def kill(self, number: int = signal.SIGKILL) -> None:
        if self.process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, number)
            self.process.wait(30)
            self.process = None

    def request(
        self, method: str, path: str, body: bytes | None = None, **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        """One request on a connection of its own. Raises OSError or HTTPException when it is cut."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body, named)
            response = connection.getresponse()
            return response.status, dict(response.getheaders()), response.read()
        finally:
            connection.close()


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


@contextmanager
def registry_process(directory: Path, *arguments: str) -> Iterator[Served]:
    root = directory / "root"
    root.mkdir(parents=True, exist_ok=True)
    served = Served(root, free_port(), arguments)
    served.start()
    try:
        yield served
    finally:
        served.kill(signal.SIGTERM)
