"""moby/patternmatcher's rows (its own tests state the same facts), and that no expression runs away."""

import re
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sampan.errors import Invalid
from sampan.specs.docker.ignore.expressions import Slow, _tame, _translated, translate
from sampan.specs.docker.ignore.patterns import Matcher

CASES = [
    ("**", "file", True),
    ("**", "file/", True),
    ("**/", "file", True),
    ("**", "dir/file", True),
    ("**/**", "dir/file", True),
    ("dir/**", "dir/file", True),
    ("dir/**", "dir/dir2/file", True),
    ("dir/**", "dir", False),
    ("**/dir", "dir", True),
    ("**/dir", "dir/file", True),
    ("**/dir2/*", "dir/dir2/file", True),
    ("**/dir2/**", "dir/dir2/dir2/file", True),
    ("**file", "file", True),
    ("**file", "dir/file", True),
    ("**/file", "dir/dir/file", True),
    ("**file*", "dir/dir/file.txt", True),
    ("**file*txt", "dir/dir/file.txt", True),
    ("**file*.txt*", "dir/dir/file.txt", True),
    ("**/**/*.txt", "dir/dir/file.txt", True),
    ("**/**/*.txt2", "dir/dir/file.txt", False),
    ("**/*.txt", "file.txt", True),
    ("**/**/*.txt", "file.txt", True),
    ("a**/*.txt", "a/file.txt", True),
    ("a**/*.txt", "a/dir/dir/file.txt", True),
    ("a/*.txt", "a/dir/file.txt", False),
    ("a/*.txt", "a/file.txt", True),
    ("a/*.txt**", "a/file.txt", True),
    ("a[b-d]e", "ae", False),
    ("a[b-d]e", "ace", True),
    ("a[b-d]e", "aae", False),
    ("a[^b-d]e", "aze", True),
    (".*", ".foo", True),
    (".*", "foo", False),
    ("abc.def", "abcdef", False),
    ("abc.def", "abc.def", True),
    ("abc?def", "abcZdef", True),
    ("abc?def", "abcdef", False),
    (r"a\\", "a\\", True),
    (r"a\*b", "a*b", True),
    ("**/foo/bar", "foo/bar", True),
    ("**/foo/bar", "dir/foo/bar/file", True),
    ("abc/**", "abc/def/ghi", True),
    ("**/.foo", ".foo", True),
    ("**/.foo", "bar.foo", False),
    ("./bar/*", "./bar/x", False),
    ("foo/../bar", "bar/x", True),
    ("a(b)c/def", "a(b)c/def", True),
    ("a(b)c/def", "a(b)c/xyz", False),
    ("a.|)$(}+{bc", "a.|)$(}+{bc", True),
    ("dist/**/*.whl", "dist/proxy.py-2.4.0rc3.whl", True),
    ("dist/**/*.whl", "dist/a/b/proxy.whl", True),
    ("*/*/c*", "a/b/cd/e", True),
    ("x*y*z/q?", "xayybz/q1", True),
    ("x*y*z/q?", "xayybz/q", False),
    ("**/a*/**/*.map", "q/ab/c/d.map", True),
    ("**/a*/**/*.map", "ab/d.map", True),
    ("**/a*/**/*.map", "q/b/d.map", False),
    ("a*/**", "abc/d/e", True),
    ("a*/**", "abc", False),
]


@pytest.mark.parametrize(("pattern", "path", "expected"), CASES)
def test_a_pattern_matches(pattern: str, path: str, expected: bool) -> None:
    assert Matcher([pattern]).matches(path) is expected


LISTS = [
    (["**", "!util/docker/web"], "util/docker/web/foo", False),
    (["**", "!util/docker/web", "util/docker/web/foo"], "util/docker/web/foo", True),
    (["**", "!dist/proxy.py-2.4.0rc3.whl"], "dist/proxy.py-2.4.0rc3.whl", False),
    (["**", "!dist/*.whl"], "dist/proxy.py-2.4.0rc3.whl", False),
    (["*", "!*.md", "README.md"], "README.md", True),
    (["*", "!*.md", "README.md"], "OTHER.md", False),
    (["docs", "!docs/README.md"], "docs/README.md", False),
    (["a", "!a/b"], "a/b/c", False),
    ([], "a", False),
    (["", "  "], "a", False),
    (["/"], "a", False),
]


@pytest.mark.parametrize(("patterns", "path", "expected"), LISTS)
def test_the_last_pattern_has_the_last_word(patterns: list[str], path: str, expected: bool) -> None:
    assert Matcher(patterns).matches(path) is expected


@pytest.mark.parametrize("pattern", ["!", "[", "a[]", "[-x]", "[x-]", "[a-]b]", "a\\"])
def test_what_is_no_pattern_is_refused(pattern: str) -> None:
    with pytest.raises(Invalid):
        Matcher([pattern])


PATHS = st.lists(st.text("ab.", min_size=1, max_size=4), min_size=1, max_size=5).map("/".join)
PATTERNS = st.text("ab.*?/[]", min_size=1, max_size=12)


@given(PATTERNS, PATHS)
@example("*a*b", "aab")
@example("**/*a/**/b*", "a/a/b/b")
def test_the_quick_and_the_slow_way_agree_with_the_translation(pattern: str, path: str) -> None:
    try:
        Matcher([pattern])
        kind, text = _translated(pattern)
        plain = re.compile(text, re.ASCII)
    except (Invalid, re.error):
        return
    if kind != "regex":
        return
    expected = plain.fullmatch(path) is not None
    assert Slow(text).matches(path) is expected
    if tame := _tame(pattern):
        assert (re.fullmatch(tame, path) is not None) is expected


@given(st.lists(st.one_of(PATTERNS, PATTERNS.map("!{}".format)), max_size=4), PATHS)
def test_walking_down_says_what_asking_for_the_whole_path_says_without_exceptions(
    patterns: list[str], path: str
) -> None:
    try:
        matcher = Matcher(pattern for pattern in patterns if not pattern.startswith("!"))
    except Invalid:
        return
    state, found = 0, False
    for end in [index for index, char in enumerate(path) if char == "/"] + [len(path)]:
        found, state = matcher.below(path[:end], state)
    assert found is matcher.matches(path)


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("*a" * 30 + "b", "a" * 250),
        ("**/a*/" * 20 + "b", "a/" * 1000 + "c"),
        ("[ab^]*" * 20 + "x", "a" * 250),
        ("**a" * 20, "a" * 250 + "b"),
    ],
)
def test_no_pattern_takes_for_ever(pattern: str, path: str) -> None:
    matcher = Matcher([pattern])
    started = time.process_time()
    matcher.below(path, 0)
    assert time.process_time() - started < 1


def test_kinds_that_need_no_expression() -> None:
    assert [translate(pattern)[0] for pattern in ("a/b", "a/**", "**/b", "*.txt")] == [
        "exact",
        "prefix",
        "suffix",
        "regex",
    ]
