import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan.kube.schema.patches import jsonpatch
from sampan.specs.kubernetes.status import StatusError

DOCUMENT = {"metadata": {"name": "x"}, "data": {"a": "1", "b": "2"}, "list": ["p", "q"]}


def op(name: str, path: str, *value: Any, **more: Any) -> dict[str, Any]:
    return {"op": name, "path": path, **({"value": value[0]} if value else {}), **more}


def copied(path: str, source: str) -> dict[str, Any]:
    return op("copy", path, **{"from": source})


def moved(path: str, source: str) -> dict[str, Any]:
    return op("move", path, **{"from": source})


APPLIED = [
    ("add makes a key", [op("add", "/data/c", "3")], {"data": {"a": "1", "b": "2", "c": "3"}}),
    ("add puts an element in front of another", [op("add", "/list/0", "o")], {"list": ["o", "p", "q"]}),
    ("- is behind the last element", [op("add", "/list/-", "r")], {"list": ["p", "q", "r"]}),
    ("add counts from the end", [op("add", "/list/-1", "r")], {"list": ["p", "q", "r"]}),
    ("replace counts from the end", [op("replace", "/list/-1", "z")], {"list": ["p", "z"]}),
    (
        "replace makes a missing key",
        [op("replace", "/data/n", "1")],
        {"data": {"a": "1", "b": "2", "n": "1"}},
    ),
    ("remove", [op("remove", "/data/b")], {"data": {"a": "1"}}),
    ("remove from a list", [op("remove", "/list/0")], {"list": ["q"]}),
    ("copy of a missing key is null", [copied("/data", "/metadata/nosuch")], {"data": None}),
    ("move", [moved("/data/c", "/data/a")], {"data": {"b": "2", "c": "1"}}),
    ("escapes", [op("add", "/data/a~1~0b", "x")], {"data": {"a": "1", "a/~b": "x", "b": "2"}}),
    ("what stands before the first slash is not looked at", [op("add", "data/x", "1")], {"x": "1"}),
    ("test of equal values", [op("test", "/list", ["p", "q"])], {}),
    ("test of a missing key against null", [op("test", "/nosuch", None)], {}),
    ("test of the whole", [op("test", "", DOCUMENT)], {}),
    (
        "what was added can be changed",
        [op("add", "/m", {"k": {}}), op("add", "/m/k/j", 1)],
        {"m": {"k": {"j": 1}}},
    ),
    (
        "a copy is another one",
        [copied("/m", "/data"), op("add", "/m/a", "9")],
        {"m": {"a": "9", "b": "2"}},
    ),
    ("no operations", [], {}),
    ("null", None, {}),
]


@pytest.mark.parametrize(("patch", "change"), [row[1:] for row in APPLIED], ids=[row[0] for row in APPLIED])
def test_operations(patch: Any, change: dict[str, Any]) -> None:
    document = copy.deepcopy(DOCUMENT)
    assert jsonpatch.apply(document, patch) == {**DOCUMENT, **change}
    assert document == DOCUMENT


def test_the_whole_can_be_replaced() -> None:
    assert jsonpatch.apply(DOCUMENT, [op("replace", "", {})]) == {}


def test_what_a_path_led_into_is_sorted() -> None:
    found = jsonpatch.apply({"z": {"k": 1, "j": 2}, "b": {"n": 1, "m": 2}}, [op("add", "/b/a", 0)])
    assert json.dumps(found) == '{"b": {"a": 0, "m": 2, "n": 1}, "z": {"k": 1, "j": 2}}'


REFUSED = [
    op("test", "/data/a", "0"),
    op("test", "/data/a", 1),
    op("test", "/data/a"),
    op("test", "/nosuch", "x"),
    op("remove", "/data/nosuch"),
    op("remove", "/list/9"),
    op("remove", ""),
    op("add", "/nosuch/x", "1"),
    op("add", "/data/a/b", "1"),
    op("add", "", {}),
    op("add", "/list/9", "1"),
    op("add", "/list/x", "1"),
    op("replace", "/list/9", "1"),
    op("replace", "", "x"),
    op("nope", "/data"),
    {"path": "/data"},
    {"op": "add", "value": 1},
    moved("/data/c", "/data/nosuch"),
    copied("/nosuch/x", "/data/a"),
    op("copy", "/data/c"),
    None,
    {},
]


@pytest.mark.parametrize("operation", REFUSED)
def test_an_operation_that_does_not_fit_is_refused_without_a_reason(operation: Any) -> None:
    with pytest.raises(StatusError) as caught:
        jsonpatch.apply(DOCUMENT, [operation])
    assert caught.value.status() == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": "the server rejected our request due to an error in our request",
        "reason": "Invalid",
        "details": {},
        "code": 422,
    }


UNDECODABLE = [
    ({}, "json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp"),
    ("x", "json: cannot unmarshal string into Go value of type []handlers.jsonPatchOp"),
    ([5], "json: cannot unmarshal number into Go value of type handlers.jsonPatchOp"),
    ([{"op": 5}], "json: cannot unmarshal number into Go struct field jsonPatchOp.op of type string"),
]


@pytest.mark.parametrize(("patch", "message"), UNDECODABLE)
def test_a_patch_of_another_form(patch: Any, message: str) -> None:
    with pytest.raises(StatusError) as caught:
        jsonpatch.apply(DOCUMENT, patch)
    assert (caught.value.code, caught.value.message) == (400, f"error decoding patch: {message}")


def test_too_many_operations() -> None:
    with pytest.raises(StatusError) as caught:
        jsonpatch.apply(DOCUMENT, [op("add", "/data/k", "x")] * 10_001)
    assert caught.value.message == (
        "Request entity too large: The allowed maximum operations in a JSON patch is 10000, got 10001"
    )
    assert caught.value.code == 413


def test_copies_may_not_grow_without_bounds() -> None:
    document = {"data": {"a": "x" * 1_100_000}}
    assert jsonpatch.apply(document, [copied("/data/b", "/data/a")] * 2)
    with pytest.raises(StatusError):
        jsonpatch.apply(document, [copied("/data/b", "/data/a")] * 3)


def test_a_deep_object_is_refused() -> None:
    deep: Any = "x"
    for _ in range(5000):
        deep = [deep]
    with pytest.raises(StatusError):
        jsonpatch.apply({"a": deep}, [copied("/b", "/a")])


def test_unknown_fields_of_operations() -> None:
    patch = [op("add", "/a", 1), {"op": "add", "nosuch": 1}]
    assert jsonpatch.unknown_fields(patch) == ['json patch unknown field "[1].nosuch"']
    assert jsonpatch.unknown_fields(None) == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=10,
)
PATHS = st.sampled_from(["", "/", "/a", "/a/b", "/b/0", "/b/-", "/c/-1", "x", "/a~1b"])
OPERATION = st.fixed_dictionaries(
    {"op": st.sampled_from(["add", "remove", "replace", "move", "copy", "test"]), "path": PATHS},
    optional={"from": PATHS, "value": JSON},
)


@given(st.dictionaries(st.sampled_from("abc"), JSON), JSON | st.lists(OPERATION, max_size=5))
def test_any_patch_is_applied_or_refused_and_the_original_stays(document: dict[str, Any], patch: Any) -> None:
    before = copy.deepcopy(document)
    try:
        jsonpatch.apply(document, patch)
    except StatusError:
        pass
    assert document == before
