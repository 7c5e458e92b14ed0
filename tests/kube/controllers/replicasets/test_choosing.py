"""How many pods a set makes and which it deletes."""

import pytest

from sampan.kube.client.requests import Object
from sampan.kube.controllers.replicasets.choosing import to_create, to_delete

NOW = 1_800_000_000.0
OLD, YOUNG = "2026-01-01T00:00:00Z", "2027-01-15T07:59:00Z"


def replica_set(replicas: int | None) -> Object:
    return {"spec": {"replicas": replicas}}


def pod(
    name: str,
    *,
    node: str = "n",
    phase: str = "Running",
    ready: str | None = OLD,
    cost: str | None = None,
    restarts: int = 0,
    created: str = OLD,
) -> Object:
    conditions = [{"type": "Ready", "status": "True", "lastTransitionTime": ready}] if ready else []
    annotations = {"controller.kubernetes.io/pod-deletion-cost": cost} if cost is not None else {}
    return {
        "metadata": {"name": name, "uid": name, "creationTimestamp": created, "annotations": annotations},
        "spec": {"nodeName": node},
        "status": {
            "phase": phase,
            "conditions": conditions,
            "containerStatuses": [{"name": "c", "restartCount": restarts}],
        },
    }


@pytest.mark.parametrize(
    "replicas, active, wanted",
    [(3, 0, 3), (3, 3, 0), (3, 5, 0), (0, 0, 0), (None, 0, 1), (2000, 0, 500), (2000, 1800, 200)],
)
def test_pods_are_made_up_to_the_number_and_500_at_a_time(
    replicas: int | None, active: int, wanted: int
) -> None:
    assert to_create(replica_set(replicas), [pod("p")] * active) == wanted


@pytest.mark.parametrize(
    "why, goes",
    [
        ("it has no node", pod("x", node="")),
        ("it is pending", pod("x", phase="Pending")),
        ("it is not ready", pod("x", ready=None)),
        ("its cost is low", pod("x", cost="-5")),
        ("it is ready for a short time only", pod("x", ready=YOUNG)),
        ("its containers were restarted", pod("x", restarts=3)),
        ("it is young", pod("x", created=YOUNG)),
    ],
)
def test_what_is_missed_least_goes_first(why: str, goes: Object) -> None:
    stays = [pod("a"), pod("b")]
    assert to_delete(replica_set(2), [stays[0], goes, stays[1]], [], NOW) == [goes], why


def test_a_low_cost_counts_more_than_a_short_time() -> None:
    cheap, young = pod("cheap", cost="-1"), pod("young", ready=YOUNG)
    assert to_delete(replica_set(1), [young, cheap], [], NOW) == [cheap]


def test_a_cost_that_is_no_number_is_none() -> None:
    odd, cheap = pod("odd", cost="-99999999999999"), pod("cheap", cost="-1")
    assert to_delete(replica_set(1), [odd, cheap], [], NOW) == [cheap]


def test_where_related_pods_double_up_one_goes_first() -> None:
    alone, doubled = pod("alone", node="one"), pod("doubled", node="two")
    related = [alone, doubled, pod("other", node="two")]
    assert to_delete(replica_set(1), [alone, doubled], related, NOW) == [doubled]


def test_all_go_without_being_sorted() -> None:
    those = [pod("b"), pod("a")]
    assert to_delete(replica_set(0), those, [], NOW) == those
    assert to_delete(replica_set(2), those, [], NOW) == []
