"""Notes beside a command's output: plain text in a file or pipe, highlighted with SGR controls on a terminal.

Source: ECMA-48 8.3.117, Select Graphic Rendition.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TextIO

_RESET = "\x1b[0m"
_PLAIN = " Info -> "
_COLOURED = f"\x1b[1m\x1b[106m\x1b[30mi{_RESET}{_RESET} \x1b[96mInfo → {_RESET}{_RESET}"
_MARGIN = " " * len(_PLAIN)


def note(stream: TextIO, text: str, bold: str = "") -> None:
    """Print `text`, which may have several lines; `bold` is emphasised where that can be shown."""
    terminal = os.isatty(stream.fileno())
    if terminal and bold:
        text = text.replace(bold, f"\x1b[1m{bold}{_RESET}")
    lines = [f"\x1b[3m{line}{_RESET}" if terminal else line for line in text.split("\n")]
    sys.stdout.flush()
    head = _COLOURED if terminal else _PLAIN
    stream.write(f"\n{head}" + f"\n{_MARGIN}".join(lines) + "\n")
    stream.flush()


def underlined(text: str) -> str:
    return f"\x1b[4m{text}{_RESET}"
