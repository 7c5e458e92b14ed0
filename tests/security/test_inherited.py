"""What a daemon was started with is not passed on: ignored and blocked signals, and its oom score."""

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.security.support import Containers
from tests.support import rootfs
from tests.support.contexts import context
from tests.support.engine import Sampand
from tests.support.poll import until

# As a shell starts what it puts in the background, and worse.
WRAPPER = """
import os, signal, sys
for name in ("SIGQUIT", "SIGINT", "SIGUSR1", "SIGPIPE", "SIGTSTP", "SIGTTIN", "SIGWINCH"):
    signal.signal(getattr(signal, name), signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGQUIT, signal.SIGUSR2, signal.SIGRTMIN])
with open("/proc/self/oom_score_adj", "w") as file:
    file.write("300")
os.execv(sys.argv[1], sys.argv[1:])
"""
LOOK = ["grep", "-h", "-E", "^(Sig(Ign|Blk)|[0-9-])", "/proc/self/status", "/proc/self/oom_score_adj"]
CLEAN = "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n"
SYS_RESOURCE = 24


@pytest.fixture(scope="module")
def engine_of_a_script(own_module: None) -> Iterator[Sampand]:
    engine = Sampand()
    engine.program = [sys.executable, "-c", WRAPPER, *engine.program]
    engine.start()
    try:
        made = engine.api.request(
            "POST", "/images/create", rootfs.tar(), fromSrc="-", repo="inherit", changes='CMD ["sh"]'
        )
        assert made.status == 200, made.body
        yield engine
    finally:
        for container in engine.api.get("/containers/json", all=1).json:
            engine.api.delete(f"/containers/{container['Id']}", force=1)
        engine.terminate()
        engine.erase()


@pytest.fixture(scope="module")
def own_module(engine: object) -> None:
    if not isinstance(engine, Sampand):
        pytest.skip("only with a sampand that the suite started")


@pytest.fixture
def inside(engine_of_a_script: Sampand) -> Containers:
    return Containers(engine_of_a_script.api, "inherited")


@pytest.mark.parametrize("init", [False, True], ids=["", "--init"])
def test_a_container_and_its_execs(inside: Containers, init: bool) -> None:
    made = inside.start("inherit", *LOOK, host={"Init": init})
    until(lambda: made.output().count("\n") == 3, "its output")
    assert made.output() == CLEAN + "0\n"
    made = inside.start("inherit", "sleep", "1000", host={"Init": init, "OomScoreAdj": 700})
    assert made.exec(*LOOK) == (0, CLEAN + "700\n")
    assert made.exec(*LOOK, Privileged=True, User="app") == (0, CLEAN + "700\n")


def test_a_health_check(engine_of_a_script: Sampand, inside: Containers) -> None:
    check = {"Test": ["CMD", *LOOK], "Interval": 50_000_000, "Timeout": 10_000_000_000}
    made = inside.start("inherit", "sleep", "1000", Healthcheck=check)

    def results() -> list[dict[str, Any]]:
        state = engine_of_a_script.api.get(f"/containers/{made.id}/json").json["State"]
        log: list[dict[str, Any]] = state["Health"]["Log"]
        return log

    until(results, "a result of the health check")
    assert results()[0]["Output"] == CLEAN + "0\n"


def test_a_step_of_a_build(engine_of_a_script: Sampand) -> None:
    dockerfile = f"FROM inherit\nRUN {json.dumps(LOOK)}\n"
    answer = engine_of_a_script.api.post("/build", context({"Dockerfile": dockerfile}), nocache="1")
    assert CLEAN + "0\n" in "".join(line.get("stream", "") for line in answer.lines), answer.body


def test_quit_ends_what_a_background_daemon_started(inside: Containers, engine_of_a_script: Sampand) -> None:
    made = inside.start("inherit", "sleep", "1000", host={"Init": True})
    assert engine_of_a_script.api.post(f"/containers/{made.id}/kill", signal="QUIT").status == 204
    ended = engine_of_a_script.api.post(f"/containers/{made.id}/wait", timeout=20)
    assert ended.json["StatusCode"] == 128 + 3


def test_daemon_and_shims_ask_for_protection(own: Sampand, containers: Containers, image: str) -> None:
    """Where the kernel lets them: lowering the score needs CAP_SYS_RESOURCE. The container has none of it."""
    made = containers.start(image, "sleep", "1000")
    pid = own.api.get(f"/containers/{made.id}/json").json["State"]["Pid"]
    shim = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    own_score = int(Path("/proc/self/oom_score_adj").read_text())
    status = Path(f"/proc/{own.pid}/status").read_text()
    able = int(status.partition("CapEff:\t")[2][:16], 16) >> SYS_RESOURCE & 1
    scores = [int(Path(f"/proc/{number}/oom_score_adj").read_text()) for number in (own.pid, shim, pid)]
    assert scores == ([-500, -998, 0] if able else [own_score, own_score, 0])
    lower = made.exec("sh", "-c", "echo -998 > /proc/self/oom_score_adj")
    assert lower[0] != 0, "a container cannot take what its shim has"


def test_a_users_namespace_does_not_inherit_the_shims_right_to_protection(
    own: Sampand, containers: Containers, image: str
) -> None:
    """Children may go back to the lowest score that who may has set; so it is set before that namespace."""
    made = containers.start(image, "sleep", "1000", host={"UsernsMode": "auto"})
    assert made.exec("sh", "-c", "echo -998 > /proc/self/oom_score_adj")[0] != 0
    assert made.exec("cat", "/proc/self/oom_score_adj")[1].strip() == "0"
    assert os.path.exists(f"/proc/{own.pid}")
