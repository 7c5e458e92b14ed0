"""--ssh: bytes between an SSH agent of this machine and the build, on a connection of their own.

Keys are given to an agent that lives as long as the build: OpenSSH's, which every machine with keys has.
"""

from __future__ import annotations

import os
import threading

from sampan.cli.errors import CliError
from sampan.cli.sockets import PlainSocket

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from sampan.cli.session import Session
    from sampan.cli.sockets import Connection

_BLOCK = 1 << 15


def prepare(given: list[tuple[str, list[str]]]) -> tuple[dict[str, list[str]], Callable[[], None]]:
    """(sockets by id, what ends the agents started for it); raises CliError."""
    found: dict[str, list[str]] = {}
    started: list[KeyAgent] = []

    def end() -> None:
        for agent in started:
            agent.stop()

    try:
        for identity, paths in given:
            found[identity] = [_socket(identity, paths, started)]
    except CliError:
        end()
        raise
    return found, end


def _socket(identity: str, paths: list[str], started: list[KeyAgent]) -> str:
    if not paths:
        path = os.environ.get("SSH_AUTH_SOCK", "")
        if not path:
            raise CliError("ERROR: invalid empty ssh agent socket: make sure SSH_AUTH_SOCK is set")
        return path
    keys = [path for path in paths if not _is_socket(path)]
    if not keys:
        if len(paths) > 1:
            raise CliError(f"ERROR: only single socket allowed for ssh agent {identity}")
        return paths[0]
    if len(keys) != len(paths):
        raise CliError("ERROR: invalid combination of keys and sockets")
    agent = KeyAgent(keys)
    started.append(agent)
    return agent.path


def _is_socket(path: str) -> bool:
    import stat

    try:
        return stat.S_ISSOCK(os.stat(path).st_mode)
    except OSError as error:
        raise CliError(f"ERROR: failed to open {path}: {(error.strerror or str(error)).lower()}") from None


class KeyAgent:
    """ssh-agent with the keys of some files."""

    def __init__(self, keys: list[str]) -> None:
        import shutil
        import subprocess
        import tempfile

        if not shutil.which("ssh-agent") or not shutil.which("ssh-add"):
            raise CliError("ERROR: --ssh with keys needs the programs ssh-agent and ssh-add")
        self._directory = tempfile.mkdtemp(prefix="sampan-agent-")
        self.path = os.path.join(self._directory, "socket")
        quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self._process = subprocess.Popen(["ssh-agent", "-D", "-a", self.path], **quiet)  # type: ignore[call-overload]
        self._wait()
        done = subprocess.run(
            ["ssh-add", "-q", *keys],
            env=os.environ | {"SSH_AUTH_SOCK": self.path},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            self.stop()
            raise CliError(f"ERROR: failed to parse {', '.join(keys)}: {done.stderr.strip()}")

    def _wait(self) -> None:
        import time

        end = time.monotonic() + 5
        while not os.path.exists(self.path) and time.monotonic() < end:
            time.sleep(0.005)

    def stop(self) -> None:
        import shutil

        self._process.terminate()
        self._process.wait()
        shutil.rmtree(self._directory, ignore_errors=True)


def relay(session: Session, path: str, sockets: list[str]) -> Callable[[], None]:
    """Connect both; returns what ends it. Each direction is a thread of its own."""
    import _socket

    agent = PlainSocket(_socket.AF_UNIX, _socket.SOCK_STREAM | _socket.SOCK_CLOEXEC)
    try:
        agent.connect(sockets[0] if sockets else "")
    except OSError:
        agent.close()
        session.client.post(path, body={"Missing": True}).read()
        return lambda: None
    response = session.client.request("POST", path, upgrade=True)
    remote, left = response.hijack()
    threading.Thread(target=_copy, args=(remote, agent, left), daemon=True).start()
    threading.Thread(target=_copy, args=(agent, remote, b""), daemon=True).start()

    def end() -> None:
        agent.half_close()
        remote.half_close()

    return end


def _copy(source: Connection, target: Connection, first: bytes) -> None:
    try:
        if first:
            target.sendall(first)
        while data := source.recv(_BLOCK):
            target.sendall(data)
    except OSError:
        pass  # either side has gone: so does the other
    target.half_close()
