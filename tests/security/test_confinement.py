"""What is on its way into a container is confined before that can see it (CVE-2016-9962 and its kin).

A container spins over /proc, and traces whatever appears, while processes come in by every door there is. It
may see a process before its execve, but nothing in it that is the host's: no root, no working directory, no
environment, no descriptor, no program.
"""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.security.support import Containers, Inode, Running
from tests.support.api import Api
from tests.support.client import Client
from tests.support.engine import Sampand
from tests.support.poll import until

EXECS = 50
WATCH = ["/bin/python", "-S", "/watch_proc.py"]
CAPABILITIES = [["SYS_PTRACE"], []]


def by(names: list[str]) -> str:
    return "with " + "".join(names) if names else "with default capabilities"


def watch(containers: Containers, attacker: str, how: str, capabilities: list[str], **config: Any) -> Running:
    made = containers.start(attacker, *WATCH, how, host={"CapAdd": capabilities}, **config)
    until(lambda: "watching" in made.output(), "the watcher is there")
    return made


def caught(own: Sampand, made: Running) -> list[dict[str, Any]]:
    """What the watcher saw that it must not see."""
    made.exec("touch", "/stop")
    until(lambda: '"count"' in made.output(), "the watcher's end")
    lines = [json.loads(line) for line in made.output().splitlines() if line.startswith("{")]
    assert lines[-1]["count"]["looks"] > 0, "it has looked at something"
    host = Inode.of(f"/proc/{own.pid}/exe").identity
    return [line for line in lines if "caught" in line and not _is_harmless(line, host)]


def health_checks(api: Api, made: Running) -> Callable[[], set[str]]:
    """All that it has been seen to go through: the engine tells of the last five."""
    seen: set[str] = set()

    def look() -> set[str]:
        health = api.get(f"/containers/{made.id}/json").json["State"]["Health"]
        seen.update(result["Start"] for result in health["Log"])
        return seen

    return look


def _is_harmless(line: dict[str, Any], host: list[int]) -> bool:
    """A program on no file system may be seen."""
    return line["caught"] in ("program", "traced") and line["detail"][0] != host


@pytest.mark.parametrize("how", ["look", "attach"])
@pytest.mark.parametrize("capabilities", CAPABILITIES, ids=by)
def test_an_exec_shows_nothing_of_the_host(
    own: Sampand, containers: Containers, attacker: str, capabilities: list[str], how: str
) -> None:
    made = watch(containers, attacker, how, capabilities)
    for number in range(EXECS):
        made.exec("true", Privileged=number % 5 == 4, Tty=number % 3 == 2)
    assert caught(own, made) == []


def test_nothing_is_traced_on_its_way_in_without_the_capability(
    own: Sampand, containers: Containers, attacker: str
) -> None:
    made = watch(containers, attacker, "attach", [])
    for _ in range(EXECS):
        made.exec("true")
    made.exec("touch", "/stop")
    until(lambda: '"count"' in made.output(), "the watcher's end")
    assert '"traced"' not in made.output()


def test_nothing_on_its_way_in_has_more_capabilities_than_the_container(
    own: Sampand, api: Api, containers: Containers, attacker: str
) -> None:
    check = {"Test": ["CMD", "true"], "Interval": 1_000_000, "Timeout": 10_000_000_000}
    made = watch(containers, attacker, "capabilities", ["SYS_PTRACE"], Healthcheck=check)
    for _ in range(40):
        made.exec("true")
    checked = health_checks(api, made)
    until(lambda: len(checked()) >= 10, "ten health checks")
    assert caught(own, made) == []


@pytest.mark.parametrize("capabilities", CAPABILITIES, ids=by)
def test_a_health_check_shows_nothing_of_the_host(
    own: Sampand, api: Api, containers: Containers, attacker: str, capabilities: list[str]
) -> None:
    check = {"Test": ["CMD", "true"], "Interval": 1_000_000, "Timeout": 10_000_000_000}
    made = watch(containers, attacker, "attach", capabilities, Healthcheck=check)
    checked = health_checks(api, made)
    until(lambda: len(checked()) >= 40, "forty health checks")
    assert caught(own, made) == []


@pytest.mark.parametrize("capabilities", CAPABILITIES, ids=by)
def test_a_container_that_joins_the_pid_namespace_shows_nothing_of_the_host(
    own: Sampand, docker: Client, containers: Containers, attacker: str, image: str, capabilities: list[str]
) -> None:
    """Its own files may be seen by who may trace it: as with any two that share a pid namespace."""
    made = watch(containers, attacker, "attach", capabilities)
    for _ in range(15):
        containers.start(image, "true", host={"PidMode": f"container:{made.id}"})
    seen = caught(own, made)
    assert [line for line in seen if line["caught"] == "environment"] == []
    assert [line for line in seen if _names_of_the_host(own, line)] == []


def _names_of_the_host(own: Sampand, line: dict[str, Any]) -> bool:
    if line["caught"] in ("root", "cwd"):
        return line["detail"][0] == Inode.of("/").identity
    return line["caught"] in ("program", "traced") or str(own.data) in str(line["detail"])
