"""What others write is shown on a terminal, and does nothing there."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan.specs.terminal import harmless


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Pod \u00e9 \u4e2d", "Pod \u00e9 \u4e2d"),
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("a\nb\r\tc", "a\\nb\\r\\tc"),
        ("\u202egnp.exe", "\\u202egnp.exe"),  # turns what follows around
        ("\x9b31m", "\\x9b31m"),  # an escape sequence of one byte
        ("\ud800", "\\ud800"),
    ],
)
def test_control_characters_are_shown(text: str, shown: str) -> None:
    assert harmless(text) == shown


@given(st.text())
def test_whatever_comes_is_printable(text: str) -> None:
    assert harmless(text).isprintable()
