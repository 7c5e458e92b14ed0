"""How a daemon comes to be: by socket activation, by systemd, by the first `sampan` of root."""

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import leftovers
from tests.support.api import Api
from tests.support.engine import Sampand, sampan_program, sampand_program
from tests.support.poll import until

# What a service manager does, sd_listen_fds(3): the socket is descriptor 3, and told to this process only.
ACTIVATE = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()), LISTEN_FDNAMES="api")
os.execvp(sys.argv[2], sys.argv[2:])
"""


@pytest.fixture
def passed(directory: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(directory / "passed.sock"))
        listening.listen()
        yield listening


@pytest.mark.parametrize("name", ["", "api"])
def test_a_passed_socket_is_served(own: Sampand, passed: socket.socket, name: str) -> None:
    engine = Sampand("-H", f"fd://{name}")
    engine.program = [sys.executable, "-c", ACTIVATE, str(passed.fileno()), *engine.program]
    engine.pass_fds = (passed.fileno(),)
    path = passed.getsockname()
    try:
        engine.start()
        assert Api(f"unix://{path}").get("/info").json["ID"] == engine.api.get("/info").json["ID"]
        assert engine.terminate() == 0
        assert os.path.exists(path), "the socket is the service manager's to remove"
    finally:
        if engine.running:
            engine.kill()
        engine.erase()


def test_without_a_passed_socket_fd_is_refused(own: Sampand, directory: Path) -> None:
    command = [
        *sampand_program(),
        "--data-root",
        str(directory / "data"),
        "--exec-root",
        str(directory / "run"),
    ]
    done = subprocess.run([*command, "-H", "fd://"], capture_output=True, text=True, timeout=30)
    assert done.returncode == 1
    assert "socket activation" in done.stderr and "Traceback" not in done.stderr


def test_a_unit_is_written_for_systemd(own: Sampand, directory: Path) -> None:
    unit = directory / "sampand.service"
    run(directory, f"system service install --path {unit}")
    text = unit.read_text()
    program = re.search(r'^ExecStart="?([^"\n]+)', text, re.M)
    assert program and os.access(shlex.split(program[1])[0], os.X_OK)
    for line in ("Delegate=yes", "KillMode=process", "WantedBy=multi-user.target"):
        assert line in text.splitlines()
    assert not list(directory.glob(".*")) and len(list(directory.glob("sampand.service*"))) == 1


def run(directory: Path, line: str) -> "subprocess.CompletedProcess[str]":
    """`sampan LINE` with a sampand on its PATH, as an installation has it."""
    done = subprocess.run(
        [*sampan_program(), *line.split()],
        capture_output=True,
        text=True,
        env=environment(directory),
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done


def environment(directory: Path) -> dict[str, str]:
    programs = directory / "bin"
    programs.mkdir(exist_ok=True)
    for name, command in (("sampan", sampan_program()), ("sampand", sampand_program())):
        (programs / name).write_text(f'#!/bin/sh\nexec {shlex.join(command)} "$@"\n')
        (programs / name).chmod(0o755)
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("DOCKER_", "SAMPAN_"))}
    return {
        **kept,
        "PATH": f"{programs}:{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join(sys.path),
        "HOME": str(directory),
    }


# The default paths are private here, and so is the network: whatever the machine has stays untouched.
PRIVATE = """
for place in /run /var/lib /var/log; do mkdir -p "$0$place"; mount --bind "$0$place" $place; done
ip link set lo up
sampan version --format '{{.Server.Version}}'
sampan info --format '{{.DockerRootDir}}'
test -S /run/sampan.sock
sampan system stop
"""


def test_the_first_command_of_root_starts_a_daemon(own: Sampand, directory: Path) -> None:
    command = ["unshare", "--mount", "--net", "sh", "-ec", PRIVATE, str(directory)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment(directory), timeout=120)
    try:
        assert done.returncode == 0, done.stderr
        version, root = done.stdout.splitlines()[:2]
        assert re.match(r"\d+\.\d+", version) and root == "/var/lib/sampan"
        said = [
            line for line in done.stderr.splitlines() if line.startswith("No engine is running: starting ")
        ]
        assert len(said) == 1 and "/var/log/sampand.log" in said[0]
        until(lambda: not daemons(directory), "the daemon ended")
        assert not (directory / "run/sampan.sock").exists()
    finally:
        for line in daemons(directory):
            os.kill(int(line.split()[1]), signal.SIGKILL)


def daemons(directory: Path) -> list[str]:
    return [line for line in leftovers.processes(str(directory)) if "sampan" in line]
