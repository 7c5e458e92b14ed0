"""What runs before execve in a container is no file of the host's (CVE-2019-5736 and its kin).

`/proc/self/exe` of a process that is about to become a container's is the engine's own program; the image can
have it started again, with its own libraries and scripts, by naming it.
"""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.security.support import Containers, Inode
from tests.support.api import Api
from tests.support.client import Client
from tests.support.contexts import context
from tests.support.engine import Sampand
from tests.support.poll import until

ATTACK = ["/proc/self/exe", "-S", "/attack_exe.py"]
REDUCED = [
    [],
    ["--cap-drop", "ALL"],
    ["--read-only"],
    ["--security-opt", "no-new-privileges"],
    ["--init"],
    ["--user", "app"],
    ["--privileged"],
]


@pytest.fixture
def program(own: Sampand) -> Inode:
    """The host's interpreter, which the daemon runs."""
    return Inode.of(f"/proc/{own.pid}/exe")


def check(own: Sampand, before: Inode, output: str) -> None:
    """What the attack got hold of is nothing of the host's, and nothing that it can change."""
    lines = [line for line in output.splitlines() if line.startswith("{")]
    assert lines, f"the attack did not run, so this shows nothing: {output}"
    for line in lines:
        found: dict[str, Any] = json.loads(line)
        assert found["identity"] != before.identity, "the host's interpreter"
        assert found["link"].startswith("/memfd:"), "a file on no file system"
        assert found["write"] != "done" and found["write-by-descriptor"] != "done", found
        assert found["link-into-the-container"] != "done", found
    assert Inode.of(f"/proc/{own.pid}/exe") == before, "the host's interpreter was changed"


@pytest.mark.parametrize("flags", REDUCED, ids=[" ".join(flags) or "default" for flags in REDUCED])
def test_a_container_started_from_proc_self_exe(
    own: Sampand, docker: Client, attacker: str, program: Inode, flags: list[str]
) -> None:
    result = docker("run", "--rm", *flags, attacker, *ATTACK)
    check(own, program, result.out + result.err)


def test_an_entrypoint_that_links_to_proc_self_exe(
    own: Sampand, containers: Containers, docker: Client, attacker: str, program: Inode, unique: str
) -> None:
    docker.ok("create", "--name", unique, attacker)
    docker.ok("run", "--name", f"{unique}-link", attacker, "ln", "-s", "/proc/self/exe", "/entry")
    docker.ok("commit", f"{unique}-link", f"{unique}:linked")
    result = docker("run", "--rm", f"{unique}:linked", "/entry", "-S", "/attack_exe.py")
    check(own, program, result.out + result.err)


def test_a_script_whose_interpreter_is_proc_self_exe(
    own: Sampand, docker: Client, containers: Containers, attacker: str, program: Inode
) -> None:
    result = docker("run", "--rm", attacker, "/attack-by-shebang")
    check(own, program, result.out + result.err)
    made = containers.start(attacker, "sleep", "1000")
    _, output = made.exec("/attack-by-shebang")
    check(own, program, output)
    _, output = made.exec(*ATTACK, Privileged=True)
    check(own, program, output)
    _, output = made.exec(*ATTACK, Tty=True)
    check(own, program, output)


def test_a_step_of_a_build(own: Sampand, api: Api, attacker: str, program: Inode) -> None:
    dockerfile = f'FROM {attacker}\nRUN {json.dumps(ATTACK)}\nRUN ["/attack-by-shebang"]\n'
    answer = api.post("/build", context({"Dockerfile": dockerfile}), nocache="1")
    check(own, program, "".join(line.get("stream", "") for line in answer.lines))


def test_a_health_check(
    own: Sampand, api: Api, containers: Containers, attacker: str, program: Inode
) -> None:
    check_of = {"Test": ["CMD", *ATTACK], "Interval": 50_000_000, "Timeout": 10_000_000_000, "Retries": 1000}
    made = containers.start(attacker, "sleep", "1000", Healthcheck=check_of)

    def results() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = api.get(f"/containers/{made.id}/json").json["State"]["Health"]["Log"]
        return found

    until(results, "a result of the health check")
    check(own, program, "".join(result["Output"] for result in results()))


def test_the_processes_of_an_engine_run_from_no_file_that_a_container_shares(
    own: Sampand, containers: Containers, attacker: str, program: Inode
) -> None:
    """The shim's own program, and PID 1 of --init, which stays a fork of it."""
    made = containers.start(attacker, "sleep", "1000", host={"Init": True})
    pid = own.api.get(f"/containers/{made.id}/json").json["State"]["Pid"]
    parent = _parent(pid)
    for process in (pid, parent):
        assert Inode.of(f"/proc/{process}/exe").identity != program.identity
        assert os.readlink(f"/proc/{process}/exe").startswith("/memfd:")
    _, output = made.exec("sh", "-c", "readlink /proc/1/exe; chmod 755 /proc/1/exe; echo")
    assert str(Path(os.readlink(f"/proc/{own.pid}/exe"))) not in output
    assert Inode.of(f"/proc/{own.pid}/exe") == program


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
