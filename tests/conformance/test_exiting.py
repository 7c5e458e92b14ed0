"""Containers that are just exiting: whoever looks at their files sees those of a stopped one.

The moment is held: a shim that is stopped (SIGSTOP) does not collect its container's dead process, and the
engine does not hear of its end.
"""

import io
import os
import signal
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import rootfs
from tests.support.api import Api
from tests.support.client import Client
from tests.support.poll import until


def parent_and_state(pid: int) -> tuple[int, str]:
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return int(words[1]), words[0]


@pytest.fixture
def exiting(docker: Client, image: str) -> Iterator[str]:
    """It has written /f and died; the engine takes it for running."""
    made = docker.ok("run", "-d", image, "sh", "-c", "echo late > /f; sleep 1000")
    until(lambda: docker("exec", made, "cat", "/f").code == 0, "it has written")
    pid = docker.state(made)["Pid"]
    shim, _ = parent_and_state(pid)
    os.kill(shim, signal.SIGSTOP)
    try:
        os.kill(pid, signal.SIGKILL)
        until(lambda: parent_and_state(pid)[1] == "Z", "it is dead")
        assert docker.state(made)["Running"]
        yield made
    finally:
        os.kill(shim, signal.SIGCONT)
    until(lambda: not docker.state(made)["Running"], "the engine has heard of it")
    assert docker.state(made)["ExitCode"] == 137


def names(archive: bytes) -> list[str]:
    with tarfile.open(fileobj=io.BytesIO(archive)) as opened:
        return opened.getnames()


def test_its_files_are_copied_out(docker: Client, exiting: str) -> None:
    assert names(docker("cp", f"{exiting}:/f", "-").raw) == ["f"]


def test_files_are_copied_in(docker: Client, exiting: str) -> None:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        rootfs.add(archive, "one", b"x" * (1 << 20))
    docker.ok("cp", "-", f"{exiting}:/tmp", stdin=data.getvalue())
    assert "tmp/one" in names(docker("cp", f"{exiting}:/tmp", "-").raw)


def test_it_is_exported(docker: Client, exiting: str) -> None:
    assert "f" in names(docker("export", exiting).raw)


def test_it_is_committed(docker: Client, exiting: str, unique: str) -> None:
    docker.ok("commit", exiting, unique)
    assert docker.ok("run", "--rm", unique, "cat", "/f") == "late"
    docker.ok("rmi", unique)


def test_what_is_not_there_is_not_found(docker: Client, exiting: str) -> None:
    docker.fails("cp", f"{exiting}:/nope", "-", says="Could not find the file /nope in container")


def test_none_of_sixty_races_is_lost(docker: Client, api: Api, image: str, unique: str) -> None:
    """Each container ends at its own moment within the requests."""
    for number in range(20):
        made = docker.ok("run", "-d", image, "sh", "-c", f"echo {number} > /f; usleep {number * 1500}")
        assert api.get(f"/containers/{made}/archive", path="/etc/passwd").status == 200
        assert api.get(f"/containers/{made}/export").status == 200
        before = len(api.get("/images/json", all=1).json)
        answer = api.post("/commit", container=made)
        assert answer.status == 201, answer.body
        assert len(api.get("/images/json", all=1).json) == before + 1
        api.delete(f"/images/{answer.json['Id']}", force=1)
        api.delete(f"/containers/{made}", force=1)
