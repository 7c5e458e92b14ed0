"""kubectl's paths into objects."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan.errors import Invalid
from sampan.specs.kubernetes import jsonpath

VALUE = {
    "spec": {"n": 3, "x.y": "dotted", "list": [{"name": "a", "v": 1}, {"name": "b", "v": 2}, {"v": 3}]},
    "status": {"conditions": [{"type": "Ready", "status": "True"}, {"type": "Other", "status": "False"}]},
}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        (".spec.n", [3]),
        (".spec.nosuch", []),
        (".spec.n.deeper", []),
        (".spec.list[0].name", ["a"]),
        (".spec.list[-1].v", [3]),
        (".spec.list[9].v", []),
        (".spec.list[*].name", ["a", "b"]),
        (".spec.list[0:2].v", [1, 2]),
        (".spec.list[::2].v", [1, 3]),
        (".spec.list[0,2].v", [1, 3]),
        (".spec['x.y']", ["dotted"]),
        (r".spec.x\.y", ["dotted"]),
        ('.status.conditions[?(@.type=="Ready")].status', ["True"]),
        ("$.status.conditions[?(@.type != 'Ready')].status", ["False"]),
        (".spec.list[?(@.v > 1)].v", [2, 3]),
        (".spec.list[?(@.name)].v", [1, 2]),
        ("..name", ["a", "b"]),
        (".spec.*", [3, "dotted"]),
    ],
)
def test_what_a_path_leads_to(path: str, found: list[Any]) -> None:
    got = jsonpath.find(jsonpath.parse(path), VALUE)
    assert [one for one in got if not isinstance(one, list)] == found


@pytest.mark.parametrize(
    "path", [".a[", ".a[x]", ".a[?(@.b==)]", ".a[?(@.b]", ".a[1:2:3:4]", ".a b", ".a[?('x]"]
)
def test_what_is_no_path(path: str) -> None:
    with pytest.raises(Invalid):
        jsonpath.parse(path)


@given(st.text(".[]*?()@='\"ab1:,- \\$", max_size=20))
def test_any_text_is_a_path_or_refused(text: str) -> None:
    try:
        steps = jsonpath.parse(text)
    except Invalid:
        return
    jsonpath.find(steps, VALUE)
