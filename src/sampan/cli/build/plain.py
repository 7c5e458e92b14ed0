"""Progress as lines that are never taken back, in the form of BuildKit's plain output.

One step is shown at a time, and stays the shown one while it has something to say; another that has ended is
shown whole in between. What runs beside it waits, at most `PATIENCE` seconds after the shown one fell silent.
"""

from __future__ import annotations

import time

from sampan.cli.build.state import State, Step, describe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

PATIENCE = 5.0


class Plain:
    """Feed it messages; it calls `put` with text."""

    def __init__(self, put: Callable[[str], None], clock: Callable[[], float] = time.time) -> None:
        self.state = State()
        self._put = put
        self._clock = clock
        self._pending: dict[str, None] = {}
        self._current: Step | None = None
        self._spoke = 0.0  # when the current one last did
        self._count = 0
        self._out: list[str] = []

    def update(self, message: Any) -> None:
        self._pending.update(self.state.apply(message))
        self._advance()
        self._flush()

    def tick(self) -> None:
        """Time has passed."""
        if self._current is not None and self._pending and self._clock() - self._spoke > PATIENCE:
            self._show(self._chatty())
            self._flush()

    def finish(self) -> None:
        for digest in list(self._pending):
            step = self.state.steps[digest]
            if step.started or step.new_lines:
                self._show(step)
        self._flush()

    def _flush(self) -> None:
        if self._out:
            self._put("".join(self._out))
            self._out.clear()

    def _advance(self) -> None:
        steps = self.state.steps
        if self._current is not None and self._current.digest in self._pending:
            self._show(self._current)
        ended = [steps[digest] for digest in self._pending if steps[digest].completed]
        for step in sorted(ended, key=lambda step: step.completed):
            self._show(step)
        if self._current is None or self._current.completed:
            running = [steps[digest] for digest in self._pending if steps[digest].started]
            if running:
                self._show(min(running, key=lambda step: step.started))

    def _chatty(self) -> Step:
        waiting = [self.state.steps[digest] for digest in self._pending]
        return max(waiting, key=lambda step: (len(step.new_lines), -step.started))

    def _show(self, step: Step) -> None:
        self._pending.pop(step.digest, None)
        self._switch(step)
        head = f"#{step.number}"
        for identity in step.new_statuses:
            self._out.append(f"{head} {describe(step.statuses[identity], self._clock())}\n")
        step.new_statuses = {}
        self._out += [f"{head} WARN: {text}\n" for text in step.new_warnings]
        step.new_warnings = []
        for at, line in step.new_lines:
            self._out.append(
                f"{head} {elapsed(at - step.started)} {line}\n"
                if line
                else f"{head} {elapsed(at - step.started)}\n"
            )
        step.new_lines = []
        self._spoke = self._clock()
        if step.completed and not step.shown_end:
            step.shown_end = True
            self._out.append(f"{head} {ending(step)}\n")

    def _switch(self, step: Step) -> None:
        before = self._current
        if before is step:
            if step.shown_end and not step.completed:
                step.shown_end = False
            return
        if before is not None:
            self._out.append("\n" if before.completed else f"#{before.number} ...\n\n")
        if not step.number:
            self._count += 1
            step.number = self._count
        self._out.append(f"#{step.number} {step.name}\n")
        self._current = step


def ending(step: Step) -> str:
    if step.error:
        return "CANCELED" if step.canceled else f"ERROR: {step.error}"
    return "CACHED" if step.cached else f"DONE {step.completed - step.started:.1f}s"


def elapsed(duration: float) -> str:
    """Five characters for as long as they do: 0.123, 12.35, 123.5, 12345."""
    text = f"{max(duration, 0.0):.3f}"
    return text if len(text) <= 5 else text[: max(text.index("."), 5)].rstrip(".")
