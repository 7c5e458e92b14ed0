"""The patterns of .dockerignore, of --exclude, and of what a client is asked to send. Pure.

Semantics are moby/patternmatcher's, path by path: "**", "!", a parent that matches takes its children along.
"""

from collections.abc import Iterable


class Matcher:
    """What a list of patterns says about paths. Raises Invalid for a pattern that is none."""

    def __init__(self, patterns: Iterable[str]) -> None:
        raise NotImplementedError

    def matches(self, path: str) -> bool:
        """Whether `path` ("a/b"), or a directory it lies in, matches, the last word being had by the last pattern."""
        raise NotImplementedError
