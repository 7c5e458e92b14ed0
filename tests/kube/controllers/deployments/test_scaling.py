"""How the pods of a Deployment are shared out, with upstream's own examples."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan.kube.client.requests import Object
from sampan.kube.controllers.deployments.scaling import (
    bounds,
    is_scaled,
    max_unavailable,
    most,
    replicas_of_new,
    sizes,
)
from sampan.kube.controllers.deployments.sets import DESIRED, LARGEST, MAXIMUM
from sampan.kube.controllers.deployments.status import counted


def deployment(size: int, surge: int | str = 0, unavailable: int | str = 0, **status: int) -> Object:
    rolling = {"maxSurge": surge, "maxUnavailable": unavailable}
    strategy = {"type": "RollingUpdate", "rollingUpdate": rolling}
    return {"metadata": {"name": "d"}, "spec": {"replicas": size, "strategy": strategy}, "status": status}


def replica_set(age: int, size: int, desired: int = 0, maximum: int = 0, available: int = 0) -> Object:
    annotations = {DESIRED: str(desired), MAXIMUM: str(maximum)} if desired else {}
    stamp = f"2026-01-01T00:00:{59 - age:02d}Z"
    metadata = {"name": f"s{age}", "uid": f"{age}", "creationTimestamp": stamp, "annotations": annotations}
    return {"metadata": metadata, "spec": {"replicas": size}, "status": {"availableReplicas": available}}


@pytest.mark.parametrize(
    "surge, unavailable, size, wanted",
    [
        ("0%", "0%", 0, (0, 1)),
        ("39%", "39%", 10, (4, 3)),
        ("25%", "25%", 1, (1, 0)),
        ("25%", "25%", 2, (1, 0)),
        ("25%", "25%", 4, (1, 1)),
        (2, 5, 3, (2, 5)),
    ],
)
def test_surge_is_rounded_up_and_the_unavailable_down(
    surge: int | str, unavailable: int | str, size: int, wanted: tuple[int, int]
) -> None:
    assert bounds(deployment(size, surge, unavailable)) == wanted


def test_no_more_can_be_unavailable_than_there_are() -> None:
    assert max_unavailable(deployment(3, 0, 5)) == 3
    assert max_unavailable(deployment(0, 0, 5)) == 0
    assert max_unavailable({"spec": {"replicas": 3, "strategy": {"type": "Recreate"}}}) == 0
    assert most({"spec": {"replicas": 3, "strategy": {"type": "Recreate"}}}) == 3


@pytest.mark.parametrize(
    "size, surge, old, new, wanted",
    [
        (10, 0, 10, 0, 0),
        (10, 2, 10, 0, 2),
        (10, 2, 5, 0, 7),
        (10, 2, 10, 2, 2),
        (10, 2, 0, 5, 10),
        (5, 5, 0, 2, 5),
    ],
)
def test_the_new_set_gets_what_there_is_room_for(
    size: int, surge: int, old: int, new: int, wanted: int
) -> None:
    sets = [replica_set(1, old), replica_set(0, new)]
    assert replicas_of_new(deployment(size, surge, 1), sets, sets[1]) == wanted


@pytest.mark.parametrize(
    "what, size, surge, before, new, old, wanted",
    [
        ("normal scaling up", 12, 0, 10, 10, [], [12]),
        ("normal scaling down", 5, 0, 10, 10, [], [5]),
        ("proportionally up", 12, 0, 10, 5, [5], [6, 6]),
        ("proportionally down", 5, 0, 10, 5, [5], [3, 2]),
        ("up, and the largest gets the rest", 20, 0, 10, 1, [2, 7], [2, 4, 14]),
        ("to zero", 0, 0, 10, 6, [3, 1], [0, 0, 0]),
        ("from sets with a surge", 10, 0, 8, 5, [3], [6, 4]),
        ("up with a new surge", 10, 2, 5, 3, [3], [6, 6]),
        ("one active old set takes it all", 6, 0, 10, 0, [5, 0], [0, 6, 0]),
        ("none is active: the newest", 6, 0, 10, 0, [0], [6, 0]),
    ],
)
def test_sets_grow_and_shrink_by_their_shares(
    what: str, size: int, surge: int, before: int, new: int, old: list[int], wanted: list[int]
) -> None:
    maximum = before + surge if "new surge" not in what else before + 1
    first = replica_set(0, new, before, maximum)
    others = [replica_set(age, each, before, maximum) for age, each in enumerate(old, 1)]
    found = {one["metadata"]["name"]: count for one, count in sizes(deployment(size, surge), first, others)}
    for one, count in zip([first, *others], wanted, strict=True):
        assert found.get(one["metadata"]["name"], one["spec"]["replicas"]) == count, what


def test_a_saturated_new_set_ends_the_old_ones() -> None:
    new, old = replica_set(0, 5, 5, 5, available=5), replica_set(1, 2, 5, 5)
    assert sizes(deployment(5), new, [old]) == [(old, 0)]


def test_a_set_without_annotation_is_measured_by_the_deployments_own_count() -> None:
    sets = [replica_set(0, 5), replica_set(1, 5)]
    found = sizes(deployment(20, replicas=10), sets[0], sets[1:])
    assert sorted(count for _, count in found) == [10, 10]


@pytest.mark.parametrize("desired, wanted", [(5, False), (4, True), (0, False)])
def test_a_change_of_size_is_seen_by_the_sets_annotation(desired: int, wanted: bool) -> None:
    assert is_scaled(deployment(5), [replica_set(0, 3, desired, 9)]) is wanted
    assert not is_scaled(deployment(5), [replica_set(0, 0, 4, 9)])


@given(
    st.integers(0, 50),
    st.integers(0, 10),
    st.lists(st.integers(1, 40), min_size=2, max_size=6),
    st.integers(0, 20),
    st.one_of(st.just("right"), st.text(max_size=5), st.integers(-(10**12), 10**12).map(str)),
)
def test_shares_add_up_and_are_never_negative_whatever_annotations_say(
    size: int, surge: int, owned: list[int], room: int, maximum: str
) -> None:
    value = deployment(size, surge, replicas=sum(owned))
    sets = [replica_set(age, each, 1, sum(owned) + room) for age, each in enumerate(owned)]
    if maximum != "right":
        for one in sets:
            one["metadata"]["annotations"][MAXIMUM] = maximum
    found = sizes(value, sets[0], sets[1:])
    assert all(count >= 0 for _, count in found)
    assert len(found) == len(sets)
    if maximum == "right":
        assert sum(count for _, count in found) == (most(value) if size else 0)


def test_nothing_grows_beyond_what_the_api_can_count() -> None:
    """Two billion pods and a surge of a quarter more: upstream's numbers wrap, and ours would be refused."""
    huge = deployment(LARGEST, "25%")
    assert most(huge) == LARGEST
    sets = [
        {"metadata": {"name": name, "creationTimestamp": ""}, "spec": {"replicas": LARGEST}, "status": {}}
        for name in "ab"
    ]
    assert all(0 <= size <= LARGEST for _, size in sizes(huge, sets[0], sets[1:]))
    told = counted(huge, sets[1:], sets[0], 0.0)
    assert told["unavailableReplicas"] == LARGEST
