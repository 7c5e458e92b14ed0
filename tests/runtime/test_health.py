"""Health checks run by the shim, by Docker's rules."""

from pathlib import Path
from typing import Any

import pytest

from sampan.runtime.client import read_status
from sampan.runtime.health import Capture
from tests.runtime.rig import Rig, Running, process, spec, until
from tests.runtime.test_exec import execute

MS = 1_000_000


def check(script: str, **fields: Any) -> dict[str, Any]:
    plain = {
        "args": ["sh", "-c", script],
        "interval": 50 * MS,
        "timeout": 10_000 * MS,
        "start_period": 0,
        "start_interval": 20 * MS,
        "retries": 3,
        "process": process("unused"),
    }
    return {**plain, **fields}


def verdicts(running: Running) -> list[dict[str, Any]]:
    return [event for event in running.events if event["event"] == "health"]


@pytest.mark.root
async def test_a_passing_check_makes_the_container_healthy(rig: Rig) -> None:
    running = await rig.start(spec(process("sleep", "1000")), healthcheck=check("echo fine"))
    first = read_status(running.paths)
    assert first is not None and first["health"] == {"Status": "starting", "FailingStreak": 0, "Log": []}
    event = await running.event("health")
    assert event["health"]["Status"] == "healthy"
    entry = event["health"]["Log"][0]
    assert (entry["ExitCode"], entry["Output"]) == (0, "fine\n")
    assert entry["Start"] < entry["End"]
    assert (read_status(running.paths) or {})["health"]["Status"] == "healthy"


@pytest.mark.root
async def test_it_takes_retries_failures_in_a_row_to_be_unhealthy_and_one_pass_to_recover(rig: Rig) -> None:
    running = await rig.start(spec(process("sleep", "1000")), healthcheck=check("test -e /ok"))
    await until(lambda: len(verdicts(running)) >= 4, "four probes")
    states = [(e["health"]["FailingStreak"], e["health"]["Status"]) for e in verdicts(running)[:4]]
    assert states == [(1, "starting"), (2, "starting"), (3, "unhealthy"), (4, "unhealthy")]
    await execute(running, "touch", None, process("touch", "/ok"))

    def healthy() -> bool:
        return verdicts(running)[-1].get("health", {}).get("Status") == "healthy"

    await until(healthy, "recovery")
    assert verdicts(running)[-1]["health"]["FailingStreak"] == 0
    assert len(verdicts(running)[-1]["health"]["Log"]) == 5


@pytest.mark.root
async def test_failures_in_the_start_period_do_not_count(rig: Rig) -> None:
    running = await rig.start(
        spec(process("sleep", "1000")), healthcheck=check("exit 1", start_period=100_000 * MS, retries=1)
    )
    await until(lambda: len(verdicts(running)) >= 3, "three probes")
    assert {(e["health"]["FailingStreak"], e["health"]["Status"]) for e in verdicts(running)} == {
        (0, "starting")
    }


@pytest.mark.root
async def test_a_probe_that_takes_too_long_is_killed(rig: Rig) -> None:
    running = await rig.start(
        spec(process("sleep", "1000")),
        healthcheck=check("echo slow; sleep 100", timeout=300 * MS, retries=1),
    )
    event = await running.event("health")
    assert event["health"]["Status"] == "unhealthy"
    entry = event["health"]["Log"][0]
    assert (entry["ExitCode"], entry["Output"]) == (-1, "Health check exceeded timeout (300ms): slow\n")


@pytest.mark.root
async def test_a_probe_that_cannot_start_says_why(rig: Rig) -> None:
    running = await rig.start(spec(process("sleep", "1000")), healthcheck=check("", args=["nope"], retries=1))
    entry = (await running.event("health"))["health"]["Log"][0]
    assert entry["ExitCode"] == -1
    assert entry["Output"].startswith(
        "OCI runtime exec failed: exec failed: unable to start container process: "
    )


@pytest.mark.root
async def test_checks_end_with_the_container(rig: Rig) -> None:
    running = await rig.start(spec(process("sleep", "1000")), healthcheck=check("exec sleep 2000"))
    await until(lambda: b"sleep\x002000\x00" in commands(running.paths.id), "a probe")
    await running.shim.kill(9)
    await running.exit()
    assert not any(event["event"] == "health" for event in running.events)


def commands(id: str) -> list[bytes]:
    """Command lines in the container's cgroup."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdecimal() and id in (entry / "cgroup").read_text():
                found.append((entry / "cmdline").read_bytes())
        except OSError:
            continue
    return found


def test_output_is_kept_to_4096_bytes() -> None:
    capture = Capture()
    for _ in range(50):
        capture.write(1, b"x" * 100)
    assert str(capture) == "x" * 4096 + "..."
