import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan.kube.schema.node import Node
from sampan.kube.schema.ownership import fieldset
from sampan.kube.schema.ownership.fields import compare, created, fields_of
from sampan.kube.schema.ownership.merging import merge, remove, with_named_fields
from sampan.kube.schema.ownership.types import UNDECLARED, Unkeyed
from sampan.kube.schema.ownership.validation import problems
from tests.kube.schema import nodes

THING = nodes.struct(
    "Thing",
    s=nodes.text(),
    n=nodes.number(),
    b=Node("boolean"),
    struct=nodes.struct("", x=nodes.text(), y=nodes.struct("", z=nodes.text())),
    blob=nodes.with_(nodes.struct("", x=nodes.text()), map_type="atomic"),
    map=nodes.map_of(nodes.text()),
    maps=nodes.map_of(nodes.map_of(nodes.text())),
    list=nodes.list_of(nodes.text()),
    set=nodes.list_of(nodes.text(), "set"),
    ports=nodes.list_of(
        nodes.struct("", port=nodes.number(always=0), protocol=nodes.text(default="TCP"), name=nodes.text()),
        "map",
        "port",
        "protocol",
    ),
    refs=nodes.list_of(nodes.struct("", name=nodes.text()), "map", "name"),
    always=nodes.with_(
        nodes.struct("", x=nodes.text(always=""), list=nodes.list_of(nodes.text(), "set", always=None)),
        always={},
    ),
    any=Node("any"),
    raw=nodes.with_(Node("any"), definition="io.k8s.apimachinery.pkg.runtime.RawExtension"),
)
TCP80 = 'k:{"port":80,"protocol":"TCP"}'

OWNED: list[tuple[str, Any, Any]] = [
    ("scalars", {"s": "x", "n": 0}, {"f:n": {}, "f:s": {}}),
    (
        "structs are not owned for what is in them",
        {"struct": {"y": {"z": "1"}}},
        {"f:struct": {"f:y": {"f:z": {}}}},
    ),
    ("empty ones are", {"struct": {}, "map": {}}, {"f:map": {}, "f:struct": {}}),
    (
        "nulls are",
        {"s": None, "map": None, "list": None, "set": None},
        {"f:list": {}, "f:map": {}, "f:s": {}, "f:set": {}},
    ),
    ("keys of maps", {"map": {"b": "1", "a": "2"}}, {"f:map": {"f:a": {}, "f:b": {}}}),
    ("and themselves in maps", {"maps": {"a": {"b": "1"}}}, {"f:maps": {"f:a": {".": {}, "f:b": {}}}}),
    ("atomic structs as a whole", {"blob": {"x": "1"}}, {"f:blob": {}}),
    ("atomic lists as a whole", {"list": ["x"]}, {"f:list": {}}),
    ("elements of sets", {"set": ["b", "a"]}, {"f:set": {'v:"a"': {}, 'v:"b"': {}}}),
    ("not the set itself, even if empty", {"set": []}, {}),
    ("keys with their defaults", {"ports": [{"port": 80}]}, {"f:ports": {TCP80: {".": {}, "f:port": {}}}}),
    (
        "a key that is always written has its zero value",
        {"ports": [{"name": "x"}]},
        {"f:ports": {'k:{"port":0,"protocol":"TCP"}': {".": {}, "f:name": {}}}},
    ),
    ("one element twice", {"ports": [{"port": 80}, {"port": 80, "name": "x"}]}, {"f:ports": {TCP80: {}}}),
    (
        "what nobody declared",
        {"any": {"a": {"b": [1], "c": {}}}},
        {"f:any": {"f:a": {".": {}, "f:b": {}, "f:c": {}}}},
    ),
    ("undeclared fields", {"nosuch": {"a": 1}}, {"f:nosuch": {".": {}, "f:a": {}}}),
    ("raw objects as a whole", {"raw": {"a": {"b": 1}}}, {"f:raw": {}}),
]


@pytest.mark.parametrize(("value", "fields"), [row[1:] for row in OWNED], ids=[row[0] for row in OWNED])
def test_fields_of_what_is_applied(value: Any, fields: Any) -> None:
    found = fields_of(THING, value)
    assert found == fields
    assert json.dumps(found) == json.dumps(fieldset.decode(fields))


CREATED: list[tuple[Any, Any]] = [
    ({"s": "x"}, {"f:s": {}}),
    ({"struct": {"y": {}}}, {"f:struct": {".": {}, "f:y": {}}}),
    ({"map": {"a": "1"}, "set": ["x"]}, {"f:map": {".": {}, "f:a": {}}, "f:set": {".": {}, 'v:"x"': {}}}),
    ({"always": {}}, {}),
    ({"always": {"x": ""}}, {}),
    ({"always": {"x": "1"}}, {"f:always": {"f:x": {}}}),
    ({"always": {"list": ["a"]}}, {"f:always": {"f:list": {'v:"a"': {}}}}),
    ({"always": {"list": []}}, {"f:always": {"f:list": {}}}),
    ({"set": []}, {"f:set": {}}),
]


@pytest.mark.parametrize(("value", "fields"), CREATED)
def test_what_a_new_object_has_beyond_an_empty_one(value: Any, fields: Any) -> None:
    assert created(THING, value) == fields


COMPARED: list[tuple[str, Any, Any, Any, Any]] = [
    ("nothing", {"s": "x", "ports": [{"port": 80}]}, {"s": "x", "ports": [{"port": 80}]}, {}, {}),
    ("changed", {"s": "x"}, {"s": "y"}, {"f:s": {}}, {}),
    ("added", {}, {"map": {"a": "1"}}, {"f:map": {".": {}, "f:a": {}}}, {}),
    ("removed", {"map": {"a": "1"}}, {}, {}, {"f:map": {".": {}, "f:a": {}}}),
    ("a key of a map", {"map": {"a": "1"}}, {"map": {"a": "1", "b": "2"}}, {"f:map": {"f:b": {}}}, {}),
    ("emptied", {"map": {"a": "1"}}, {"map": {}}, {}, {"f:map": {"f:a": {}}}),
    ("null to empty", {"map": None}, {"map": {}}, {"f:map": {}}, {}),
    ("filled", {"map": {}}, {"map": {"a": "1"}}, {"f:map": {"f:a": {}}}, {}),
    ("an atomic list", {"list": ["a"]}, {"list": ["a", "b"]}, {"f:list": {}}, {}),
    ("a set", {"set": ["a", "b"]}, {"set": ["b", "c"]}, {"f:set": {'v:"c"': {}}}, {"f:set": {'v:"a"': {}}}),
    ("another order", {"set": ["a", "b"]}, {"set": ["b", "a"]}, {}, {}),
    (
        "an element by its key, default or not",
        {"ports": [{"port": 80}]},
        {"ports": [{"port": 80, "protocol": "TCP"}]},
        {"f:ports": {TCP80: {"f:protocol": {}}}},
        {},
    ),
    (
        "now there twice",
        {"ports": [{"port": 80}]},
        {"ports": [{"port": 80}, {"port": 80}]},
        {"f:ports": {TCP80: {}}},
        {"f:ports": {TCP80: {".": {}, "f:port": {}}}},
    ),
    (
        "twice no more",
        {"ports": [{"port": 80}, {"port": 80}]},
        {"ports": [{"port": 80}]},
        {"f:ports": {TCP80: {".": {}, "f:port": {}}}},
        {"f:ports": {TCP80: {}}},
    ),
    (
        "still twice, but others",
        {"ports": [{"port": 80}, {"port": 80}]},
        {"ports": [{"port": 80}, {"port": 80, "name": "x"}]},
        {"f:ports": {TCP80: {}}},
        {},
    ),
    (
        "undeclared",
        {"any": {"a": 1, "b": [1]}},
        {"any": {"a": 2, "b": [1, 2]}},
        {"f:any": {"f:a": {}, "f:b": {}}},
        {},
    ),
    ("a tree becomes a leaf", {"any": {"a": 1}}, {"any": "x"}, {"f:any": {}}, {"f:any": {"f:a": {}}}),
    ("a leaf becomes a tree", {"any": "x"}, {"any": {"a": 1}}, {"f:any": {".": {}, "f:a": {}}}, {}),
    ("a leaf becomes an empty tree", {"any": "x"}, {"any": {}}, {"f:any": {}}, {}),
    ("null becomes a tree", {"any": None}, {"any": {"a": 1}}, {"f:any": {"f:a": {}}}, {}),
]


@pytest.mark.parametrize(
    ("old", "new", "changed", "removed"), [row[1:] for row in COMPARED], ids=[r[0] for r in COMPARED]
)
def test_compare(old: Any, new: Any, changed: Any, removed: Any) -> None:
    assert compare(THING, old, new) == (changed, removed)


def test_an_element_without_its_key_cannot_be_owned() -> None:
    for value in ({"refs": [{}]}, {"refs": [None]}, {"set": [{}]}, {"set": [None]}):
        with pytest.raises(Unkeyed):
            fields_of(THING, value)
        with pytest.raises(Unkeyed):
            compare(THING, {}, value)


MERGED: list[tuple[str, Any, Any, Any]] = [
    ("fields", {"s": "x", "n": 1}, {"s": "y"}, {"s": "y", "n": 1}),
    ("null", {"s": "x"}, {"s": None}, {"s": None}),
    ("an empty map", {"map": {"a": "1"}}, {"map": {}}, {"map": {"a": "1"}}),
    ("null for a map", {"map": {"a": "1"}}, {"map": None}, {"map": {"a": "1"}}),
    ("an atomic struct", {"blob": {"x": "1"}}, {"blob": {}}, {"blob": {}}),
    ("an atomic list", {"list": ["a"]}, {"list": ["b"]}, {"list": ["b"]}),
    ("a new element comes last", {"set": ["a", "b"]}, {"set": ["c"]}, {"set": ["a", "b", "c"]}),
    ("the applied order counts", {"set": ["a", "b", "c"]}, {"set": ["c", "a"]}, {"set": ["b", "c", "a"]}),
    (
        "between what is shared",
        {"set": ["a", "x", "c"]},
        {"set": ["a", "b", "c"]},
        {"set": ["a", "x", "b", "c"]},
    ),
    (
        "elements are merged",
        {"ports": [{"port": 80, "protocol": "TCP", "name": "a"}]},
        {"ports": [{"port": 80}, {"port": 81}]},
        {"ports": [{"port": 80, "protocol": "TCP", "name": "a"}, {"port": 81}]},
    ),
    (
        "one that was there twice is replaced",
        {"ports": [{"port": 80, "name": "a"}, {"port": 80, "name": "b"}]},
        {"ports": [{"port": 80}]},
        {"ports": [{"port": 80}]},
    ),
    ("undeclared", {"any": {"a": {"x": 1}}}, {"any": {"a": {"y": [2]}}}, {"any": {"a": {"x": 1, "y": [2]}}}),
    ("a leaf in place of a tree", {"any": {"a": {"x": 1}}}, {"any": {"a": 1}}, {"any": {"a": 1}}),
]


@pytest.mark.parametrize(
    ("live", "applied", "merged"), [row[1:] for row in MERGED], ids=[row[0] for row in MERGED]
)
def test_merge(live: Any, applied: Any, merged: Any) -> None:
    before = copy.deepcopy((live, applied))
    assert merge(THING, live, applied) == merged
    assert (live, applied) == before


def test_remove() -> None:
    value = {
        "s": "x",
        "map": {"a": "1"},
        "ports": [{"port": 80, "name": "n"}, {"port": 81}],
        "any": {"a": {"b": 1}},
    }
    gone = {"f:s": {}, "f:map": {"f:a": {}}, "f:ports": {TCP80: {"f:name": {}}}, "f:any": {"f:a": {}}}
    assert remove(THING, value, gone) == {"map": None, "ports": [{"port": 80}, {"port": 81}], "any": None}


def test_named_fields() -> None:
    fields = {
        "f:struct": {"f:y": {"f:z": {}}},
        "f:maps": {"f:a": {"f:b": {}}},
        "f:ports": {TCP80: {"f:name": {}}},
    }
    assert with_named_fields(THING, fields) == {
        "f:struct": {".": {}, "f:y": {".": {}, "f:z": {}}},
        "f:maps": {".": {}, "f:a": {"f:b": {}}},
        "f:ports": {".": {}, TCP80: {"f:name": {}}},
    }


GOT = "expected string, got &value.valueUnstructured"
KEYED = "element 0: associative list with keys"

WRONG: list[tuple[Any, str]] = [
    ({"s": 5}, f".s: {GOT}{{Value:5}}"),
    (
        {"s": {"a": [True, None]}},
        f'.s: {GOT}{{Value:map[string]interface {{}}{{"a":[]interface {{}}{{true, interface {{}}(nil)}}}}}}',
    ),
    ({"map": "x"}, ".map: expected map, got &{x}"),
    ({"list": {"a": 1}}, ".list: expected list, got &{map[a:1]}"),
    ({"n": "x"}, ".n: expected numeric (int or float), got string"),
    ({"b": 1}, ".b: expected boolean, got &{1}"),
    ({"nosuch": 1}, ".nosuch: field not declared in schema"),
    ({"struct": {"y": {"nosuch": 1}}}, ".struct.y.nosuch: field not declared in schema"),
    ({"list": ["a", 1]}, f".list[1]: {GOT}{{Value:1}}"),
    ({"ports": [{"port": 80}, {"port": 80}]}, '.ports: duplicate entries for key [port=80,protocol="TCP"]'),
    ({"ports": [{"port": 80, "name": 1}]}, f'.ports[port=80,protocol="TCP"].name: {GOT}{{Value:1}}'),
    (
        {"refs": [{}]},
        f'.refs: {KEYED} has an element that omits all key fields ["name"] '
        "(and doesn't have default values for any key fields)",
    ),
    ({"refs": ["x"]}, f".refs: {KEYED} may not have non-map elements"),
    ({"set": [[]]}, ".set: element 0: not supported: associative list with lists as elements"),
    (
        {"s": 1, "n": "x"},
        f"errors:\n  .s: {GOT}{{Value:1}}\n  .n: expected numeric (int or float), got string",
    ),
    ({"s": None, "map": None, "ports": None, "any": {"x": 1}, "raw": 5}, ""),
]


@pytest.mark.parametrize(("value", "text"), WRONG)
def test_what_is_wrong_with_a_configuration(value: Any, text: str) -> None:
    assert problems(THING, value) == text


def test_below_what_keeps_unknown_fields_everything_is_known() -> None:
    inner = nodes.struct("", x=nodes.text())
    outer = nodes.with_(nodes.struct("", inner=inner), preserve=True)
    assert problems(outer, {"inner": {"nosuch": 1}, "other": 1}) == ""
    assert problems(inner, {"nosuch": 1}) != ""


SMALL = st.sampled_from(["a", "b", "c"])
VALUES = st.fixed_dictionaries(
    {},
    optional={
        "s": SMALL | st.none(),
        "struct": st.fixed_dictionaries(
            {}, optional={"x": SMALL, "y": st.fixed_dictionaries({}, optional={"z": SMALL})}
        ),
        "map": st.dictionaries(SMALL, SMALL),
        "list": st.lists(SMALL, max_size=2),
        "set": st.lists(SMALL, unique=True, max_size=3),
        "ports": st.lists(
            st.fixed_dictionaries({"port": st.integers(1, 3)}, optional={"name": SMALL}),
            unique_by=lambda port: port["port"],
            max_size=3,
        ),
        "any": st.recursive(
            SMALL | st.integers(0, 2), lambda inner: st.dictionaries(SMALL, inner, max_size=2)
        ),
    },
)


@given(VALUES, VALUES)
def test_compared_with_itself_nothing_differs_and_else_something(old: Any, new: Any) -> None:
    assert compare(THING, old, copy.deepcopy(old)) == ({}, {})
    without_order = [
        {**one, "set": sorted(one.get("set", ())), "ports": sorted(one.get("ports", ()), key=str)}
        for one in (old, new)
    ]
    changed, removed = compare(THING, old, new)
    assert bool(changed or removed) == (without_order[0] != without_order[1] or set(old) != set(new))


@given(VALUES, VALUES)
def test_what_is_merged_has_all_that_was_applied_and_all_others_had(live: Any, applied: Any) -> None:
    merged = merge(THING, live, applied)
    assert merge(THING, merged, applied) == merged
    assert problems(THING, merged) == ""
    _, removed = compare(THING, live, merged)
    # What is gone is what stood below something undeclared that is a leaf now.
    assert set(removed) <= {"f:any"}


def test_undeclared_values_are_walked_as_deep_as_they_go() -> None:
    assert fields_of(UNDECLARED, {"a": {"b": {}}}) == {"f:a": {".": {}, "f:b": {}}}
