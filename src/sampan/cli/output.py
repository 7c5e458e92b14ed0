"""Where commands write: results to stdout, the rest to stderr."""

from __future__ import annotations

import sys


def out(text: str, end: str = "\n") -> None:
    sys.stdout.write(text + end)


def warn(text: str) -> None:
    """A line on stderr, after what stdout already holds."""
    sys.stdout.flush()
    sys.stderr.write(text + "\n")
    sys.stderr.flush()
