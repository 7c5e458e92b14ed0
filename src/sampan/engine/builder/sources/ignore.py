""".dockerignore: a pattern a line. Pure."""

from collections.abc import Sequence


def parse(data: bytes) -> tuple[str, ...]:
    """The patterns of the file, cleaned as moby does. Raises Invalid."""
    raise NotImplementedError
