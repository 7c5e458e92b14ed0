import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan.kube.schema.ownership import fieldset
from sampan.kube.schema.ownership.elements import show
from sampan.kube.schema.ownership.fieldset import Set, difference, intersection, union, without

ELEMENTS = st.sampled_from(["f:a", "f:b", "f:c", 'k:{"name":"x"}', 'k:{"name":"y"}', "v:1", 'v:"s"', "i:2"])
PATHS = st.lists(ELEMENTS, min_size=1, max_size=4).map(tuple)
SETS = st.frozensets(PATHS, max_size=8)


def made(paths: frozenset[tuple[str, ...]]) -> Set:
    found: Set = {}
    for path in paths:
        one: Set = {}
        for element in reversed(path):
            one = {element: one}
        found = union(found, one)
    return found


def told(fields: Set) -> frozenset[tuple[str, ...]]:
    paths = fieldset.paths(fields)
    assert len(paths) == len(set(paths))
    assert all(fieldset.contains(fields, path) for path in paths)
    return frozenset(paths)


def check_form(fields: Set, *, root: bool = True) -> None:
    """One way only to write a set: in order, nothing empty in it, "." only beside others."""
    assert list(fields) == list(fieldset.in_order(fields))
    if fieldset.SELF in fields:
        assert not root and len(fields) > 1
    for key, below in fields.items():
        if key != fieldset.SELF:
            check_form(below, root=False)


@given(SETS)
def test_a_set_has_what_was_put_in_and_survives_its_json(paths: frozenset[tuple[str, ...]]) -> None:
    fields = made(paths)
    check_form(fields)
    assert told(fields) == paths
    assert fieldset.decode(json.loads(json.dumps(fields))) == fields


@given(SETS, SETS)
def test_operations_are_those_of_sets(
    one: frozenset[tuple[str, ...]], other: frozenset[tuple[str, ...]]
) -> None:
    for found, wanted in (
        (union(made(one), made(other)), one | other),
        (difference(made(one), made(other)), one - other),
        (intersection(made(one), made(other)), one & other),
        (
            without(made(one), made(other)),
            {path for path in one if not any(path[: len(gone)] == gone for gone in other)},
        ),
    ):
        check_form(found)
        assert told(found) == wanted


@given(SETS, SETS)
def test_operations_change_nothing(
    one: frozenset[tuple[str, ...]], other: frozenset[tuple[str, ...]]
) -> None:
    first, second = made(one), made(other)
    before = json.dumps([first, second])
    for operation in (union, difference, intersection, without):
        operation(first, second)
    assert json.dumps([first, second]) == before


DECODED: list[tuple[Any, Any]] = [
    ({}, {}),
    ({".": {}}, {}),
    ({"f:b": {}, "f:a": {".": {}}}, {"f:a": {}, "f:b": {}}),
    ({"f:a": {"f:b": None}}, {"f:a": {"f:b": {}}}),
    ({"f:a": {"x:y": {}}, "z:": {}}, {"f:a": {}}),
    (
        {'k:{"protocol": "TCP", "containerPort": 80}': {"f:x": {}, ".": {}}, "f:z": {}},
        {"f:z": {}, 'k:{"containerPort":80,"protocol":"TCP"}': {".": {}, "f:x": {}}},
    ),
    (
        {"v:10": {}, "v:9": {}, 'v:"a<b"': {}, "i:007": {}},
        {"v:9": {}, "v:10": {}, 'v:"a\\u003cb"': {}, "i:7": {}},
    ),
    ({"v:1": {"f:a": {}}, "v: 1": {}}, {"v:1": {".": {}, "f:a": {}}}),
    ({"v:1.0": {}}, {"v:1": {}}),
]


@pytest.mark.parametrize(("told", "kept"), DECODED)
def test_what_clients_send_is_put_into_our_form(told: Any, kept: Any) -> None:
    found = fieldset.decode(told)
    assert found == kept
    assert list(found) == list(kept)


@pytest.mark.parametrize(
    "told", [[], "x", {"f": {}}, {"fx": {}}, {"f:a": 5}, {"k:[]": {}}, {"k:{": {}}, {"i:x": {}}]
)
def test_what_is_no_set(told: Any) -> None:
    with pytest.raises(ValueError, match=r".+"):
        fieldset.decode(told)


def test_order() -> None:
    shuffled = [
        "i:1",
        "v:10",
        "v:9",
        'v:"a"',
        "v:true",
        'k:{"a":2}',
        'k:{"a":10}',
        'k:{"a":"x"}',
        "f:z",
        "f:Z",
        ".",
    ]
    assert list(fieldset.in_order({key: {} for key in shuffled})) == [
        ".",
        "f:Z",
        "f:z",
        'k:{"a":2}',
        'k:{"a":10}',
        'k:{"a":"x"}',
        "v:9",
        "v:10",
        'v:"a"',
        "v:true",
        "i:1",
    ]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (("f:spec", 'k:{"name":"a"}', "f:image"), '.spec[name="a"].image'),
        (('k:{"containerPort":80,"protocol":"TCP"}',), '[containerPort=80,protocol="TCP"]'),
        (("f:f", 'v:"x"'), '.f[="x"]'),
        (("f:f", "v:true"), ".f[=true]"),
        (("i:3",), "[3]"),
    ],
)
def test_paths_are_shown_as_upstream_does(path: tuple[str, ...], text: str) -> None:
    assert show(path) == text
