"""YAML as Go reads and writes it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan.kube.schema import yamltext
from sampan.kube.schema.decoding import DecodeError
from sampan.kube.schema.yamlparsing import parse_yaml, read_yaml


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", True),
        ("n", False),
        ("Off", False),
        ("~", None),
        ("", None),
        ("1:30", "1:30"),
        ("2026-01-02", "2026-01-02"),
        ("0o14", 12),
        ("014", 12),
        ("08", 8),
        ("0x1F", 31),
        ("1_000", 1000),
        ("1e3", 1000),
        ("-.5", -0.5),
        ("+1.5", 1.5),
        ("1.2.3", "1.2.3"),
        ("--1", "--1"),
        ("'1'", "1"),
        ("!!str 1", "1"),
        ("!!binary aGk=", "hi"),
        ("=", "="),
        ("{1: a, true: b, 1.5: c}", {"1": "a", "true": "b", "1.5": "c"}),
        ("a: &x {b: 1}\nc: {<<: *x, d: 2}", {"a": {"b": 1}, "c": {"b": 1, "d": 2}}),
        ("a: 1\n---\nb: 2", {"a": 1}),
        ("# nothing", None),
    ],
)
def test_what_a_text_means(text: str, value: Any) -> None:
    assert read_yaml(text.encode())[0] == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: b: c", "yaml: mapping values are not allowed in this context"),
        ("a: 1\nb: c: d", "yaml: line 2: mapping values are not allowed in this context"),
        ("\t- x", "yaml: found character that cannot start any token"),
        ("x: &a [*a]", "yaml: anchor 'a' value contains itself"),
        ("a: *b", "yaml: unknown anchor 'b' referenced"),
        ("a: .nan", "json: unsupported value: NaN"),
        ("{a: 1}: b", "unsupported key"),
    ],
)
def test_what_is_wrong_is_told_as_go_does(text: str, message: str) -> None:
    with pytest.raises(DecodeError) as told:
        read_yaml(text.encode())
    assert message in str(told.value)


def test_few_bytes_cannot_stand_for_many_values() -> None:
    levels = ["a0: &a0 [x,x,x,x,x,x,x,x,x,x]"]
    levels += [f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    with pytest.raises(DecodeError, match="excessive aliasing"):
        read_yaml("\n".join(levels).encode())


def test_levels_are_limited() -> None:
    for text in ("[" * 5_000, "- " * 5_000 + "a"):
        with pytest.raises(DecodeError):
            read_yaml(text.encode())


def test_keys_that_are_there_twice_are_one_error_of_the_strict_reader() -> None:
    assert parse_yaml(b"a: 1\nb: 2\na: 3\nc: {d: 1, d: 2}") == (
        {"a": 3, "b": 2, "c": {"d": 2}},
        [
            'yaml: unmarshal errors:\n  line 3: key "a" already set in map'
            '\n  line 4: key "d" already set in map'
        ],
    )


def test_objects_are_printed_as_kubectl_users_know_them() -> None:
    value = {
        "kind": "ConfigMap",
        "metadata": {"creationTimestamp": "2026-01-02T03:04:05Z", "labels": {}, "generation": 2, "x": None},
        "data": {
            "a": "yes",
            "b": "1",
            "c": "two\nlines\n",
            "d": "",
            "e": "192.0.2.1:6443",
            "f": "1:30",
        },
        "items": [{"n": 1.0, "f:x": {".": {}}}, "y"],
    }
    assert yamltext.dump(value).decode() == (
        'data:\n  a: "yes"\n  b: "1"\n  c: |\n    two\n    lines\n  d: ""\n  e: 192.0.2.1:6443\n  f: "1:30"\n'
        'items:\n- f:x:\n    .: {}\n  "n": 1\n- "y"\nkind: ConfigMap\n'
        'metadata:\n  creationTimestamp: "2026-01-02T03:04:05Z"\n  generation: 2\n  labels: {}\n  x: null\n'
    )


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 63), (1 << 63) - 1) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(JSON)
def test_what_is_printed_is_read_back(value: Any) -> None:
    assert read_yaml(yamltext.dump(value))[0] == value


@given(st.text(alphabet="a1:-[]{}&*!|>'\"%@`,#?~<. \n\t").map(str.encode) | st.binary())
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        read_yaml(data)
    except DecodeError:
        pass
