"""When pods have to leave tainted nodes."""

from typing import Any

import pytest

from sampan.kube.client.requests import Object
from sampan.kube.controllers.tainteviction import aged, eviction

NOW = 1_800_000_000.0  # 2027-01-15T08:00:00Z
TAINT = {"key": "node.kubernetes.io/not-ready", "effect": "NoExecute"}
OTHER = {"key": "example.com/other", "effect": "NoExecute"}


def pod(*tolerations: Object, created: str = "2027-01-15T07:00:00Z", bound: str = "") -> Object:
    told = {"type": "PodScheduled", "status": "True", "lastTransitionTime": bound}
    return {
        "metadata": {"name": "p", "creationTimestamp": created},
        "spec": {"tolerations": list(tolerations)},
        "status": {"conditions": [told] if bound else []},
    }


def tolerating(seconds: int | None, taint: Object = TAINT) -> Object:
    found: dict[str, Any] = {"key": taint["key"], "operator": "Exists", "effect": "NoExecute"}
    return found if seconds is None else {**found, "tolerationSeconds": seconds}


@pytest.mark.parametrize(
    ("value", "taints", "due"),
    [
        (pod(), [], None),
        (pod(), [(TAINT, NOW - 5)], NOW),
        (pod(tolerating(None)), [(TAINT, NOW - 5)], None),
        (pod(tolerating(None)), [(TAINT, NOW - 5), (OTHER, NOW)], NOW),
        (pod(tolerating(300)), [(TAINT, NOW - 5)], NOW + 295),
        (pod(tolerating(0)), [(TAINT, NOW - 5)], NOW),
        (pod(tolerating(-1)), [(TAINT, NOW - 5)], NOW),
        (pod(tolerating(10)), [(TAINT, NOW - 50)], NOW - 40),
        (pod(tolerating(300), tolerating(60, OTHER)), [(TAINT, NOW - 5), (OTHER, NOW)], NOW + 60),
        # It came after the taint.
        (pod(tolerating(300), created="2027-01-15T08:00:00Z"), [(TAINT, NOW - 900)], NOW + 300),
        (pod(tolerating(300), bound="2027-01-15T07:59:50Z"), [(TAINT, NOW - 900)], NOW + 290),
        ({"metadata": {"name": "odd"}}, [(TAINT, NOW)], NOW),
    ],
)
def test_when_a_pod_leaves(value: Object, taints: list[tuple[Object, float]], due: float | None) -> None:
    assert eviction(value, taints, NOW) == due


def test_a_taints_age_outlives_a_restart() -> None:
    def node(*taints: Object) -> Object:
        return {"metadata": {"name": "n"}, "spec": {"taints": list(taints)}}

    old = {**TAINT, "timeAdded": "2027-01-15T07:50:00Z"}
    new = {**TAINT, "timeAdded": "2027-01-15T08:00:00Z"}
    scheduling = {"key": "k", "effect": "NoSchedule"}
    assert aged(node(old, scheduling), [], NOW) == [(old, NOW - 600)]
    assert aged(node(new), [], NOW + 0.7) == [(new, NOW + 0.7)], "observed, and so known to the fraction"
    assert aged(node(OTHER), [], NOW) == [(OTHER, NOW)]
    assert aged(node(OTHER, new), [(OTHER, NOW - 30)], NOW) == [(OTHER, NOW - 30), (new, NOW)]
    assert aged(node({**TAINT, "timeAdded": "never"}), [], NOW)[0][1] == NOW
    assert aged({"metadata": {"name": "bare"}}, [(OTHER, 1)], NOW) == []
