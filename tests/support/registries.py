"""The registries the engine is tried with: Debian's docker-registry, and Sampan's own."""

import re
import secrets
import shutil
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import bcrypt

from tests.registry.process import Served, free_port
from tests.support.poll import until

USER, PASSWORD = "bob", "secret"

_CONFIG = """\
version: 0.1
log: {{accesslog: {{disabled: false}}, level: error}}
storage: {{filesystem: {{rootdirectory: {root}}}, delete: {{enabled: true}}}}
http: {{addr: {address}}}
"""
_BASIC = "auth: {{htpasswd: {{realm: tests, path: {htpasswd}}}}}\n"
_TOKENS = """\
[auth]
mode = "token"
[[auth.rule]]
users = ["bob"]
"""


@dataclass
class Registry(Served):
    """Sampan's own, by `python -m sampan.registry serve`."""

    kind = "sampan"

    def image(self, name: str) -> str:
        return f"{self.address}/{name}"

    def uploads(self, at_least: int = 0) -> int:
        """How many uploads clients have begun so far; `at_least` must have been."""
        # Lines may be written late, and by several workers, each in its own time.
        marker = secrets.token_hex(8)
        self.request("GET", f"/v2/{marker}/tags/list")

        def count() -> int:
            return len(re.findall(r"POST\W.*/blobs/uploads/", self.log))

        until(lambda: marker in self.log and count() >= at_least, "the access log is written")
        return count()


@dataclass
class DockerRegistry(Registry):
    """Debian's package."""

    kind = "docker-registry"

    def command(self) -> list[str]:
        program = shutil.which("docker-registry")
        assert program, "the tests need docker-registry (make packages)"
        config = self.root.parent / "registry.yml"
        text = _CONFIG.format(root=self.root, address=self.address)
        if self.arguments:
            text += _BASIC.format(htpasswd=self.arguments[0])
        config.write_text(text)
        return [program, "serve", str(config)]

    def ready(self) -> bool:
        return self.request("GET", "/v2/")[0] in (200, 401)


@contextmanager
def serving(
    kind: str, directory: Path, *, locked: bool = False, arguments: tuple[str, ...] = ()
) -> Iterator[Registry]:
    """A registry of that kind; `locked` lets only USER with PASSWORD in."""
    root = directory / "root"
    root.mkdir(parents=True)
    htpasswd, rules = directory / "htpasswd", directory / "rules.toml"
    htpasswd.write_text(f"{USER}:{bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(5)).decode()}\n")
    rules.write_text(_TOKENS)
    registry: Registry
    if kind == "sampan":
        locks = ("--config", str(rules), "--htpasswd", str(htpasswd)) if locked else ()
        registry = Registry(root, free_port(), (*locks, *arguments))
    else:
        registry = DockerRegistry(root, free_port(), (str(htpasswd),) if locked else ())
    registry.start()
    try:
        yield registry
    finally:
        registry.kill(signal.SIGTERM)


@dataclass
class _Secure(Registry):
    host: str = ""

    @property
    def address(self) -> str:
        return f"{self.host}:{self.port}"

    def ready(self) -> bool:
        socket.create_connection((self.host, self.port), timeout=5).close()
        return True


@contextmanager
def secure(directory: Path, host: str, certificate: Path, key: Path) -> Iterator[Registry]:
    """Sampan's registry with TLS, on an address that is not the loopback: nobody trusts it unasked."""
    (directory / "root").mkdir(parents=True)
    arguments = ("--tls-cert", str(certificate), "--tls-key", str(key))
    registry = _Secure(directory / "root", free_port(), arguments, host=host)
    registry.start()
    try:
        yield registry
    finally:
        registry.kill(signal.SIGTERM)
