"""Parameters as Docker's clients send them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan.errors import Invalid
from sampan.http.requests import parse_filters, parse_object, query_bool, query_int


@pytest.mark.parametrize("value", ["", "0", "no", "false", "none", "False", " NO "])
def test_these_words_are_false(value: str) -> None:
    assert query_bool({"all": value}, "all", True) is False


@pytest.mark.parametrize("value", ["1", "true", "yes", "on", "x"])
def test_everything_else_is_true(value: str) -> None:
    assert query_bool({"all": value}, "all") is True


def test_an_absent_parameter_is_its_default() -> None:
    assert query_bool({}, "stream", True) is True
    assert query_int({}, "limit", 7) == 7


@pytest.mark.parametrize("value", ["x", "1.5", "1_0", " 1", "9" * 30])
def test_a_bad_number_is_refused_in_go_words(value: str) -> None:
    with pytest.raises(Invalid, match=r"strconv\.ParseInt: parsing"):
        query_int({"limit": value}, "limit")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {}),
        ('{"status":{"running":true,"exited":false}}', {"status": ["running"]}),
        ('{"label":["a=b","c"]}', {"label": ["a=b", "c"]}),
        ("null", {}),
    ],
)
def test_both_forms_of_filters_are_understood(text: str, expected: dict[str, list[str]]) -> None:
    assert parse_filters({"filters": text}) == expected


@pytest.mark.parametrize("text", ["{", "[]", "1", '{"a":1}', '{"a":[1]}', '{"a":{"b":1}}'])
def test_other_filters_are_refused(text: str) -> None:
    with pytest.raises(Invalid, match="invalid filter"):
        parse_filters({"filters": text})


@pytest.mark.parametrize("body", [b"{", b"[]", b'"x"', b"1", b"{} {}", b"\xff", b"[" * 100_000])
def test_a_body_that_is_no_object_is_refused(body: bytes) -> None:
    with pytest.raises(Invalid):
        parse_object(body)


@pytest.mark.parametrize("body", [rb'{"a":"\u0000"}', rb'{"\u0000":1}', rb'{"a":[{"b":"x\u0000"}]}'])
def test_null_characters_are_refused(body: bytes) -> None:
    with pytest.raises(Invalid, match="null character"):
        parse_object(body)


def test_an_escaped_backslash_is_no_null_character() -> None:
    assert parse_object(rb'{"a":"\\u0000"}') == {"a": r"\u0000"}


@given(st.binary(max_size=200))
def test_any_bytes_are_an_object_or_invalid(body: bytes) -> None:
    try:
        assert isinstance(parse_object(body), dict)
    except Invalid:
        pass
