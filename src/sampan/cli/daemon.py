"""Start sampand in the background when nothing answers on the default socket."""

from __future__ import annotations

import os
import sys
import time

from sampan.cli.errors import CliError
from sampan.cli.output import warn
from sampan.interpreter import plain_environment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sampan.cli.http import Client

LOG_FILES = ("/var/log/sampand.log", "/var/lib/sampan/sampand.log")
DEADLINE = 15.0


def find_program() -> str:
    """sampand beside this program, beside this interpreter, or on PATH; raises CliError."""
    places = [os.path.dirname(os.path.abspath(sys.argv[0])), os.path.dirname(sys.executable)]
    places += [
        place for place in os.environ.get("PATH", os.defpath).split(os.pathsep) if os.path.isabs(place)
    ]
    for place in places:
        program = os.path.join(place, "sampand")
        if os.access(program, os.X_OK):
            return program
    raise CliError("no engine answers, and no sampand program was found to start one (is sampan installed?)")


def start(client: Client) -> bool:
    """Start it and wait until it answers. Raises CliError when it does not within 15 seconds."""
    program = find_program()
    log = _open_log()
    log_path = os.readlink(f"/proc/self/fd/{log}")
    null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    actions = [(os.POSIX_SPAWN_DUP2, null, 0), (os.POSIX_SPAWN_DUP2, log, 1), (os.POSIX_SPAWN_DUP2, log, 2)]
    warn(f"No engine is running: starting {program} in the background (log: {log_path})")
    environment = plain_environment(os.environ)
    pid = os.posix_spawn(program, [program], environment, file_actions=actions, setsid=True)
    os.close(null)
    os.close(log)
    deadline = time.monotonic() + DEADLINE
    client.start_daemon = None
    while time.monotonic() < deadline:
        if _answers(client):
            return True
        if os.waitpid(pid, os.WNOHANG)[0] == pid:
            raise CliError(f"sampand exited immediately; see {log_path}")
        time.sleep(0.02)
    raise CliError(f"sampand did not answer within {DEADLINE:.0f} seconds; see {log_path}")


def _answers(client: Client) -> bool:
    try:
        response = client.ping()
    except CliError:
        return False
    response.read()
    return response.status == 200


def _open_log() -> int:
    for path in LOG_FILES:
        try:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o640)
        except OSError:
            continue
    return os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
