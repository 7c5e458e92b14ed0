"""Points in time: how long ago they were, and the values of --since and --until."""

from __future__ import annotations

import time

from sampan.cli.errors import CliError
from sampan.errors import Invalid
from sampan.specs.golang.time import SECOND, parse, string
from sampan.specs.golang.units import human_duration

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def ago(seconds: float) -> str:
    """How long ago a point in time was, in seconds since 1970."""
    return f"{human_duration(time.time() - seconds)} ago"


def since(text: str) -> str:
    """The same for one that the API wrote."""
    return ago(parse(text) // SECOND)


def created_at(row: Any) -> str:
    """The CreatedAt of a row whose "Created" is in seconds."""
    return string(int(row.get("Created") or 0) * SECOND)


def timestamp(text: str) -> str:
    """A time in one of Docker's forms, or how long ago, as the API takes it; raises CliError."""
    from sampan.specs.docker import filters

    try:
        return filters.timestamp(text, time.time_ns())
    except Invalid as error:
        raise CliError(error.message) from None
