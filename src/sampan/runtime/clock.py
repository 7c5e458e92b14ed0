"""Timestamps as Go's RFC3339Nano prints them: UTC, nanoseconds, trailing zeros dropped."""

from __future__ import annotations

import time


def rfc3339(nanoseconds: int | None = None) -> str:
    now = time.time_ns() if nanoseconds is None else nanoseconds
    seconds, fraction = divmod(now, 1_000_000_000)
    text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    return f"{text}.{fraction:09d}".rstrip("0").rstrip(".") + "Z"
