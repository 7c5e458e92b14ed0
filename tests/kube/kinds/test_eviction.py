"""What disruption budgets say of evictions."""

from typing import Any

import pytest

from sampan.kube.kinds.policy import eviction
from sampan.specs.kubernetes.status import StatusError

NOW = "2026-01-02T03:04:05Z"


def pod(phase: str = "Running", ready: str = "True", **metadata: Any) -> dict[str, Any]:
    conditions = [{"type": "Ready", "status": ready}]
    labels = {"app": "x"}
    return {
        "metadata": {"name": "p", "labels": labels, **metadata},
        "status": {"phase": phase, "conditions": conditions},
    }


def budget(allowed: int = 1, selector: Any = None, policy: str = "", **status: Any) -> dict[str, Any]:
    state = {"observedGeneration": 1, "disruptionsAllowed": allowed, "currentHealthy": 1, "desiredHealthy": 2}
    spec: dict[str, Any] = {"selector": {"matchLabels": {"app": "x"}} if selector is None else selector}
    if policy:
        spec["unhealthyPodEvictionPolicy"] = policy
    return {"metadata": {"name": "b", "generation": 1}, "spec": spec, "status": state | status}


@pytest.mark.parametrize(
    ("value", "free"),
    [
        (pod(), False),
        (pod("Pending"), True),
        (pod("Succeeded"), True),
        (pod("Failed"), True),
        (pod(deletionTimestamp=NOW), True),
    ],
)
def test_what_is_not_running_is_free(value: dict[str, Any], free: bool) -> None:
    assert eviction.is_free(value) is free


def test_two_budgets_are_too_many() -> None:
    with pytest.raises(StatusError) as caught:
        eviction.budget_of(pod(), [budget(), budget()])
    assert (caught.value.reason, caught.value.code) == ("", 500)


def test_an_empty_selector_selects_all() -> None:
    assert eviction.budget_of(pod(), [budget(selector={})]) is not None
    assert eviction.budget_of(pod(), [budget(selector={"matchLabels": {"app": "y"}})]) is None


@pytest.mark.parametrize(
    ("one", "of", "spared"),
    [
        (pod(), budget(policy="AlwaysAllow"), False),
        (pod(ready="False"), budget(policy="AlwaysAllow"), True),
        (pod(ready="False"), budget(), False),
        (pod(ready="False"), budget(currentHealthy=2), True),
        (pod(ready="False"), budget(currentHealthy=0, desiredHealthy=0), False),
    ],
)
def test_unready_pods_may_be_spared(one: Any, of: Any, spared: bool) -> None:
    assert eviction.spares(of, one) is spared


def test_a_budget_is_charged_and_then_exhausted() -> None:
    found = eviction.charged(budget(), "p", NOW)["status"]
    assert (found["disruptionsAllowed"], found["disruptedPods"]) == (0, {"p": NOW})
    assert found["conditions"][0]["reason"] == "InsufficientPods"
    assert "conditions" not in eviction.charged(budget(2), "p", NOW)["status"]


@pytest.mark.parametrize(
    ("value", "code", "text"),
    [
        (budget(0), 429, "The disruption budget b needs 2 healthy pods and has 1 currently"),
        (
            budget(observedGeneration=0),
            429,
            "The disruption budget b is still being processed by the server.",
        ),
        (budget(-1), 403, "pdb disruptions allowed is negative"),
        (budget(disruptedPods={str(at): NOW for at in range(2001)}), 403, "DisruptedPods map too big"),
    ],
)
def test_a_budget_refuses(value: Any, code: int, text: str) -> None:
    with pytest.raises(StatusError) as caught:
        eviction.charged(value, "p", NOW)
    assert caught.value.code == code
    assert text in caught.value.message + str(caught.value.details)
