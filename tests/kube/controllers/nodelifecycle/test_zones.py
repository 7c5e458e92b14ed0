"""How fast zones are emptied."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan.kube.client.requests import Object
from sampan.kube.controllers.nodelifecycle.zones import (
    FULL,
    INITIAL,
    NORMAL,
    PARTIAL,
    Bucket,
    Change,
    Rates,
    judge,
    rate_of,
    state_of,
    zone_of,
)

RATES = Rates()


def nodes(ready: int, away: int) -> list[bool]:
    return [True] * ready + [False] * away


@pytest.mark.parametrize(
    ("zone", "state"),
    [
        (nodes(0, 0), NORMAL),
        (nodes(5, 0), NORMAL),
        (nodes(1, 2), NORMAL),  # two are not many, whatever their part
        (nodes(2, 3), PARTIAL),
        (nodes(5, 6), NORMAL),  # 54.5 %
        (nodes(45, 55), PARTIAL),  # 55 %
        (nodes(0, 1), FULL),
    ],
)
def test_the_state_of_a_zone(zone: list[bool], state: str) -> None:
    assert state_of(zone, RATES) == state


def test_small_disrupted_zones_are_left_in_peace() -> None:
    assert rate_of(PARTIAL, 50, RATES) == 0
    assert rate_of(PARTIAL, 51, RATES) == 0.01
    assert rate_of(FULL, 3, RATES) == rate_of(NORMAL, 3, RATES) == 0.1


def test_zones_by_labels() -> None:
    def labelled(**labels: str) -> Object:
        names = {name.replace("_", "."): value for name, value in labels.items()}
        return {"metadata": {"labels": {f"topology.kubernetes.io/{k}": v for k, v in names.items()}}}

    assert zone_of({"metadata": {}}) == ""
    assert zone_of(labelled(zone="a")) != zone_of(labelled(region="a"))
    assert zone_of(labelled(zone="a", region="r")) == zone_of(labelled(region="r", zone="a"))


def test_when_all_is_away_nobody_is_evicted() -> None:
    assert judge({"": INITIAL}, {"": nodes(0, 2)}, RATES) == Change({"": FULL}, {"": 0.0}, entering=True)
    assert judge({"": FULL}, {"": nodes(0, 2)}, RATES) == Change({"": FULL}, {})
    back = judge({"a": FULL, "b": FULL}, {"a": nodes(1, 1), "b": nodes(0, 1)}, RATES)
    assert back == Change({"a": NORMAL, "b": FULL}, {"a": 0.1, "b": 0.1}, leaving=True)
    assert judge({}, {}, RATES) == Change({}, {})


def test_rates_change_with_states_only() -> None:
    assert judge({"": NORMAL}, {"": nodes(9, 1)}, RATES) == Change({"": NORMAL}, {})
    assert judge({"": NORMAL}, {"": nodes(20, 40)}, RATES) == Change({"": PARTIAL}, {"": 0.01})


def test_a_bucket_lets_one_pass_then_waits() -> None:
    bucket = Bucket(0.1)
    assert bucket.take(0) and not bucket.take(0)
    assert bucket.wait(4) == pytest.approx(6)
    assert bucket.take(10)
    bucket.change(0, 10)
    assert bucket.wait(1000) is None and not bucket.take(1000)
    bucket.change(1, 1000)
    assert not bucket.take(1000), "who waited goes on waiting"
    assert bucket.take(1001)


@given(st.lists(st.floats(0, 20), min_size=1, max_size=40), st.sampled_from([0.1, 0.01, 1.0]))
def test_never_more_than_the_rate(pauses: list[float], rate: float) -> None:
    bucket, now, passed = Bucket(rate), 0.0, 0
    for pause in pauses:
        now += pause
        passed += bucket.take(now)
        assert passed <= 1 + now * rate + 1e-6
