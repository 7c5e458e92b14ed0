"""Go's patterns: what they match, what is wrong with them, and that no text takes them forever."""

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sampan.errors import Invalid
from sampan.specs.golang.regexp import compile_regexp


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        ("^[a-z]+$", "abc", True),
        ("^[a-z]+$", "abc\n", False),
        ("a.c", "a\nc", False),
        ("(?s)a.c", "a\nc", True),
        ("(?i)ABC", "xaBcx", True),
        ("(?m)^b$", "a\nb\nc", True),
        ("a{2,3}$", "baaa", True),
        ("^a{2}$", "aaa", False),
        (r"^\d+\.\w\s$", "12.a ", True),
        (r"\d", "\u0661", False),
        (r"\bfoo\b", "a foo b", True),
        (r"\Bfoo", "foo", False),
        ("^[[:alpha:]]+$", "aB", True),
        ("^[^[:digit:]a-c]$", "d", True),
        (r"^\pL+$", "\u00e4\u00df", True),
        (r"^\p{Greek}$", "\u03b1", True),
        (r"^\P{Lu}$", "A", False),
        (r"^\Qa.b\E$", "a.b", True),
        (r"^\x{1F600}$", "\U0001f600", True),
        ("(?P<n>a)|(?:b)", "b", True),
        ("a*?b", "aab", True),
        ("", "anything", True),
        (r"\A\z", "", True),
    ],
)
def test_what_matches(pattern: str, text: str, found: bool) -> None:
    assert compile_regexp(pattern).search(text) is found


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("(", "error parsing regexp: missing closing ): `(`"),
        (")", "error parsing regexp: unexpected ): `)`"),
        ("[a", "error parsing regexp: missing closing ]: `[a`"),
        ("*a", "error parsing regexp: missing argument to repetition operator: `*`"),
        ("a**", "error parsing regexp: invalid nested repetition operator: `**`"),
        ("a{2,1}", "error parsing regexp: invalid repeat count: `{2,1}`"),
        ("a{1001}", "error parsing regexp: invalid repeat count: `{1001}`"),
        (r"\8", "error parsing regexp: invalid escape sequence: `\\8`"),
        ("(?=a)", "error parsing regexp: invalid or unsupported Perl syntax: `(?=`"),
        ("[b-a]", "error parsing regexp: invalid character class range: `b-a`"),
        (r"\p{Nosuch}", "error parsing regexp: invalid character class range: `\\p{Nosuch}`"),
        ("a\\", "error parsing regexp: trailing backslash at end of expression: ``"),
    ],
)
def test_what_is_wrong_with_a_pattern(pattern: str, message: str) -> None:
    with pytest.raises(Invalid) as caught:
        compile_regexp(pattern)
    assert str(caught.value) == message


def test_the_leftmost_match_is_found_with_first_alternatives_first() -> None:
    assert compile_regexp("a|ab").find("xab") == (1, 2)
    assert compile_regexp("ab|a").find("xab") == (1, 3)
    assert compile_regexp("a*?").find("aa") == (0, 0)
    assert compile_regexp("[0-9]+").find_all("a1b22c333") == [(1, 2), (3, 5), (6, 9)]


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|aa)+$", "(a*)*b", "(.*)*x", "a{0,50}a{50}$"])
def test_time_grows_with_the_text_only(pattern: str) -> None:
    compiled = compile_regexp(pattern)
    started = time.monotonic()
    assert compiled.search("a" * 2000 + "!") is False
    assert time.monotonic() - started < 5


def test_a_pattern_that_repeats_repetitions_is_refused() -> None:
    with pytest.raises(Invalid):
        compile_regexp("((((a{1000}){1000}){1000}){1000}){1000}")


simple = st.recursive(
    st.sampled_from(["a", "b", ".", "[ab]", "[^a]", r"\d", "^", "$", r"\b"]),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map(lambda two: f"(?:{two[0]}|{two[1]})"),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "{1,2}", "*?"])).map(
            lambda two: f"(?:{two[0]}){two[1]}"
        ),
    ),
    max_leaves=6,
)


@settings(max_examples=400, deadline=None)
@given(simple, st.text("ab1 ", max_size=8))
def test_it_agrees_with_python_where_both_mean_the_same(pattern: str, text: str) -> None:
    # To Python "$" is also before a last newline, which no text here has.
    assert compile_regexp(pattern).search(text) is (re.search(pattern, text, re.ASCII) is not None)
