"""strconv.Quote, and %q and %v of lists."""

from ast import literal_eval

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan.specs.golang.quote import plain_list, quote, quote_list, quote_rune


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("plain", '"plain"'),
        ('a"b\\c', r'"a\"b\\c"'),
        ("tab\tnew\nbell\a", r'"tab\tnew\nbell\a"'),
        ("é€", '"é€"'),
        ("\x01\x7f\u0085\u00a0\u200b", r'"\x01\x7f\u0085\u00a0\u200b"'),
        ("\U000e0001", r'"\U000e0001"'),
        ("\udcff", r'"\xff"'),
        ("\ud800", '"\ufffd"'),
    ],
)
def test_a_text_is_quoted(text: str, quoted: str) -> None:
    assert quote(text) == quoted


@pytest.mark.parametrize(
    ("number", "quoted"),
    [
        (0, r"'\x00'"),
        (3, r"'\x03'"),
        (10, r"'\n'"),
        (39, r"'\''"),
        (34, "'\"'"),
        (100, "'d'"),
        (-1, "'\ufffd'"),
    ],
)
def test_a_number_is_quoted_as_the_character_that_it_is(number: int, quoted: str) -> None:
    assert quote_rune(number) == quoted


def test_a_number_that_is_no_character() -> None:
    assert quote_rune(-1) == quote_rune(0xD800) == "'\ufffd'"


def test_lists() -> None:
    assert quote_list(["a b", 'c"']) == r'["a b" "c\""]'
    assert plain_list(("a b", "c")) == "[a b c]"
    assert quote_list([]) == plain_list([]) == "[]"


@given(st.text(st.characters(exclude_characters="'", max_codepoint=0x7E)))
def test_what_is_quoted_reads_as_pythons_own_literal(text: str) -> None:
    assert literal_eval(quote(text)) == text
