import copy
import json
from typing import Any

import pytest

from sampan.kube.schema.patches import mergepatch
from sampan.specs.kubernetes.status import StatusError

# RFC 7386, appendix A, as far as both are objects.
MERGED = [
    ({"a": "b"}, {"a": "c"}, {"a": "c"}),
    ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
    ({"a": "b"}, {"a": None}, {}),
    ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
    ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
    ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
    ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
    ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
    ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ({"e": None}, {"a": 1}, {"a": 1, "e": None}),
    ({}, {"a": [{"b": None}]}, {"a": [{}]}),
    ({"a": {"b": 1}}, {}, {"a": {"b": 1}}),
]


@pytest.mark.parametrize(("original", "patch", "merged"), MERGED)
def test_merge(original: Any, patch: Any, merged: Any) -> None:
    before = copy.deepcopy((original, patch))
    assert mergepatch.apply(original, patch) == merged
    assert (original, patch) == before


def test_what_was_merged_is_sorted_and_the_rest_is_not() -> None:
    found = mergepatch.apply({"z": {"b": 1, "a": 2}, "m": {"b": 1, "a": 2}}, {"m": {"c": 3}})
    assert json.dumps(found) == '{"m": {"a": 2, "b": 1, "c": 3}, "z": {"b": 1, "a": 2}}'


UNDECODABLE = (
    "error decoding patch: json: cannot unmarshal {} into Go value of type map[string]interface {{}}"
)


@pytest.mark.parametrize(
    ("patch", "message"),
    [
        (
            [],
            UNDECODABLE.format("array"),
        ),
        (
            "x",
            UNDECODABLE.format("string"),
        ),
        (
            5,
            UNDECODABLE.format("number"),
        ),
        (None, "Invalid JSON Patch"),
    ],
)
def test_a_patch_that_is_no_object(patch: Any, message: str) -> None:
    with pytest.raises(StatusError) as caught:
        mergepatch.apply({}, patch)
    assert (caught.value.code, caught.value.message) == (400, message)


def test_a_deep_patch_is_refused() -> None:
    deep: Any = {}
    for _ in range(5000):
        deep = {"a": deep}
    with pytest.raises(StatusError):
        mergepatch.apply({}, deep)
