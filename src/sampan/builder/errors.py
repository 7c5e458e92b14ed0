"""A build that failed, with the place in the Dockerfile that it failed at."""

import errno
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sampan.errors import Failed, Invalid, SampanError

if TYPE_CHECKING:
    from sampan.builder.plan.graph import Lines


@dataclass(frozen=True, kw_only=True)
class Place:
    filename: str
    text: str  # the whole Dockerfile
    lines: "Lines"


class DiskFull(Failed):
    """There is no room for what the build takes or makes."""

    NUMBERS = frozenset((errno.ENOSPC, errno.EDQUOT))


class DockerfileError(Invalid):
    """The Dockerfile itself is wrong. `message` is BuildKit's sentence, `place` the lines to show."""

    def __init__(self, message: str, *, place: Place | None = None, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.place = place


class StepFailed(Failed):
    """A step went wrong; `cause` is why. `snapshot`: the id that `sampan build shell` takes."""

    def __init__(
        self,
        message: str,
        *,
        cause: SampanError | None = None,
        place: Place | None = None,
        snapshot: str = "",
        exit_code: int | None = None,
        vertex: str = "",
    ) -> None:
        super().__init__(message)
        self.cause = cause
        self.place = place
        self.snapshot = snapshot
        self.exit_code = exit_code
        self.vertex = vertex


def excerpt(place: Place) -> str:
    """The lines, numbered, the wrong ones marked, as buildx prints them."""
    lines = place.text.split("\n")
    if lines and not lines[-1]:
        lines.pop()
    # As buildx: two lines around a single one, one around several.
    context = 2 if place.lines.first == place.lines.last else 1
    first = max(1, place.lines.first - context)
    last = min(len(lines), place.lines.last + context)
    shown = [f"{place.filename}:{place.lines.first}", "--------------------"]
    for number in range(first, last + 1):
        mark = ">>>" if place.lines.first <= number <= place.lines.last else "   "
        shown.append(f" {number:3} | {mark} {lines[number - 1]}".rstrip())
    return "\n".join([*shown, "--------------------"])
