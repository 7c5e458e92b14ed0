"""Times as Docker writes them: RFC 3339, UTC, up to nine digits of a second without trailing zeros."""

import re
import time
from datetime import UTC, datetime

ZERO = "0001-01-01T00:00:00Z"  # Go's zero time: "never"
RFC3339 = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9})\d*)?(Z|[+-]\d\d:\d\d)")


def now() -> str:
    return rfc3339(time.time_ns())


def rfc3339(nanoseconds: int) -> str:
    seconds, fraction = divmod(nanoseconds, 1_000_000_000)
    head = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    if not fraction:
        return head + "Z"
    return f"{head}.{fraction:09d}".rstrip("0") + "Z"


def nanoseconds(text: str) -> int:
    """RFC 3339 -> nanoseconds since the epoch; raises ValueError for anything else."""
    match = RFC3339.fullmatch(text)
    if match is None:
        raise ValueError(f"not an RFC 3339 time: {text!r}")
    zone = "+00:00" if match[3] == "Z" else match[3]
    moment = datetime.fromisoformat(match[1] + zone).astimezone(UTC)
    whole = int((moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds())
    return whole * 1_000_000_000 + int((match[2] or "0").ljust(9, "0"))
