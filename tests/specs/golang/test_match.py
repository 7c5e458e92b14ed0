"""path.Match."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan.errors import Invalid
from sampan.specs.golang.match import compile_match, has_wildcards

# After the table of Go's own tests, path/match_test.go.
CASES = [
    ("abc", "abc", True), ("*", "abc", True), ("*c", "abc", True), ("a*", "a", True), ("a*", "ab/c", False),
    ("a*/b", "abc/b", True), ("a*/b", "a/c/b", False), ("a*b*c*d*e*/f", "axbxcxdxe/f", True),
    ("a*b?c*x", "abxbbxdbxebxczzx", True), ("ab[c]", "abc", True), ("ab[b-d]", "abc", True),
    ("ab[e-g]", "abc", False), ("ab[^c]", "abc", False), ("ab[^e-g]", "abc", True), ("a\\*b", "a*b", True),
    ("a\\*b", "ab", False), ("a?b", "a\u263ab", True), ("a???b", "a\u263ab", False), ("a?b", "a/b", False),
    ("[\\]a]", "]", True), ("[x\\-]", "-", True), ("*x", "xxx", True), ("", "", True), ("", "a", False),
]  # fmt: skip


@pytest.mark.parametrize(("pattern", "name", "matches"), CASES)
def test_patterns(pattern: str, name: str, matches: bool) -> None:
    assert (compile_match(pattern).fullmatch(name) is not None) is matches


@pytest.mark.parametrize("pattern", ["[", "[]a]", "[-]", "[x-]", "[-x]", "[a-b-c]", "a[", "\\"])
def test_bad_patterns(pattern: str) -> None:
    with pytest.raises(Invalid, match="syntax error in pattern"):
        compile_match(pattern)


@given(st.text("a*?/", max_size=8), st.text("a/", max_size=8))
def test_a_text_without_wildcards_matches_itself_alone(pattern: str, name: str) -> None:
    if not has_wildcards(pattern):
        assert (compile_match(pattern).fullmatch(name) is not None) == (pattern == name)
