from typing import Any

import pytest

from sampan.specs.golang.printing import kind_of, plain, syntax, type_name

PRINTED: list[tuple[Any, str, str]] = [
    (None, "<nil>", "interface {}(nil)"),
    ("a b", "a b", '"a b"'),
    (True, "true", "true"),
    (5, "5", "5"),
    (1.0, "1", "1"),
    (0.5, "0.5", "0.5"),
    (1e16, "10000000000000000", "10000000000000000"),
    (1e21, "1e+21", "1e+21"),
    (1e-5, "1e-05", "1e-05"),
    ([], "[]", "[]interface {}{}"),
    ({}, "map[]", "map[string]interface {}{}"),
    (
        {"b": [1, "x"], "a": {"c": None}},
        "map[a:map[c:<nil>] b:[1 x]]",
        'map[string]interface {}{"a":map[string]interface {}{"c":interface {}(nil)}, '
        '"b":[]interface {}{1, "x"}}',
    ),
]


@pytest.mark.parametrize(("value", "v", "sharp"), PRINTED)
def test_values_as_go_prints_them(value: Any, v: str, sharp: str) -> None:
    assert (plain(value), syntax(value)) == (v, sharp)


@pytest.mark.parametrize(
    ("value", "kind", "name"),
    [
        (True, "bool", "bool"),
        (1, "int64", "int64"),
        (1.5, "float64", "float64"),
        ("", "string", "string"),
        ([], "slice", "[]interface {}"),
        ({}, "map", "map[string]interface {}"),
    ],
)
def test_types(value: Any, kind: str, name: str) -> None:
    assert (kind_of(value), type_name(value)) == (kind, name)
