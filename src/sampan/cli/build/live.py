"""Progress on a terminal: a list of steps that is drawn over itself until the build has ended.

Everything drawn is plain text cut to the terminal's width, so that the number of rows to go up again is
known; when the width changes meanwhile, rows are counted as the terminal has wrapped them. Source: ECMA-48.
"""

from __future__ import annotations

import time

from sampan.cli.build.printable import fit, printable, without_colours
from sampan.cli.build.state import State, Step, amounts, seconds

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

LOG_ROWS = 6  # of a running step's output
BETWEEN = 0.08  # seconds between two drawings at least
BLUE, RED, YELLOW, FAINT, NONE = "34", "31", "33", "2", ""

# (colour, text on the left, text on the right)
Row = tuple[str, str, str]


class Live:
    """Feed it messages, and call `tick` now and then; it calls `put` with text and control sequences."""

    def __init__(
        self,
        put: Callable[[str], None],
        size: Callable[[], tuple[int, int]],
        *,
        colours: bool = True,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.state = State()
        self._put = put
        self._size = size
        self._colours = colours
        self._clock = clock
        self._begun = clock()
        self._drawn: list[int] = []  # columns of the rows that stand there
        self._last = 0.0

    def update(self, message: Any) -> None:
        for digest in self.state.apply(message):
            step = self.state.steps[digest]
            step.new_statuses = {}
            step.new_warnings = []
            step.new_lines = []
        self.tick()

    def tick(self) -> None:
        """Draw, unless that was just done."""
        if self._clock() - self._last >= BETWEEN:
            self.draw()

    def finish(self) -> None:
        self.draw(finished=True)

    def draw(self, finished: bool = False) -> None:
        self._last = self._clock()
        width, height = self._size()
        width = max(width - 1, 20)
        rows = [self._header(finished), *limited(self._rows(finished), 0 if finished else max(height - 2, 4))]
        text = [self._back(width + 1), "\x1b[?25l"]
        self._drawn = []
        for colour, left, right in rows:
            line, columns = aligned(left, right, width)
            if colour and self._colours:
                line = f"\x1b[{colour}m{line}\x1b[0m"
            text.append(f"{line}\x1b[K\n")
            self._drawn.append(columns)
        text.append("\x1b[J\x1b[?25h")
        self._put("".join(text))

    def _back(self, width: int) -> str:
        up = sum(1 if columns <= width else -(-columns // width) for columns in self._drawn)
        return f"\r\x1b[{up}A" if up else "\r"

    def _header(self, finished: bool) -> Row:
        steps = self.state.steps.values()
        done = sum(1 for step in steps if step.completed)
        word = " FINISHED" if finished else ""
        return NONE, f"[+] Building {self._clock() - self._begun:.1f}s ({done}/{len(steps)}){word}", ""

    def _rows(self, finished: bool) -> list[tuple[int, Row]]:
        """(how early it may be left out when there is no room; row)."""
        rows: list[tuple[int, Row]] = []
        steps = [step for step in self.state.steps.values() if step.started]
        for step in sorted(steps, key=lambda step: step.started):
            rows.append((2 if step.completed and not step.error else 9, self._step(step)))
            for status in list(step.statuses.values()):
                rows.append((1 if step.completed else 4, self._status(status)))
            if not step.completed and not finished:
                for _, line in step.lines[-LOG_ROWS:]:
                    rows.append((3, (FAINT, f" => => # {without_colours(line)}", "")))
        return rows

    def _step(self, step: Step) -> Row:
        took = (step.completed or self._clock()) - step.started
        word, colour = "", BLUE if step.completed else NONE
        if step.error:
            word, colour = ("CANCELED ", YELLOW) if step.canceled else ("ERROR ", RED)
        elif step.cached:
            word = "CACHED "
        return colour, f" => {word}{without_colours(step.name)}", f"{max(took, 0.0):.1f}s"

    def _status(self, status: Any) -> Row:
        started, completed = seconds(status.get("started")), seconds(status.get("completed"))
        took = (completed or self._clock()) - started if started else 0.0
        name = without_colours(printable(str(status["id"]).encode("utf-8", "surrogateescape")))
        return BLUE if completed else NONE, f" => => {name}{amounts(status)}", f"{max(took, 0.0):.1f}s"


def limited(rows: list[tuple[int, Row]], height: int) -> list[Row]:
    """At most `height` rows (0: all of them); the least needed go first, from above."""
    excess = len(rows) - height if height else 0
    for level in (1, 2, 3, 4, 9):
        if excess <= 0:
            break
        kept = []
        for need, row in rows:
            if need == level and excess > 0:
                excess -= 1
            else:
                kept.append((need, row))
        rows = kept
    return [row for _, row in rows]


def aligned(left: str, right: str, width: int) -> tuple[str, int]:
    """Both on one line of at most `width` columns; (text, its columns)."""
    if not right:
        return fit(left, width)
    cut, columns = fit(left, width - len(right) - 1)
    return cut + " " * (width - len(right) - columns) + right, width
