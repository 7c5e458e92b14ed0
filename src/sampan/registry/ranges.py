"""One byte range of a body; an invalid range, or several, gets the whole body. RFC 9110, 14."""

import re
from dataclasses import dataclass

from sampan.registry.errors import RangeUnsatisfiable

_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")


@dataclass(frozen=True)
class Span:
    """From `start` up to `end`, not included."""

    start: int
    end: int
    partial: bool = False

    @property
    def length(self) -> int:
        return self.end - self.start

    def content_range(self, total: int) -> str:
        return f"bytes {self.start}-{self.end - 1}/{total}"


def span(header: str, total: int) -> Span:
    """What a Range header asks of `total` bytes. Raises RangeUnsatisfiable."""
    match = _RANGE.fullmatch(header.strip()) if header else None
    if match is None or not (match[1] or match[2]):
        return Span(0, total)
    if not match[1]:
        start, end = max(total - int(match[2]), 0), total
        if int(match[2]) == 0:
            start = total
    else:
        start, end = int(match[1]), total
        if match[2]:
            if int(match[2]) < start:
                return Span(0, total)
            end = min(int(match[2]) + 1, total)
    if start >= total:
        raise RangeUnsatisfiable("range not satisfiable", headers={"Content-Range": f"bytes */{total}"})
    return Span(start, end, True)


def names_etag(header: str, etag: str) -> bool:
    """Whether If-None-Match names the entity."""
    return any(given.strip().removeprefix("W/") in (etag, "*") for given in header.split(","))
