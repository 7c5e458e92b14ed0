"""The JSON messages by which the daemon reports on long work: a bar for each layer on a terminal, else lines.

A message with an ID and progress has a line of its own, which later ones of that ID overwrite by moving the
cursor up and down again; any other message is printed below and freezes the lines above it.
Source: the wire format of the Docker Engine API; ECMA-48 cursor controls.
"""

from __future__ import annotations

import os

from sampan.cli.errors import CliError
from sampan.cli.streams import write_all
from sampan.specs.golang.duration import SECOND
from sampan.specs.golang.units import human_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

_BAR = 50  # columns of a whole bar
_BAR_NEEDS = 110  # columns of a terminal beyond which there is room for one
_CLEAR_LINE = "\x1b[2K\r"


def show(messages: Iterable[Any], descriptor: int = 1) -> None:
    """Print messages as they come; raises CliError for an error message."""
    display = Display(os.isatty(descriptor), lambda: _terminal_width(descriptor))
    for message in messages:
        text = display.text(message)
        if text:
            _put(descriptor, text)


def drain(messages: Iterable[Any]) -> None:
    """Wait for the end of the work without a word; raises CliError for an error message."""
    for message in messages:
        check(message)


def check(message: Any) -> None:
    """Raises CliError for an error message."""
    failure = message.get("errorDetail") or ({"message": message["error"]} if message.get("error") else None)
    if failure:
        raise CliError(str(failure.get("message") or message.get("error") or "unknown error"))


class Display:
    """What to write for each message of one stream."""

    def __init__(self, terminal: bool, width: Callable[[], int]) -> None:
        self._terminal = terminal
        self._width = width
        self._lines: dict[str, int] = {}

    def text(self, message: Any) -> str:
        """Empty where the message shows nothing; raises CliError for an error message."""
        if message.get("aux") is not None:
            return ""
        check(message)
        up, down = self._place(message)
        return up + self._line(message) + down

    def _place(self, message: Any) -> tuple[str, str]:
        """(cursor movement to the message's line, movement back below all lines)."""
        name = message.get("id")
        if not name or (message.get("progressDetail") is None and not message.get("progress")):
            self._lines = {}
            return "", ""
        start = ""
        if name not in self._lines:
            self._lines[name] = len(self._lines)
            start = "\n"
        if not self._terminal:
            return "", ""
        rows = len(self._lines) - self._lines[name]
        return f"{start}\x1b[{rows}A", f"\x1b[{rows}B"

    def _line(self, message: Any) -> str:
        detail = message.get("progressDetail")
        stream = message.get("stream") or ""
        bar = "" if detail is None else self._bar(detail)
        start = end = ""
        if self._terminal and not stream and detail is not None:
            start, end = _CLEAR_LINE, "\r"
        elif bar:
            return ""
        if message.get("id"):
            start += f"{message['id']}: "
        if message.get("from"):
            start += f"(from {message['from']}) "
        status = message.get("status") or ""
        if detail is not None and self._terminal:
            return f"{start}{status} {bar}{end}"
        if message.get("progress"):
            return f"{start}{status} {message['progress']}{end}"
        return start + (f"{stream}{end}" if stream else f"{status}{end}\n")

    def _bar(self, detail: Any) -> str:
        current, total = detail.get("current") or 0, detail.get("total") or 0
        units = detail.get("units") or ""
        if current <= 0 and total <= 0:
            return ""
        if total <= 0:
            return _amount(current, units)
        done = min(int(current / total * 100) // 2, _BAR)
        text = ""
        if self._width() > _BAR_NEEDS:
            text = f"[{'=' * done}>{' ' * (_BAR - done)}] "
        if not detail.get("hidecounts"):
            text += _amount(current, units, 0 if current > total else total)
        if current > 0 and (detail.get("start") or 0) > 0 and done < _BAR:
            text += " " + _time_left(detail["start"], current, total)
        return text


def _amount(current: int, units: str, total: int = 0) -> str:
    """ "     1kB/2.2MB"; bytes unless `units` names something else."""
    if units:
        return f"{current}/{total} {units}" if total else f"{current} {units}"
    text = f"{human_size(current):>8}"
    return f"{text}/{human_size(total)}" if total else text


def _time_left(start: int, current: int, total: int) -> str:
    import time

    from sampan.specs.golang.duration import format_duration

    each = (time.time_ns() - start * SECOND) // current
    left = (total - current) * each
    return format_duration((left + SECOND // 2) // SECOND * SECOND)


def _terminal_width(descriptor: int) -> int:
    try:
        return os.get_terminal_size(descriptor).columns
    except OSError:
        return 200


def _put(descriptor: int, text: str) -> None:
    if descriptor == 1:
        import sys

        sys.stdout.flush()
    write_all(descriptor, text.encode("utf-8", "surrogateescape"))
