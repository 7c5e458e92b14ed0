"""What Go writes, and what its decoder says of a value of the wrong type."""

from typing import Any

import pytest

from sampan.specs.golang.json import kind_of, marshal, mistyped


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (None, "null"), (True, "bool"), (1, "number"), (1.5, "number"), ("a", "string"), ([], "array"),
        ((), "array"), ({}, "object"),
    ],
)  # fmt: skip
def test_kinds(value: Any, kind: str) -> None:
    assert kind_of(value) == kind


@pytest.mark.parametrize(
    ("value", "wanted", "field", "what", "message"),
    [
        ("x", "bool", "Config.debug", "", "string into Go struct field Config.debug of type bool"),
        (1, "string", "X.Cmd", "", "number into Go struct field X.Cmd of type string"),
        (1.5, "int", "X.Timeout", "", "number 1.5 into Go struct field X.Timeout of type int"),
        (2**70, "uint16", "X.Weight", "", f"number {2**70} into Go struct field X.Weight of type uint16"),
        (True, "int64", "X.Size", "", "bool into Go struct field X.Size of type int64"),
        ([], "map[string]string", "", "", "array into Go value of type map[string]string"),
    ],
)
def test_messages(value: Any, wanted: str, field: str, what: str, message: str) -> None:
    assert mistyped(value, wanted, field).message == f"json: cannot unmarshal {message}"
    assert mistyped(value, wanted, field, what="invalid JSON").message.startswith("invalid JSON: json: ")


def test_keys_are_sorted_and_nothing_is_left_that_html_would_read() -> None:
    value = {"b": ["<a & b>", "\u2028"], "a": {"é": None, "Z": 1.5}, "c": "\x01\n"}
    wanted = '{"a":{"Z":1.5,"é":null},"b":["\\u003ca \\u0026 b\\u003e","\\u2028"],"c":"\\u0001\\n"}'
    assert marshal(value).decode() == wanted
