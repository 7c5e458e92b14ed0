"""Slices are written as little as can be, and hold exactly what is wanted."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan.kube.client.requests import Object
from sampan.kube.controllers.endpointslices.hints import near
from sampan.kube.controllers.endpointslices.members import in_order, ports_key
from sampan.kube.controllers.endpointslices.plan import (
    MANAGED_BY,
    SERVICE,
    Member,
    Plan,
    Template,
    identity,
    plan,
    prefix,
)

LABELS = {SERVICE: "web", MANAGED_BY: "test"}
OWNER = {"apiVersion": "v1", "kind": "Service", "name": "web", "uid": "s", "controller": True}
TEMPLATE = Template(OWNER, "d", "web", LABELS, "IPv4")
HTTP: list[Object] = [{"name": "http", "protocol": "TCP", "port": 80}]
OTHER: list[Object] = [{"name": "http", "protocol": "TCP", "port": 8080}]


def endpoint(number: int, ready: bool = True, **more: Any) -> Object:
    return {
        "addresses": [f"10.0.{number // 250}.{number % 250}"],
        "conditions": {"ready": ready, "serving": ready, "terminating": False},
        "targetRef": {"kind": "Pod", "namespace": "d", "name": f"p{number}", "uid": f"u{number}"},
        **more,
    }


def members(*numbers: int, ports: list[Object] = HTTP, ready: bool = True) -> list[Member]:
    return [(ports, endpoint(number, ready)) for number in numbers]


def stored(name: str, *numbers: int, ports: list[Object] = HTTP, **metadata: Any) -> Object:
    value = TEMPLATE.slice(ports, [endpoint(number) for number in numbers])
    value["metadata"] |= {"name": name, "resourceVersion": "1", "uid": name, **metadata}
    return value


def numbers(value: Object) -> list[int]:
    return sorted(int(one["targetRef"]["name"][1:]) for one in value["endpoints"] or ())


def shown(found: Plan) -> tuple[list[list[int]], dict[str, list[int]], list[str]]:
    """What is created, updated and deleted."""
    updated = {value["metadata"]["name"]: numbers(value) for value in found.update}
    return (
        sorted(numbers(value) for value in found.create),
        updated,
        sorted(value["metadata"]["name"] for value in found.delete),
    )


def test_without_pods_there_is_one_empty_slice() -> None:
    found = plan(TEMPLATE, [], [])
    assert shown(found) == ([[]], {}, [])
    assert (found.create[0]["endpoints"], found.create[0]["ports"]) == (None, None)
    assert shown(plan(TEMPLATE, [stored("a", ports=[])], [])) == ([], {}, [])
    assert shown(plan(TEMPLATE, [stored("a", 1)], [])) == ([], {"a": []}, [])
    two = [stored("a", ports=[]), stored("b", ports=[])]
    assert shown(plan(TEMPLATE, two, [])) == ([], {"a": []}, ["b"])


def test_what_is_right_is_not_written() -> None:
    assert plan(TEMPLATE, [stored("a", 1, 2)], members(2, 1)) == Plan()
    versioned = stored("a", 1)
    versioned["endpoints"][0]["targetRef"]["resourceVersion"] = "77"
    assert plan(TEMPLATE, [versioned], members(1)) == Plan()


def test_a_change_is_written_to_its_slice_only() -> None:
    some = [stored("a", 1, 2), stored("b", 3)]
    found = plan(TEMPLATE, some, [*members(1, 2), *members(3, ready=False)])
    assert shown(found) == ([], {"b": [3]}, [])
    assert found.update[0]["endpoints"][0]["conditions"]["ready"] is False
    assert found.update[0]["metadata"]["resourceVersion"] == "1"


@pytest.mark.parametrize(
    ("have", "wanted", "result"),
    [
        # New ones go where something is written anyhow, the fullest first.
        ({"a": [1, 2, 3], "b": [4]}, [1, 3, 4, 5], ([], {"a": [1, 3, 5]}, [])),
        # Else where they leave least room.
        ({"a": [1], "b": [2, 3]}, [1, 2, 3, 4, 5], ([], {"b": [2, 3, 4, 5]}, [])),
        # Else into slices of their own.
        ({"a": [1, 2, 3]}, [1, 2, 3, 4, 5], ([[4, 5]], {}, [])),
        ({}, range(1, 10), ([[1, 2, 3, 4], [5, 6, 7, 8], [9]], {}, [])),
        # A slice that is empty goes, unless it can be used.
        ({"a": [1], "b": [2]}, [2], ([], {}, ["a"])),
        ({"a": [1]}, [2], ([], {"a": [2]}, [])),
    ],
)
def test_few_slices_are_written(have: dict[str, list[int]], wanted: Any, result: Any) -> None:
    some = [stored(name, *within) for name, within in have.items()]
    assert shown(plan(TEMPLATE, some, members(*wanted), limit=4)) == result


def test_pods_with_other_ports_have_slices_of_their_own() -> None:
    found = plan(TEMPLATE, [stored("a", 1, 2)], [*members(1), *members(2, ports=OTHER)])
    assert shown(found) == ([[2]], {"a": [1]}, [])
    assert found.create[0]["ports"] == OTHER
    gone = plan(TEMPLATE, [stored("a", 1), stored("b", 2, ports=OTHER)], members(1, 2))
    assert shown(gone) == ([], {"a": [1, 2]}, ["b"])


def test_slices_of_a_service_that_had_the_name_before_go() -> None:
    old = stored("old", 1, ownerReferences=[{**OWNER, "uid": "before"}])
    assert shown(plan(TEMPLATE, [old], members(1))) == ([[1]], {}, ["old"])


def test_labels_follow_the_service() -> None:
    found = plan(TEMPLATE, [stored("a", 1, labels={**LABELS, "gone": "x"})], members(1))
    assert [value["metadata"]["labels"] for value in found.update] == [LABELS]


def test_hints_follow_the_distribution() -> None:
    close = endpoint(1, zone="z", nodeName="n")
    far = endpoint(2, ready=False, zone="z", nodeName="n")
    some = [(HTTP, close), (HTTP, far)]
    have = TEMPLATE.slice(HTTP, [close, far])
    have["metadata"] |= {"name": "a", "uid": "a"}
    found = plan(TEMPLATE, [have], some, near("PreferSameNode"))
    hints = {"forZones": [{"name": "z"}], "forNodes": [{"name": "n"}]}
    assert [one.get("hints") for one in found.update[0]["endpoints"]] == [hints, None]
    assert plan(TEMPLATE, found.update, some, near("PreferSameNode")) == Plan()
    zone_only = plan(TEMPLATE, found.update, some, near("PreferClose")).update[0]["endpoints"][0]["hints"]
    assert zone_only == {"forZones": [{"name": "z"}]}
    assert "hints" not in plan(TEMPLATE, found.update, some, near("")).update[0]["endpoints"][0]


def test_names_that_would_be_too_long_or_wrong_have_no_dash() -> None:
    assert prefix("web") == "web-"


def test_ports_are_equal_in_any_order_and_have_one() -> None:
    one, two = ({"name": name, "protocol": "TCP", "port": 1} for name in "ab")
    assert ports_key([one, two]) == ports_key([two, one])
    assert in_order([one, two]) == in_order([two, one])
    assert ports_key(None) == ports_key([])


@given(st.lists(st.sets(st.integers(0, 20), max_size=14), min_size=1, max_size=6), st.integers(1, 5))
def test_after_any_changes_each_endpoint_is_in_one_slice(wishes: list[set[int]], limit: int) -> None:
    slices: dict[str, Object] = {}
    for step, wish in enumerate(wishes):
        before = copy.deepcopy(slices)
        found = plan(TEMPLATE, list(slices.values()), members(*wish), limit=limit)
        assert slices == before, "what the cache holds is not changed"
        for value in found.delete:
            del slices[value["metadata"]["name"]]
        for value in found.update:
            slices[value["metadata"]["name"]] = value
        for number, value in enumerate(found.create):
            name = f"s{step}-{number}"
            slices[name] = {**value, "metadata": {**value["metadata"], "name": name}}
        inside = [identity(one) for value in slices.values() for one in value["endpoints"] or ()]
        assert sorted(inside) == sorted(identity(endpoint(number)) for number in wish)
        assert all(len(value["endpoints"] or ()) <= limit for value in slices.values())
        assert len(slices) == 1 or all(value["endpoints"] for value in slices.values())
        assert plan(TEMPLATE, list(slices.values()), members(*wish), limit=limit) == Plan()
