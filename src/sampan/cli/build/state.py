"""The state of a build's steps, from the messages of its stream (BuildKit's SolveStatus as JSON)."""

from __future__ import annotations

import binascii
import time

from sampan.cli.build.printable import printable, printable_lines
from sampan.specs.golang.time import parse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

KEPT_LINES = 100  # of a step's output, for when it fails


class Step:
    """One vertex. Times are seconds since 1970, 0 where it has not come to that."""

    __slots__ = (
        "cached",
        "completed",
        "digest",
        "error",
        "lines",
        "name",
        "new_lines",
        "new_statuses",
        "new_warnings",
        "number",
        "partial",
        "partial_at",
        "shown_end",
        "started",
        "statuses",
    )

    def __init__(self, digest: str) -> None:
        self.digest = digest
        self.name = digest
        self.started = 0.0
        self.completed = 0.0
        self.cached = False
        self.error = ""
        self.number = 0  # in the order shown
        self.shown_end = False
        self.statuses: dict[str, Any] = {}
        self.new_statuses: dict[str, None] = {}
        self.new_warnings: list[str] = []
        self.lines: list[tuple[float, str]] = []  # the last ones
        self.new_lines: list[tuple[float, str]] = []  # since somebody took them
        self.partial = b""  # of a line that is not whole yet
        self.partial_at = 0.0

    @property
    def canceled(self) -> bool:
        return self.error.endswith("context canceled")

    def log(self, data: bytes, at: float) -> None:
        *whole, rest = (self.partial + data).split(b"\n")
        for line in whole:
            self._line(line, self.partial_at or at)
            self.partial_at = 0.0
        self.partial = rest
        self.partial_at = (self.partial_at or at) if rest else 0.0

    def end_line(self) -> None:
        """What has no line break yet is a line, too: the step has ended."""
        if self.partial:
            self._line(self.partial, self.partial_at)
            self.partial, self.partial_at = b"", 0.0

    def _line(self, data: bytes, at: float) -> None:
        line = (at, printable(data))
        self.new_lines.append(line)
        self.lines.append(line)
        if len(self.lines) > 2 * KEPT_LINES:
            del self.lines[:-KEPT_LINES]


class State:
    """All steps by digest, in the order they were first heard of."""

    def __init__(self) -> None:
        self.steps: dict[str, Step] = {}
        self.warnings: list[dict[str, Any]] = []
        self.explanations: list[dict[str, Any]] = []

    def apply(self, message: Any) -> dict[str, None]:
        """Take a message in; the digests of the steps it is about."""
        changed: dict[str, None] = {}
        for vertex in message.get("vertexes") or ():
            self._vertex(vertex)
            changed[vertex["digest"]] = None
        for status in message.get("statuses") or ():
            step = self._step(status["vertex"])
            step.statuses[status["id"]] = status
            step.new_statuses[status["id"]] = None
            changed[step.digest] = None
        for log in message.get("logs") or ():
            step = self._step(log["vertex"])
            step.log(binascii.a2b_base64(log.get("data") or ""), seconds(log.get("timestamp")))
            changed[step.digest] = None
        for warning in message.get("warnings") or ():
            self.warnings.append(warning)
            self._step(warning["vertex"]).new_warnings.append(_short(warning))
            changed[warning["vertex"]] = None
        self.explanations += message.get("explanations") or ()
        for digest in changed:
            if self.steps[digest].completed:
                self.steps[digest].end_line()
        return changed

    def _step(self, digest: str) -> Step:
        if digest not in self.steps:
            self.steps[digest] = Step(digest)
        return self.steps[digest]

    def _vertex(self, vertex: Any) -> None:
        step = self._step(vertex["digest"])
        step.name = printable(str(vertex.get("name") or "").encode("utf-8", "surrogateescape"))
        step.started = seconds(vertex.get("started"))
        step.completed = seconds(vertex.get("completed"))
        step.cached = bool(vertex.get("cached"))
        step.error = printable_lines(str(vertex.get("error") or ""))

    def failed(self) -> Step | None:
        """The step that the build failed at, as far as steps can tell."""
        for step in self.steps.values():
            if step.error and not step.canceled:
                return step
        return None

    def interrupt(self) -> None:
        """The user has had enough: whatever runs was stopped."""
        for step in self.steps.values():
            if step.started and not step.completed:
                step.completed = time.time()
                step.error = "context canceled"


def seconds(text: str | None) -> float:
    if not text:
        return 0.0
    return parse(text) / 1e9


def _short(warning: Any) -> str:
    try:
        text = binascii.a2b_base64(warning.get("short") or "")
    except binascii.Error:
        text = b""
    return printable(text)


def describe(status: Any, now: float) -> str:
    """ "transferring context: 2B done", "sha256:ab12 1.05MB / 2.21MB 0.4s"."""
    return f"{printable(str(status['id']).encode())}{amounts(status)}{times(status, now)}"


def amounts(status: Any) -> str:
    current, total = status.get("current") or 0, status.get("total") or 0
    if total:
        return f" {size(current)} / {size(total)}"
    return f" {size(current)}" if current else ""


def times(status: Any, now: float) -> str:
    started, completed = seconds(status.get("started")), seconds(status.get("completed"))
    took = (completed or seconds(status.get("timestamp")) or now) - started if started else 0.0
    return (f" {took:.1f}s" if took > 0.01 else "") + (" done" if completed else "")


def size(count: int) -> str:
    """BuildKit's units: 2B, 1.05MB."""
    if count < 1000:
        return f"{count}B"
    value = float(count)
    for unit in ("kB", "MB", "GB"):
        value /= 1000
        if value < 1000:
            return f"{value:.2f}{unit}"
    return f"{value / 1000:.2f}TB"
