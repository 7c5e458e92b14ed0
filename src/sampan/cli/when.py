"""Values of --since and --until: a time in one of Docker's forms, or how long ago, as the API takes them."""

from __future__ import annotations

import time

from sampan.cli.errors import CliError
from sampan.cli.timestamps import days_from_epoch, parse_rfc3339
from sampan.errors import Invalid
from sampan.specs.golang.duration import parse_duration


def timestamp(text: str) -> str:
    """Seconds[.nanoseconds] since the epoch; raises CliError in the words of Go's time.Parse."""
    try:
        nanoseconds = parse_duration(text)
        moment = time.time_ns() - nanoseconds
        return f"{moment // 10**9}.{moment % 10**9:09d}"
    except Invalid:
        pass
    if "-" not in text[1:] and "T" not in text:
        return _number(text)
    return _date(text)


def _number(text: str) -> str:
    whole, dot, fraction = text.partition(".")
    if not whole.lstrip("-").isdigit() or (dot and not fraction.isdigit()):
        raise CliError(f'failed to parse value as time or duration: "{text}"')
    return text


def _date(text: str) -> str:
    """YYYY-MM-DD[THH[:MM[:SS[.fraction]]]][Z|+HH:MM], in the local zone where none is given."""
    shape, zone = text, ""
    if text[-1:] in "Zz":
        shape, zone = text[:-1], "Z"
    elif text[-6:-5] in ("+", "-") and text[-3:-2] == ":" and "T" in text:
        shape, zone = text[:-6], text[-6:]
    date, _, clock = shape.partition("T")
    clock, _, fraction = clock.partition(".")
    parts = clock.split(":") if clock else []
    parts += ["00"] * (3 - len(parts))
    try:
        whole = f"{date}T{':'.join(parts)}"
        if len(whole) != 19:
            raise ValueError(text)
        seconds, nanoseconds = parse_rfc3339(f"{whole}.{fraction or '0'}{zone or 'Z'}")
    except (ValueError, IndexError):
        raise CliError(f'parsing time "{text}" as "2006-01-02": cannot parse "{text}" as "2006"') from None
    if not zone:
        seconds = _local(date, parts)
    return f"{seconds}.{nanoseconds:09d}"


def _local(date: str, parts: list[str]) -> int:
    numbers = [int(part) for part in (date[:4], date[5:7], date[8:10], *parts)]
    days_from_epoch(*numbers[:3])
    return int(time.mktime((*numbers[:6], 0, 0, -1)))  # type: ignore[arg-type]
