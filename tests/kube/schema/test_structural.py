"""Custom resources' objects: what is dropped, filled in and found wrong, in upstream's words."""

from copy import deepcopy
from typing import Any

import pytest

from sampan.kube.schema.decoding import DecodeError
from sampan.kube.schema.structural import DEEPEST, Structure, make_node

INT, STRING = {"type": "integer"}, {"type": "string"}


def structure(properties: dict[str, Any], **more: Any) -> Structure:
    spec = {"type": "object", "properties": properties, **more}
    return Structure({"type": "object", "properties": {"spec": spec}})


def errors(of: Structure, spec: Any, old: Any = None) -> list[str]:
    before = {"metadata": {"name": "a"}, "spec": old} if old is not None else None
    return [str(one) for one in of.validate({"metadata": {"name": "a"}, "spec": spec}, before)]


# --- decoding and defaults


def test_what_the_schema_does_not_know_is_dropped_and_named() -> None:
    schema = {"kept": INT, "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    sent = {
        "metadata": {"name": "a", "nosuch": 1},
        "spec": {"kept": 1, "gone": 2, "free": {"x": {"y": 1}}},
        "extra": [],
    }
    before = deepcopy(sent)
    decoded = structure(schema).decode(sent)
    assert decoded.object == {"metadata": {"name": "a"}, "spec": {"kept": 1, "free": {"x": {"y": 1}}}}
    assert decoded.unknown == [
        'unknown field "metadata.nosuch"',
        'unknown field "extra"',
        'unknown field "spec.gone"',
    ]
    assert sent == before


def test_lists_and_maps_are_pruned_inside() -> None:
    item = {"type": "object", "properties": {"a": INT}}
    of = structure(
        {"l": {"type": "array", "items": item}, "m": {"type": "object", "additionalProperties": item}}
    )
    decoded = of.decode({"spec": {"l": [{"a": 1, "b": 2}], "m": {"k": {"b": 1}}}})
    assert decoded.object == {"spec": {"l": [{"a": 1}], "m": {"k": {}}}}
    assert decoded.unknown == ['unknown field "spec.l[0].b"', 'unknown field "spec.m.k.b"']


def test_nulls_go_unless_they_may_stay() -> None:
    of = structure({"a": STRING, "b": {**STRING, "nullable": True}})
    assert of.decode({"spec": {"a": None, "b": None}}).object == {"spec": {"b": None}}


@pytest.mark.parametrize("body", [{"metadata": 1}, {"metadata": {"labels": {"a": 1}}}, [], "text", None])
def test_metadata_must_be_metadata(body: Any) -> None:
    with pytest.raises(DecodeError):
        structure({}).decode(body)


def test_what_nests_too_deeply_is_refused() -> None:
    value: Any = {}
    for _ in range(DEEPEST + 5):
        value = {"a": value}
    with pytest.raises(DecodeError, match="exceeded max depth"):
        structure({}).decode({"spec": value})


def test_defaults_are_filled_in_where_something_is_missing() -> None:
    inner = {"type": "object", "properties": {"n": {**INT, "default": 3}}}
    of = structure(
        {
            "s": {**STRING, "default": "x"},
            "o": {**inner, "default": {}},
            "l": {"type": "array", "items": inner},
            "never": inner,
        }
    )
    first, second = {"spec": {"l": [{}]}}, {"spec": {"s": "given", "o": {"n": 1}}}
    of.default(first)
    of.default(second)
    assert first == {"spec": {"s": "x", "o": {"n": 3}, "l": [{"n": 3}]}}
    assert second == {"spec": {"s": "given", "o": {"n": 1}}}
    assert first["spec"]["o"] is not of.schema["properties"]["spec"]["properties"]["o"]["default"]


# --- what is wrong


@pytest.mark.parametrize(
    ("schema", "value", "message"),
    [
        (INT, "x", 'spec.f: Invalid value: "string": spec.f in body must be of type integer: "string"'),
        (INT, 1.5, 'spec.f: Invalid value: "number": spec.f in body must be of type integer: "number"'),
        (
            {**INT, "maximum": 10},
            11,
            "spec.f: Invalid value: 11: spec.f in body should be less than or equal to 10",
        ),
        (
            {**INT, "minimum": 1, "exclusiveMinimum": True},
            1,
            "spec.f: Invalid value: 1: spec.f in body should be greater than 1",
        ),
        ({**INT, "multipleOf": 3}, 4, "spec.f: Invalid value: 4: spec.f in body should be a multiple of 3"),
        ({**STRING, "maxLength": 2}, "abc", "spec.f: Too long: may not be more than 2 bytes"),
        (
            {**STRING, "minLength": 2},
            "a",
            'spec.f: Invalid value: "a": spec.f in body should be at least 2 chars long',
        ),
        (
            {**STRING, "pattern": "^a+$"},
            "b",
            "spec.f: Invalid value: \"b\": spec.f in body should match '^a+$'",
        ),
        (
            {**STRING, "enum": ["a", "b"]},
            "c",
            'spec.f: Unsupported value: "c": supported values: "a", "b"',
        ),
        (
            {**STRING, "format": "ipv4"},
            "x",
            'spec.f: Invalid value: "x": spec.f in body must be of type ipv4: "x"',
        ),
        (
            {"type": "array", "items": INT, "maxItems": 1},
            [1, 2],
            "spec.f: Too many: 2: must have at most 1 item",
        ),
        (
            {"type": "array", "items": INT, "minItems": 1},
            [],
            "spec.f: Invalid value: 0: spec.f in body should have at least 1 items",
        ),
        ({"type": "object", "required": ["x"], "properties": {"x": INT}}, {}, "spec.f.x: Required value"),
        (
            {"type": "object", "additionalProperties": INT},
            {"k": "v"},
            'spec.f.k: Invalid value: "string": spec.f.k in body must be of type integer: "string"',
        ),
        (
            {**INT, "anyOf": [{"maximum": 1}, {"minimum": 5}]},
            3,
            "spec.f in body should be less than or equal to 1",
        ),
        ({**INT, "not": {"maximum": 5}}, 3, "must not validate the schema (not)"),
        (
            {"x-kubernetes-int-or-string": True},
            True,
            'spec.f in body must be of type integer,string: "boolean"',
        ),
        (
            {"type": "array", "items": STRING, "x-kubernetes-list-type": "set"},
            ["a", "a"],
            'spec.f[1]: Duplicate value: "a"',
        ),
        (
            {
                "type": "array",
                "items": {"type": "object", "properties": {"k": STRING}},
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["k"],
            },
            [{"k": "a"}, {"k": "a"}],
            'spec.f[1]: Duplicate value: {"k":"a"}',
        ),
    ],
)
def test_what_is_wrong_with_a_value(schema: dict[str, Any], value: Any, message: str) -> None:
    found = errors(structure({"f": schema}), {"f": value})
    assert any(message in one for one in found), found


def test_what_was_wrong_before_may_stay_as_it_is() -> None:
    of = structure({"a": {**INT, "maximum": 5}, "b": INT})
    assert errors(of, {"a": 9, "b": 2}, {"a": 9, "b": 1}) == []
    assert len(errors(of, {"a": 8, "b": 2}, {"a": 9, "b": 1})) == 1


# --- rules


def rule(text: str, **more: Any) -> list[dict[str, Any]]:
    return [{"rule": text, **more}]


def with_rule(text: str, **more: Any) -> Structure:
    return structure(
        {"n": INT, "m": INT, "l": {"type": "array", "items": INT}},
        **{"x-kubernetes-validations": rule(text, **more)},
    )


@pytest.mark.parametrize(
    ("of", "message"),
    [
        (with_rule("self.n <= self.m"), "spec: Invalid value: failed rule: self.n <= self.m"),
        (with_rule("self.n <= self.m", message="too much"), "spec: Invalid value: too much"),
        (
            with_rule("self.n <= self.m", messageExpression="'%d > %d'.format([self.n, self.m])"),
            "spec: Invalid value: 2 > 1",
        ),
        (
            with_rule("self.n <= self.m", message="plain", messageExpression="string(1 / (self.n - 2))"),
            "spec: Invalid value: plain",
        ),
        (with_rule("self.n <= self.m", reason="FieldValueForbidden"), "spec: Forbidden: failed rule"),
        (with_rule("self.n <= self.m", fieldPath=".n"), "spec.n: Invalid value: failed rule"),
        (with_rule("self.l[0] > 0"), "spec: Invalid value: no such key: l evaluating rule: self.l[0] > 0"),
    ],
)
def test_what_a_broken_rule_says(of: Structure, message: str) -> None:
    found = errors(of, {"n": 2, "m": 1})
    assert len(found) == 1
    assert message in found[0]


def test_transition_rules_look_at_updates_only() -> None:
    of = with_rule("self.n >= oldSelf.n")
    assert errors(of, {"n": 1}) == []
    assert errors(of, {"n": 2}, {"n": 1}) == []
    assert len(errors(of, {"n": 1}, {"n": 2})) == 1


def test_an_optional_old_self_is_there_on_creation_too() -> None:
    of = with_rule("oldSelf.hasValue() || self.n == 1", optionalOldSelf=True)
    assert errors(of, {"n": 1}) == []
    assert len(errors(of, {"n": 2})) == 1
    assert errors(of, {"n": 2}, {"n": 1}) == []


def test_items_of_keyed_lists_are_compared_with_what_they_were() -> None:
    item = {
        "type": "object",
        "properties": {"k": STRING, "v": INT},
        "required": ["k"],
        "x-kubernetes-validations": rule("self.v == oldSelf.v"),
    }
    of = structure(
        {
            "l": {
                "type": "array",
                "items": item,
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["k"],
            }
        }
    )
    old = {"l": [{"k": "a", "v": 1}, {"k": "b", "v": 2}]}
    assert errors(of, {"l": [{"k": "b", "v": 2}, {"k": "c", "v": 9}]}, old) == []
    assert "spec.l[0]: Invalid value" in errors(of, {"l": [{"k": "b", "v": 3}]}, old)[0]


def test_rules_wait_for_values_that_have_the_right_types() -> None:
    found = errors(with_rule("self.n > 0"), {"n": "x"})
    assert len(found) == 2
    assert "some validation rules were not checked because the object was invalid" in found[1]


def test_all_rules_of_an_object_share_one_budget() -> None:
    inner = {
        "type": "array",
        "items": INT,
        "x-kubernetes-validations": rule("self.all(a, self.exists(b, b > a))"),
    }
    of = structure({"l": {"type": "array", "items": inner}})
    found = errors(of, {"l": [list(range(500)) for _ in range(200)]})
    assert "cost" in found[-1]
    assert len(found) < 200


def test_a_rule_that_does_not_compile_is_told_at_its_place() -> None:
    assert "rule compile error" in errors(with_rule("self.nosuch > 1"), {"n": 1})[0]


def test_nodes_say_how_lists_merge() -> None:
    schema = {
        "type": "object",
        "properties": {
            "spec": {
                "type": "object",
                "properties": {
                    "l": {
                        "type": "array",
                        "items": {"type": "object", "properties": {"k": STRING}},
                        "x-kubernetes-list-type": "map",
                        "x-kubernetes-list-map-keys": ["k"],
                    },
                    "m": {"type": "object", "additionalProperties": INT},
                },
            }
        },
    }
    node = make_node(schema, root=True)
    spec = node.fields["spec"]
    assert (spec.fields["l"].list_type, spec.fields["l"].list_keys) == ("map", ("k",))
    assert spec.fields["m"].type == "map"
    assert "labels" in node.fields["metadata"].fields
