"""Names, numbers and labels of a StatefulSet's pods."""

import pytest

from sampan.kube.controllers.statefulsets.identity import (
    corrected,
    has_its_storage,
    is_claim_of,
    is_itself,
    new_pod,
    parent_and_ordinal,
)
from tests.kube.controllers.statefulsets.sets import pod, stateful_set


@pytest.mark.parametrize(
    ("name", "parent", "number"),
    [
        ("w-0", "w", 0),
        ("a-1-23", "a-1", 23),
        ("w", "", -1),
        ("w-", "", -1),
        ("w-x", "", -1),
        ("w-007", "w", 7),
        ("w-2147483647", "w", 2147483647),
        ("w-2147483648", "w", -1),
        ("w-99999999999999999999", "w", -1),
    ],
)
def test_a_name_says_whose_and_which_a_pod_is(name: str, parent: str, number: int) -> None:
    assert parent_and_ordinal(name) == (parent, number)


def test_a_new_pod_has_a_name_of_its_own() -> None:
    owner = stateful_set()
    found = new_pod(owner, owner["spec"]["template"], "w-new", 4)
    metadata = found["metadata"]
    assert (metadata["name"], metadata["generateName"], metadata["namespace"]) == ("w-4", "w-", "n")
    assert metadata["labels"] == {
        "app": "x",
        "controller-revision-hash": "w-new",
        "statefulset.kubernetes.io/pod-name": "w-4",
        "apps.kubernetes.io/pod-index": "4",
    }
    assert found["spec"] == {"v": "w-new", "hostname": "w-4", "subdomain": "svc"}
    assert "hostname" not in owner["spec"]["template"]["spec"]  # the set is not changed


@pytest.mark.parametrize(
    ("claim", "ours"),
    [("data-w-0", True), ("data-w-17", True), ("other-w-0", False), ("data-v-0", False), ("data-w-x", False)],
)
def test_claims_are_known_by_their_names(claim: str, ours: bool) -> None:
    owner = stateful_set(volumeClaimTemplates=[{"metadata": {"name": "data"}, "spec": {}}])
    assert is_claim_of(owner, claim) is ours


def test_a_pod_is_put_right() -> None:
    owner = stateful_set(volumeClaimTemplates=[{"metadata": {"name": "data"}, "spec": {}}])
    wrong = pod(owner, 1)
    del wrong["metadata"]["labels"]["statefulset.kubernetes.io/pod-name"]
    wrong["spec"]["volumes"] = [{"name": "data", "emptyDir": {}}, {"name": "other", "emptyDir": {}}]
    assert not is_itself(wrong) and not has_its_storage(owner, wrong)
    right = corrected(owner, wrong)
    assert is_itself(right) and has_its_storage(owner, right)
    assert [one["name"] for one in right["spec"]["volumes"]] == ["data", "other"]
