"""The claims of pods, and whose they are."""

from typing import Any

import pytest

from sampan.kube.client.requests import Object
from sampan.kube.controllers.claims import owner_reference
from sampan.kube.controllers.statefulsets.plan import plan
from sampan.kube.controllers.statefulsets.storage import claims_of, disowned, is_stale
from tests.kube.controllers.statefulsets.sets import pod, stateful_set, view

TEMPLATE = {
    "metadata": {"name": "data", "labels": {"a": "b", "app": "other"}},
    "spec": {"accessModes": ["ReadWriteOnce"]},
    "status": {"phase": "Pending"},
}


def owner_of(replicas: int = 1, deleted: str = "Retain", scaled: str = "Retain") -> Object:
    policy = {"whenDeleted": deleted, "whenScaled": scaled}
    return stateful_set(
        replicas, volumeClaimTemplates=[TEMPLATE], persistentVolumeClaimRetentionPolicy=policy
    )


def claim(number: int, *owners: Object) -> Object:
    return {"metadata": {"name": f"data-w-{number}", "namespace": "n", "ownerReferences": list(owners)}}


def refers(kind: str, uid: str, controller: bool = True, name: str = "w") -> Object:
    version = "apps/v1" if kind == "StatefulSet" else "v1"
    value: dict[str, Any] = {"apiVersion": version, "kind": kind, "metadata": {"name": name, "uid": uid}}
    return {**owner_reference(value), "controller": controller}


SET = refers("StatefulSet", "set")
POD = refers("Pod", "pod-0", name="w-0")
POD_5 = refers("Pod", "pod-5", name="w-5")
OTHER = refers("Database", "db", name="db")


def test_a_claim_is_made_for_each_pod() -> None:
    found = claims_of(owner_of(), 3)
    assert found == [
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": "data-w-3", "namespace": "n", "labels": {"a": "b", "app": "x"}},
            "spec": {"accessModes": ["ReadWriteOnce"]},
        }
    ]
    step = plan(view(owner_of(), [])).stages[0][0]
    assert [one["metadata"]["name"] for one in step.claims] == ["data-w-0"]
    assert step.pod["spec"]["volumes"] == [
        {"name": "data", "persistentVolumeClaim": {"claimName": "data-w-0"}}
    ]
    assert plan(view(owner_of(), [], [claim(0)])).stages[0][0].claims == ()


@pytest.mark.parametrize(
    ("deleted", "scaled", "number", "before", "after"),
    [
        ("Retain", "Retain", 0, [], None),
        ("Retain", "Retain", 0, [SET], []),
        ("Delete", "Retain", 0, [], [SET]),
        ("Delete", "Retain", 5, [], [SET]),
        ("Delete", "Retain", 0, [SET], None),
        ("Retain", "Delete", 0, [], None),
        ("Retain", "Delete", 5, [], [POD_5]),
        ("Delete", "Delete", 0, [POD], [SET]),  # scaled up again
        ("Delete", "Delete", 5, [SET], [POD_5]),
        ("Delete", "Delete", 5, [POD_5], None),
        ("Delete", "Retain", 0, [OTHER], None),  # somebody else's
        ("Delete", "Retain", 0, [OTHER, SET], [OTHER]),
        ("Retain", "Retain", 0, [OTHER], None),
        ("Delete", "Retain", 0, [{**SET, "controller": False}], [SET]),
        ("Delete", "Delete", 0, [refers("StatefulSet", "before")], None),  # of a set before this one
        ("Delete", "Delete", 5, [refers("Pod", "before", name="w-5")], None),
    ],
)
def test_who_owns_a_claim(
    deleted: str, scaled: str, number: int, before: list[Object], after: list[Object] | None
) -> None:
    owner = owner_of(1, deleted, scaled)
    found = disowned(owner, pod(owner, number), {f"data-w-{number}": claim(number, *before)})
    assert [owners for _, owners in found] == ([] if after is None else [after])


def test_a_pod_waits_until_claims_have_gone_with_the_one_before() -> None:
    owner = owner_of(1, scaled="Delete")
    old = claim(0, refers("Pod", "before", name="w-0"))
    assert is_stale(owner, 0, {"data-w-0": old})
    found = plan(view(owner, [], [old]))
    assert (found.stages, found.waits) == (
        (),
        "the claims of w-0 are still being deleted with the pod before it",
    )
    assert not is_stale(owner_of(1), 0, {"data-w-0": old})


def test_claims_on_their_way_out_must_go_first() -> None:
    old = claim(0)
    old["metadata"]["deletionTimestamp"] = "2027-01-01T00:00:00Z"
    assert plan(view(owner_of(), [], [old])).stages[0][0].leaving == ("data-w-0",)


def test_a_pod_that_has_not_started_gets_the_claims_that_it_lacks() -> None:
    owner = owner_of()
    assert [
        len(one.claims) for stage in plan(view(owner, [pod(owner, 0, "pending")])).stages for one in stage
    ] == [1]
    assert plan(view(owner, [pod(owner, 0, "running")])).stages == ()
