"""path.Clean and strings.TrimSpace."""

import posixpath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan.specs.golang.path import clean, inside, trim


@pytest.mark.parametrize(
    ("path", "cleaned"),
    [
        ("", "."), ("/", "/"), ("//", "/"), ("//a//b/", "/a/b"), ("a/./b", "a/b"), ("a/../b", "b"),
        ("../a", "../a"), ("a/../..", ".."), ("/..", "/"), ("/../a", "/a"), ("./", "."), ("...", "..."),
    ],
)  # fmt: skip
def test_clean(path: str, cleaned: str) -> None:
    assert clean(path) == cleaned


@given(st.text("/.ab", max_size=12))
def test_clean_is_posix_but_for_two_leading_slashes(path: str) -> None:
    assert clean(path) == posixpath.normpath(path).replace("//", "/")
    assert clean(clean(path)) == clean(path)


@given(st.text("/.ab", max_size=12))
def test_nothing_leads_out(path: str) -> None:
    assert not inside(path).startswith("/") and ".." not in inside(path).split("/")


def test_trim_takes_what_go_calls_space() -> None:
    assert trim(" \t\u00a0\u3000a b\u2028\n") == "a b"
    assert trim("\x1ca\x1f") == "\x1ca\x1f"  # space to Python alone
