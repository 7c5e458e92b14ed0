"""Field selectors."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan.specs.kubernetes import fields

HAVE = {"metadata.name": "a", "x": "a,b=c\\"}


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        ("", True),
        ("metadata.name=a", True),
        ("metadata.name==a", True),
        ("metadata.name!=a", False),
        ("metadata.name=a,metadata.name=b", False),
        ("x=a\\,b\\=c\\\\", True),
        (",", True),
    ],
)
def test_what_a_selector_matches(text: str, matches: bool) -> None:
    assert fields.parse(text).matches(lambda name: HAVE.get(name, "")) is matches


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a", "invalid selector: 'a'; can't understand 'a'"),
        ("a=b,c", "invalid selector: 'a=b,c'; can't understand 'c'"),
        ("a>5", "invalid selector: 'a>5'; can't understand 'a>5'"),
        ("a=b\\x", "invalid field selector: invalid escape sequence: \\x"),
    ],
)
def test_what_is_said_of_a_bad_selector(text: str, says: str) -> None:
    with pytest.raises(fields.BadSelector) as failure:
        fields.parse(text)
    assert str(failure.value) == says


def test_the_one_name_that_is_asked_for() -> None:
    assert fields.parse("metadata.name=a,x!=b").exactly("metadata.name") == "a"
    assert fields.parse("metadata.name!=a").exactly("metadata.name") is None


@given(st.dictionaries(st.text("ab.", min_size=1, max_size=5), st.text("ab,=\\!", max_size=6), max_size=3))
def test_what_is_printed_is_read_again(wanted: dict[str, str]) -> None:
    selector = fields.Selector(tuple(fields.Term(name, True, value) for name, value in wanted.items()))
    again = fields.parse(str(selector))
    assert {term.field: term.value for term in again.terms} == wanted
