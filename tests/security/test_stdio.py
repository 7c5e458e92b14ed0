"""Standard input of what has none is the container's own /dev/null, never the host's inode."""

import json
from typing import Any

import pytest

from tests.security.support import Containers, Inode
from tests.support.api import Api
from tests.support.client import Client
from tests.support.contexts import context
from tests.support.poll import until

# The mode is changed to what it is; the change time of the inode tells.
PROBE = (
    "echo stdin $(stat -L -c %d:%i /proc/self/fd/0) $(stat -L -c %d:%i /dev/null); "
    "chmod 666 /proc/self/fd/0; chown 0:0 /proc/self/fd/0; true"
)


@pytest.fixture
def null() -> Inode:
    return Inode.of("/dev/null")


def check(null: Inode, output: str) -> None:
    told = [line.split() for line in output.splitlines() if line.startswith("stdin ")]
    assert told, output
    for _, stdin, own in told:
        assert stdin != ":".join(str(number) for number in null.identity), "the host's /dev/null"
        assert stdin == own, "the container's own /dev/null"
    assert Inode.of("/dev/null") == null, "the host's /dev/null was changed"


@pytest.mark.parametrize("flags", [[], ["--init"], ["--read-only"], ["--privileged"], ["--network", "none"]])
def test_a_container(docker: Client, image: str, null: Inode, flags: list[str]) -> None:
    check(null, docker.ok("run", "--rm", *flags, image, "sh", "-c", PROBE))


def test_a_detached_container(docker: Client, image: str, null: Inode) -> None:
    made = docker.ok("run", "-d", image, "sh", "-c", PROBE)
    docker.ok("wait", made)
    check(null, docker.ok("logs", made))


def test_a_container_in_a_user_namespace(sampan_client: Client, image: str, null: Inode) -> None:
    """Its nodes are the host's, bound, as nobody may make any; but whoever owns them has no id there."""
    out = sampan_client("run", "--rm", "--userns", "auto", image, "sh", "-c", PROBE)
    assert "stdin" in out.out and Inode.of("/dev/null") == null


def test_an_exec(containers: Containers, image: str, null: Inode) -> None:
    made = containers.start(image, "sleep", "1000")
    check(null, made.exec("sh", "-c", PROBE)[1])
    check(null, made.exec("sh", "-c", PROBE, Privileged=True)[1])


def test_a_health_check(api: Api, containers: Containers, image: str, null: Inode) -> None:
    check_of = {"Test": ["CMD-SHELL", PROBE], "Interval": 50_000_000, "Timeout": 10_000_000_000}
    made = containers.start(image, "sleep", "1000", Healthcheck=check_of)

    def results() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = api.get(f"/containers/{made.id}/json").json["State"]["Health"]["Log"]
        return found

    until(results, "a result of the health check")
    check(null, results()[0]["Output"])


def test_a_step_of_a_build(api: Api, image: str, null: Inode) -> None:
    dockerfile = f"FROM {image}\nRUN {json.dumps(['sh', '-c', PROBE])}\n"
    answer = api.post("/build", context({"Dockerfile": dockerfile}), nocache="1")
    check(null, "".join(line.get("stream", "") for line in answer.lines))


def test_a_volume_over_dev_gives_no_way_to_the_hosts(
    docker: Client, image: str, null: Inode, unique: str
) -> None:
    """There is no /dev/null of the container's own then; what the volume holds instead is the image's."""
    probe = "ls /dev; stat -L -c %d:%i /proc/self/fd/0; chmod 666 /proc/self/fd/0; true"
    out = docker.ok("run", "--rm", "-v", f"{unique}:/dev", image, "sh", "-c", probe)
    assert ":".join(str(number) for number in null.identity) not in out
    assert Inode.of("/dev/null") == null
