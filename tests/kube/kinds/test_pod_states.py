"""What kubectl shows of pods: states, restarts, readiness."""

from typing import Any

import pytest

from sampan.kube.kinds.core.pod import RESOURCE, grace
from sampan.kube.kinds.core.podtable import cells

NOW = 1767323045.0  # 2026-01-02T03:04:05Z
RUNNING = {"running": {"startedAt": "2026-01-02T03:00:00Z"}}


def waiting(reason: str) -> dict[str, Any]:
    return {"waiting": {"reason": reason}}


def ended(code: int, reason: str = "", **more: Any) -> dict[str, Any]:
    return {"terminated": {"exitCode": code, "reason": reason, **more}}


def container(state: dict[str, Any], ready: bool = False, **more: Any) -> dict[str, Any]:
    return {"name": "c", "ready": ready, "restartCount": 0, "state": state, **more}


def pod(phase: str, *containers: Any, inits: Any = (), **more: Any) -> dict[str, Any]:
    spec: dict[str, Any] = {"containers": [{"name": "c"} for _ in containers or (1,)]}
    if inits:
        spec["initContainers"] = [{"name": f"i{at}"} for at in range(len(inits))]
    status: dict[str, Any] = {"phase": phase, "containerStatuses": list(containers)}
    if inits:
        status["initContainerStatuses"] = [one | {"name": f"i{at}"} for at, one in enumerate(inits)]
    status |= more.pop("status", {})
    metadata = {"name": "p", "creationTimestamp": "2026-01-02T03:00:05Z"} | more.pop("metadata", {})
    return {"metadata": metadata, "spec": spec | more, "status": status}


READY = {"conditions": [{"type": "Ready", "status": "True"}]}
GATED = {"conditions": [{"type": "PodScheduled", "status": "False", "reason": "SchedulingGated"}]}


@pytest.mark.parametrize(
    ("value", "ready", "state"),
    [
        (pod("Pending"), "0/1", "Pending"),
        (pod("Pending", status=GATED), "0/1", "SchedulingGated"),
        (pod("Running", container(RUNNING, True), status=READY), "1/1", "Running"),
        (pod("Pending", container(waiting("ContainerCreating"))), "0/1", "ContainerCreating"),
        (pod("Running", container(waiting("CrashLoopBackOff"))), "0/1", "CrashLoopBackOff"),
        (pod("Succeeded", container(ended(0, "Completed"))), "0/1", "Completed"),
        (pod("Failed", container(ended(2, "Error"))), "0/1", "Error"),
        (pod("Failed", container(ended(2))), "0/1", "ExitCode:2"),
        (pod("Failed", container(ended(137, signal=9))), "0/1", "Signal:9"),
        (pod("Failed", status={"reason": "Evicted"}), "0/1", "Evicted"),
        (pod("Pending", inits=[container(waiting("PodInitializing"))]), "0/1", "Init:0/1"),
        (pod("Pending", inits=[container(ended(1, "Error"))]), "0/1", "Init:Error"),
        (
            pod("Pending", inits=[container(ended(0, "Completed")), container(waiting("ImagePullBackOff"))]),
            "0/1",
            "Init:ImagePullBackOff",
        ),
        (
            pod("Running", container(ended(0, "Completed")), container(RUNNING, True), status=READY),
            "1/2",
            "Running",
        ),
        (pod("Running", container(ended(0, "Completed")), container(RUNNING, True)), "1/2", "NotReady"),
        (
            pod("Running", container(RUNNING, True), metadata={"deletionTimestamp": "2026-01-02T03:04:00Z"}),
            "1/1",
            "Terminating",
        ),
        (
            pod(
                "Running",
                metadata={"deletionTimestamp": "2026-01-02T03:04:00Z"},
                status={"reason": "NodeLost"},
            ),
            "0/1",
            "Unknown",
        ),
    ],
)
def test_states(value: dict[str, Any], ready: str, state: str) -> None:
    assert cells(value, NOW)[:2] == [ready, state]


def test_restarts_say_when_the_last_was() -> None:
    last = {"terminated": {"exitCode": 1, "finishedAt": "2026-01-02T02:59:05Z"}}
    value = pod("Running", container(RUNNING, True, restartCount=3, lastState=last), status=READY)
    assert cells(value, NOW)[2:4] == ["3 (5m ago)", "4m"]


@pytest.mark.parametrize(
    ("spec", "phase", "asked", "seconds"),
    [
        ({"nodeName": "n", "terminationGracePeriodSeconds": 30}, "Running", None, 30),
        ({"nodeName": "n", "terminationGracePeriodSeconds": 30}, "Running", 5, 5),
        ({"nodeName": "n", "terminationGracePeriodSeconds": 30}, "Running", 0, 0),
        ({"nodeName": "n", "terminationGracePeriodSeconds": -4}, "Running", None, 1),
        ({"terminationGracePeriodSeconds": 30}, "Pending", None, 0),
        ({"nodeName": "n", "terminationGracePeriodSeconds": 30}, "Succeeded", 5, 0),
    ],
)
def test_grace(spec: dict[str, Any], phase: str, asked: int | None, seconds: int) -> None:
    assert grace({"spec": spec, "status": {"phase": phase}}, asked) == seconds


def test_selects_by_what_is_there() -> None:
    value = {"spec": {"nodeName": "n"}, "status": {"podIPs": [{"ip": "10.0.0.1"}], "podIP": "10.0.0.1"}}
    found = {name: of(value) for name, of in RESOURCE.selectable.items()}
    assert found["spec.nodeName"] == "n"
    assert found["status.podIP"] == "10.0.0.1"
    assert found["spec.hostNetwork"] == "false"
    assert found["status.phase"] == ""
