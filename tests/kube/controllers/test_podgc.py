"""Which pods are taken away by whom nobody else would, and what is told before."""

from typing import Any

from sampan.kube.client.requests import Object
from sampan.kube.controllers.podgc import orphaned, out_of_service, surplus, unscheduled
from sampan.kube.controllers.removal import Removal, status_patch

NOW = 1_800_000_000.0  # 2027-01-15T08:00:00Z
GOING = {"deletionTimestamp": "2027-01-15T07:00:00Z"}


def pod(name: str, phase: str = "Running", node: str = "", reason: str = "", **metadata: Any) -> Object:
    status = {"phase": phase, "reason": reason} if reason else {"phase": phase}
    found = {"name": name, "namespace": "d", "uid": name, **metadata}
    return {"metadata": found, "spec": {"nodeName": node} if node else {}, "status": status}


def names(removals: list[Removal]) -> list[str]:
    return [one.pod["metadata"]["name"] for one in removals]


def test_evicted_ones_go_first_then_the_oldest() -> None:
    pods = [
        pod("young", "Succeeded", creationTimestamp="2027-01-15T07:30:00Z"),
        pod("old-b", "Failed", creationTimestamp="2027-01-15T07:00:00Z"),
        pod("old-a", "Succeeded", creationTimestamp="2027-01-15T07:00:00Z"),
        pod("evicted", "Failed", reason="Evicted", creationTimestamp="2027-01-15T07:59:00Z"),
        *(pod(name, name) for name in ("Running", "Pending", "Unknown")),
    ]
    assert names(surplus(pods, 1)) == ["evicted", "old-a", "old-b"]
    assert names(surplus(pods, 4)) == names(surplus(pods, 0)) == []


def test_only_nodes_out_of_service_and_not_ready_are_cleared() -> None:
    def node(ready: str, key: str) -> Object:
        taints = [{"key": key, "effect": "NoExecute"}]
        return {"spec": {"taints": taints}, "status": {"conditions": [{"type": "Ready", "status": ready}]}}

    mark = "node.kubernetes.io/out-of-service"
    nodes = {"dead": node("Unknown", mark), "back": node("True", mark), "away": node("False", "other")}
    pods = [pod(f"{name}-{going}", node=name, **GOING if going else {}) for name in nodes for going in (0, 1)]
    assert names(out_of_service(pods, nodes)) == ["dead-1"]


def test_pods_without_a_node() -> None:
    pods = [pod("waiting"), pod("going", **GOING), pod("elsewhere", node="n", **GOING), pod("lost", node="x")]
    assert names(unscheduled(pods)) == ["going"]
    assert names(orphaned(pods, {"x"})) == ["lost"]


def test_what_is_told_before_a_pod_goes() -> None:
    lost = orphaned([pod("lost", node="x", generation=3)], {"x"})[0]
    assert (lost.grace, status_patch(lost, NOW)) == (
        0,
        {
            "metadata": {"uid": "lost"},
            "status": {
                "phase": "Failed",
                "conditions": [
                    {
                        "type": "DisruptionTarget",
                        "status": "True",
                        "reason": "DeletionByPodGC",
                        "message": "PodGC: node no longer exists",
                        "observedGeneration": 3,
                        "lastTransitionTime": "2027-01-15T08:00:00Z",
                    }
                ],
            },
        },
    )
    assert status_patch(Removal(pod("done", "Succeeded"), "R", "m", failed=True), NOW) is None
    assert status_patch(Removal(pod("p"), failed=True), NOW) == {
        "metadata": {"uid": "p"},
        "status": {"phase": "Failed"},
    }


def test_what_has_been_told_is_not_told_again() -> None:
    value = pod("p", generation=1)
    told = status_patch(Removal(value, "R", "m"), NOW)
    assert told is not None
    value["status"]["conditions"] = told["status"]["conditions"]
    assert status_patch(Removal(value, "R", "m"), NOW + 60) is None
    again = status_patch(Removal(value, "Other", "m"), NOW + 60)
    assert (
        again is not None and again["status"]["conditions"][0]["lastTransitionTime"] == "2027-01-15T08:00:00Z"
    )
