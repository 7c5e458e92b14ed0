"""Command lines with what they must print: one row a behaviour, one check for all of them."""

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from tests.support.client import Client, Result


@dataclass(frozen=True)
class Row:
    """`IMAGE` and `NAME` in `line` stand for the suite's image and a name of the test's own."""

    why: str
    line: str
    out: str | None = None  # exactly, without the last newline
    like: str = ""  # a regular expression found in standard output
    err: str = ""  # a regular expression found in standard error
    code: int = 0
    stdin: bytes = b""
    unlike: str = ""  # must not be found in standard output


def each(rows: Sequence[Row]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("row", rows, ids=[row.why.replace(" ", "-") for row in rows])


def check(cli: Client, row: Row, image: str, name: str) -> Result:
    def fill(text: str) -> str:
        return re.sub(r"\bNAME\b", name, re.sub(r"\bIMAGE\b", image, text))

    words = [fill(word) for word in shlex.split(row.line)]
    result = cli(*words, stdin=row.stdin)
    shown = f"{row.why}\n{result}"
    assert result.code == row.code, f"wanted exit {row.code}: {shown}"
    if row.out is not None:
        assert result.out == fill(row.out), f"wanted {row.out!r}: {shown}"
    if row.like:
        assert re.search(fill(row.like), result.out, re.M), f"wanted {row.like!r}: {shown}"
    if row.unlike:
        assert not re.search(row.unlike, result.out, re.M), f"unwanted {row.unlike!r}: {shown}"
    if row.err:
        assert re.search(fill(row.err), result.err, re.M), f"wanted {row.err!r}: {shown}"
    assert "Traceback" not in result.err, shown
    return result
