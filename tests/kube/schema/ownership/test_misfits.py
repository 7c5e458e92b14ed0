"""Custom resources may have anything anywhere until they are validated: who writes it owns it as a whole."""

from typing import Any

import pytest

from sampan.kube.schema.ownership.fields import compare, created
from sampan.kube.schema.structural import make_node

SCHEMA = {
    "type": "object",
    "properties": {
        "o": {
            "type": "object",
            "properties": {"a": {"type": "object", "properties": {"b": {"type": "string"}}}},
        },
        "m": {"type": "object", "additionalProperties": {"type": "object"}},
        "l": {
            "type": "array",
            "items": {"type": "object", "properties": {"k": {"type": "string"}}},
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["k"],
        },
    },
}
NODE = make_node(SCHEMA, root=True)


FINE: dict[str, Any] = {"o": {"a": {"b": "x"}}, "m": {"k": {}}, "l": [{"k": "a"}]}


@pytest.mark.parametrize("value", ["text", 1, 1.5, True, {"a": "text"}, {"a": [1]}])
@pytest.mark.parametrize("field", ["o", "m", "l"])
def test_values_of_a_wrong_type_have_owners_too(field: str, value: Any) -> None:
    wrong = {**FINE, field: value}
    assert f"f:{field}" in created(NODE, {field: value})
    assert f"f:{field}" in compare(NODE, FINE, wrong)[0]
    assert f"f:{field}" in compare(NODE, wrong, FINE)[0]
