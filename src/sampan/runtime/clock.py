"""Timestamps as Go's RFC3339Nano prints them: UTC, nanoseconds, trailing zeros dropped."""

from __future__ import annotations

import time


def rfc3339(nanoseconds: int | None = None) -> str:
    now = time.time_ns() if nanoseconds is None else nanoseconds
    seconds, fraction = divmod(now, 1_000_000_000)
    t = time.gmtime(seconds)
    text = f"{t[0]:04d}-{t[1]:02d}-{t[2]:02d}T{t[3]:02d}:{t[4]:02d}:{t[5]:02d}.{fraction:09d}"
    return text.rstrip("0").rstrip(".") + "Z"
