import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan.errors import Invalid
from sampan.specs.docker.ignore.file import parse
from sampan.specs.golang.path import clean, inside


@pytest.mark.parametrize(
    ("text", "patterns"),
    [
        (b"", ()),
        (
            b"\xef\xbb\xbftest1\n/test2\n/a/file/here\n\nlastfile",
            ("test1", "test2", "a/file/here", "lastfile"),
        ),
        (b"# this is a comment\n! /inverted/abs/path\n!\n! \n", ("!inverted/abs/path", "!", "!")),
        (b"  # no comment\n", ("# no comment",)),
        (b"a/\n./b\nc//d/../e\n/\n..\n", ("a", "b", "c/e", "/", "..")),
        (b"x\r\ny \t\n", ("x", "y")),
        (b"\xff\n", ("\udcff",)),
    ],
)
def test_lines_become_clean_patterns(text: bytes, patterns: tuple[str, ...]) -> None:
    assert parse(text) == patterns


def test_an_endless_line_is_refused() -> None:
    with pytest.raises(Invalid):
        parse(b"x" * (64 << 10))


@pytest.mark.parametrize(
    ("path", "cleaned"),
    [
        ("", "."),
        ("a/", "a"),
        ("/", "/"),
        ("/../a", "/a"),
        ("../a/..", ".."),
        ("a//b/./../c", "a/c"),
        ("./", "."),
    ],
)
def test_clean_is_gos(path: str, cleaned: str) -> None:
    assert clean(path) == cleaned


@given(st.text("a./", max_size=12))
def test_inside_never_leaves(path: str) -> None:
    found = inside(path)
    assert not found.startswith("/") and ".." not in found.split("/")
    assert clean(clean(path)) == clean(path)
