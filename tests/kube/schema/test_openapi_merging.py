"""Documents of other servers as parts of our own."""

from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from sampan.kube.schema.openapi import gnostic
from sampan.kube.schema.openapi.merging import INFO, merge, part_of

BASE = "/apis/g/v1"


def get(name: str) -> dict[str, Any]:
    return {"get": {"responses": {"200": {"description": "OK", "schema": {"$ref": f"#/definitions/{name}"}}}}}


def part(paths: Any, definitions: Any) -> dict[str, Any]:
    found = part_of({"paths": paths, "definitions": definitions}, BASE)
    assert found is not None
    return dict(orjson.loads(found))


def test_only_their_own_paths_count_and_what_those_need() -> None:
    paths = {f"{BASE}/a": get("A"), "/apis/g/v10/a": get("C"), "/api/v1/pods": get("C"), f"{BASE}/b": 7}
    b = {"properties": {"a": {"$ref": "#/definitions/A"}, "x": {"$ref": "#/definitions/nosuch"}}}
    definitions = {"A": {"items": {"$ref": "#/definitions/B"}}, "B": b, "C": {}}
    assert part(paths, definitions) == {
        "paths": {f"{BASE}/a": get("A")},
        "definitions": {"A": definitions["A"], "B": b},
    }


def test_nothing_of_ours_is_replaced() -> None:
    paths, definitions = (
        {f"{BASE}/a": {"mine": {}}},
        {"A": {"type": "string"}, "A_v2": {}, "B": {"type": "object"}},
    )
    theirs = part_of(
        {
            "paths": {f"{BASE}/a": get("A"), f"{BASE}/b": get("A")},
            "definitions": {"A": {"properties": {"b": {"$ref": "#/definitions/B"}}}, "B": {"type": "object"}},
        },
        BASE,
    )
    assert theirs is not None
    merge(paths, definitions, theirs)
    assert paths == {f"{BASE}/a": {"mine": {}}, f"{BASE}/b": get("A_v3")}
    assert definitions["A"] == {"type": "string"}
    assert definitions["A_v3"] == {"properties": {"b": {"$ref": "#/definitions/B"}}}
    assert set(definitions) == {"A", "A_v2", "A_v3", "B"}


keys = st.sampled_from(
    ["paths", "definitions", f"{BASE}/a", "get", "responses", "200", "schema", "$ref", "A", "type"]
)
anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(1 << 63), (1 << 64) - 1)
    | st.sampled_from(["#/definitions/A", "A", ""]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=20,
)


@given(anything, anything, anything)
def test_whatever_they_say_can_be_passed_on_or_is_left_out(whole: Any, path: Any, definition: Any) -> None:
    for document in (whole, {"paths": {f"{BASE}/a": path}, "definitions": {"A": definition}}):
        found = part_of(document, BASE)
        if found is not None:
            paths: dict[str, Any] = {}
            definitions: dict[str, Any] = {"A": {"type": "string"}}
            merge(paths, definitions, found)
            assert gnostic.document({**INFO, "paths": paths, "definitions": definitions})
