"""What becomes of a recommendation."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan.kube.controllers.autoscaling.behavior import History, Outcome, normalized

NOW = 1000.0


def policy(kind: str, value: int, seconds: int = 60) -> dict[str, Any]:
    return {"type": kind, "value": value, "periodSeconds": seconds}


def rules(*policies: dict[str, Any], select: str = "Max", window: int = 0) -> dict[str, Any]:
    return {"policies": list(policies), "selectPolicy": select, "stabilizationWindowSeconds": window}


def told(outcome: Outcome) -> tuple[int, str, str]:
    return outcome.replicas, outcome.able.reason, outcome.limited.reason


@pytest.mark.parametrize(
    ("current", "wanted", "recent", "result"),
    [
        (3, 3, [], (3, "ReadyForNewScale", "DesiredWithinRange")),
        (3, 5, [], (5, "ReadyForNewScale", "DesiredWithinRange")),
        (1, 9, [], (4, "ReadyForNewScale", "ScaleUpLimit")),  # four at least
        (3, 9, [], (6, "ReadyForNewScale", "ScaleUpLimit")),  # or twice as many
        (9, 30, [], (10, "ReadyForNewScale", "TooManyReplicas")),
        (3, 1, [], (2, "ReadyForNewScale", "TooFewReplicas")),
        (6, 3, [(10.0, 6)], (6, "ScaleDownStabilized", "DesiredWithinRange")),
        (6, 3, [(299.0, 5)], (5, "ScaleDownStabilized", "DesiredWithinRange")),
        (6, 3, [(301.0, 6)], (3, "ReadyForNewScale", "DesiredWithinRange")),
    ],
)
def test_without_rules(
    current: int, wanted: int, recent: list[tuple[float, int]], result: tuple[int, str, str]
) -> None:
    history = History(tuple((NOW - ago, count) for ago, count in recent))
    assert told(normalized(history, current, wanted, 2, 10, None, NOW)) == result


FAST = rules(policy("Percent", 100, 15), policy("Pods", 4, 15))
SLOW = rules(policy("Percent", 10, 60))


@pytest.mark.parametrize(
    ("behavior", "current", "wanted", "history", "result"),
    [
        ({"scaleUp": FAST}, 3, 20, History(), (7, "ReadyForNewScale", "ScaleUpLimit")),
        ({"scaleUp": FAST}, 10, 15, History(), (15, "ReadyForNewScale", "DesiredWithinRange")),
        ({"scaleUp": FAST}, 90, 150, History(), (100, "ReadyForNewScale", "TooManyReplicas")),
        # What was added in the period counts.
        ({"scaleUp": FAST}, 7, 20, History(ups=((NOW - 5, 4),)), (7, "ReadyForNewScale", "ScaleUpLimit")),
        ({"scaleUp": FAST}, 7, 20, History(ups=((NOW - 15, 4),)), (14, "ReadyForNewScale", "ScaleUpLimit")),
        ({"scaleUp": rules(policy("Pods", 4), policy("Percent", 10), select="Min")}, 10, 20, History(), (11, "ReadyForNewScale", "ScaleUpLimit")),
        ({"scaleUp": rules(policy("Pods", 4), select="Disabled")}, 10, 20, History(), (10, "ReadyForNewScale", "ScaleUpLimit")),
        ({"scaleUp": rules(policy("Percent", 1))}, 3, 9, History(), (4, "ReadyForNewScale", "ScaleUpLimit")),
        ({"scaleUp": rules(policy("Pods", 9), window=60)}, 3, 9, History(((NOW - 30, 5),)), (5, "ScaleUpStabilized", "DesiredWithinRange")),
        ({"scaleDown": SLOW}, 20, 5, History(), (18, "ReadyForNewScale", "ScaleDownLimit")),
        ({"scaleDown": SLOW}, 18, 5, History(downs=((NOW - 30, 2),)), (18, "ReadyForNewScale", "ScaleDownLimit")),
        ({"scaleDown": rules(policy("Percent", 100))}, 20, 1, History(), (2, "ReadyForNewScale", "TooFewReplicas")),
        ({"scaleDown": rules(policy("Pods", 5), policy("Percent", 50), select="Min")}, 20, 2, History(), (15, "ReadyForNewScale", "ScaleDownLimit")),
        ({"scaleDown": rules(policy("Percent", 100), window=60)}, 20, 5, History(((NOW - 30, 12),)), (12, "ScaleDownStabilized", "DesiredWithinRange")),
        # Without a window of its own it looks back five minutes.
        ({"scaleDown": {"policies": [policy("Percent", 100)]}}, 20, 5, History(((NOW - 299, 20),)), (20, "ScaleDownStabilized", "DesiredWithinRange")),
    ],
)  # fmt: skip
def test_with_rules(
    behavior: dict[str, Any], current: int, wanted: int, history: History, result: tuple[int, str, str]
) -> None:
    assert told(normalized(history, current, wanted, 2, 100, behavior, NOW)) == result


def test_scaling_is_remembered_as_long_as_a_policy_asks() -> None:
    behavior = {"scaleUp": rules(policy("Pods", 4, 30)), "scaleDown": rules(policy("Pods", 1, 90))}
    history = History(ups=((NOW - 31, 1), (NOW - 30, 2)))
    assert history.scaled(3, 5, behavior, NOW).ups == ((NOW - 30, 2), (NOW, 2))
    assert history.scaled(5, 2, behavior, NOW).downs == ((NOW, 3),)
    assert history.scaled(3, 5, None, NOW) is history


dated = st.lists(st.tuples(st.floats(0.0, 999.0), st.integers(0, 20)), max_size=5).map(tuple)
policies = st.lists(
    st.builds(policy, st.sampled_from(["Pods", "Percent"]), st.integers(1, 200), st.integers(1, 600)),
    min_size=1,
    max_size=3,
)
some_rules = st.builds(
    lambda found, select, window: rules(*found, select=select, window=window),
    policies,
    st.sampled_from(["Max", "Min", "Disabled"]),
    st.integers(0, 600),
)
behaviors = st.one_of(st.none(), st.fixed_dictionaries({"scaleUp": some_rules, "scaleDown": some_rules}))


@given(
    st.builds(History, dated, dated, dated),
    st.integers(1, 20),
    st.integers(0, 60),
    st.integers(1, 10),
    st.integers(10, 20),
    behaviors,
)
def test_bounds_hold_and_no_rule_turns_the_direction(
    history: History, current: int, wanted: int, least: int, most: int, behavior: dict[str, Any] | None
) -> None:
    current = min(max(current, least), most)
    found = normalized(history, current, wanted, least, most, behavior, NOW)
    assert least <= found.replicas <= most
    if behavior is not None:
        assert (found.replicas - current) * (wanted - current) >= 0
    assert (NOW, wanted) in found.history.recommended
