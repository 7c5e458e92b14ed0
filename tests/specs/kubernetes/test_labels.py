"""Label selectors: what they match, and what is said of those that are none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan.specs.kubernetes import labels

HAVE = {"env": "prod", "tier": "fe", "n": "5", "empty": ""}


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        ("", True),
        ("env=prod", True),
        ("env==prod", True),
        ("env!=prod", False),
        ("nosuch!=x", True),
        ("env in (prod, dev)", True),
        ("env notin (prod)", False),
        ("nosuch notin (x)", True),
        ("env", True),
        ("!env", False),
        ("!nosuch,tier=fe", True),
        ("n>4", True),
        ("n<5", False),
        ("env>1", False),
        ("empty=", True),
        ("env=", False),
        ("env in ()", False),
        ("empty in (,x)", True),
        (" env = prod , tier in(fe) ", True),
        ("in=x", False),
        ("notin", False),
    ],
)
def test_what_a_selector_matches(text: str, matches: bool) -> None:
    assert labels.parse(text).matches(HAVE) is matches


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a b", "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"),
        ("a in b", "unable to parse requirement: found 'b' expected: '('"),
        ("!", "unable to parse requirement: found '', expected: identifier"),
        ("a=b,,c", "found ',', expected: identifier after ','"),
        ("a=b,", "found '', expected: identifier after ','"),
        ("=x", "found '=', expected: !, identifier, or 'end of string'"),
        ("()", "found '(', expected: !, identifier, or 'end of string'"),
        ("x=y=z", "found '=', expected: ',' or 'end of string'"),
        ("a in (b", "unable to parse requirement: found '', expected: ',' or ')'"),
        (
            "a<x",
            'unable to parse requirement: values[0]: Invalid value: "x": '
            "for 'Gt', 'Lt' operators, the value must be an integer",
        ),
    ],
)
def test_what_is_said_of_a_bad_selector(text: str, says: str) -> None:
    with pytest.raises(labels.BadSelector) as failure:
        labels.parse(text)
    assert str(failure.value) == says


def test_keys_and_values_must_be_what_labels_may_be() -> None:
    for text, part in (("a/b/c=1", '<nil>: Invalid value: "a/b/c"'), ("a=" + "x" * 64, "values[0][a]")):
        with pytest.raises(labels.BadSelector, match="unable to parse requirement") as failure:
            labels.parse(text)
        assert part in str(failure.value)


def test_a_selector_of_an_object() -> None:
    selector = labels.from_object(
        {
            "matchLabels": {"env": "prod"},
            "matchExpressions": [
                {"key": "tier", "operator": "In", "values": ["fe", "be"]},
                {"key": "x", "operator": "DoesNotExist"},
            ],
        }
    )
    assert selector.matches(HAVE)
    assert not selector.matches({**HAVE, "x": ""})
    assert labels.from_object({}).matches({})
    assert not labels.from_object(None).matches(HAVE)


@given(st.text(alphabet="ab=!(),<> \tinot", max_size=30))
def test_any_text_is_a_selector_or_refused(text: str) -> None:
    try:
        selector = labels.parse(text)
    except labels.BadSelector:
        return
    assert selector.matches(HAVE) in (True, False)
    again = labels.parse(str(selector))
    for have in ({}, HAVE, {"a": "b"}, {"ab": ""}, {"b": "a", "in": "o"}):
        assert again.matches(have) is selector.matches(have)
