"""The patterns of .dockerignore, of --exclude, and of what a client is asked to send. Pure.

Semantics are moby/patternmatcher's: "**" crosses directories, "!" takes back, a directory that matches takes
what is in it along, the last pattern has the last word. Patterns of one sign that follow each other are asked
together: sets for plain names and ends of names, one regular expression for the rest.
"""

import re
from collections.abc import Callable, Iterable

from sampan.errors import Invalid
from sampan.specs.docker.ignore.expressions import Slow, translate
from sampan.specs.golang.match import compile_match
from sampan.specs.golang.path import clean, trim

MOST = 10_000  # patterns with wildcards; to compile one takes 0.1 ms
_SPECIAL = frozenset("*[]?^\\")


class Matcher:
    """What a list of patterns says about paths ("a/b"). Raises Invalid for an invalid pattern."""

    def __init__(self, patterns: Iterable[str]) -> None:
        self._runs: list[_Run] = []
        exceptions: list[str] = []
        positive: list[str] = []
        wild = 0
        for text in patterns:
            pattern, negative = _cleaned(text)
            if not pattern:
                continue
            wild += not _SPECIAL.isdisjoint(pattern)
            if wild > MOST:
                raise Invalid(f"more than {MOST} patterns with wildcards")
            if not self._runs or self._runs[-1].negative != negative:
                self._runs.append(_Run(negative))
            self._runs[-1].add(pattern)
            (exceptions if negative else positive).append(
                pattern.removesuffix("/**").removesuffix("/*") + "/"
            )
        for run in self._runs:
            run.finish()
        self._exceptions = tuple(exceptions)
        self._plain_exceptions = not any(_SPECIAL & set(text) for text in exceptions)
        self._positive = tuple(positive)
        self._plain = not any(_SPECIAL & set(text) for text in positive)
        self._single = self._runs[0] if len(self._runs) == 1 and not self._runs[0].negative else None

    def __bool__(self) -> bool:
        return bool(self._runs)

    def matches(self, path: str) -> bool:
        """Whether `path`, or a directory it lies in, matches."""
        matched = False
        for run in self._runs:
            if run.negative == matched and any(run.matches(name) for name in _with_parents(path)):
                matched = not run.negative
        return matched

    def below(self, path: str, parent: int) -> tuple[bool, int]:
        """The same for who walks down a tree: what `below` gave for the parent (0 at the top) saves work.

        As BuildKit's clients do it, also where this differs from `matches` (a pattern that comes twice).
        """
        if self._single is not None:
            found = parent != 0 or self._single.matches(path)
            return found, int(found)
        matched, state = False, 0
        for index, run in enumerate(self._runs):
            bit = 1 << index
            if parent & bit or (run.negative == matched and run.matches(path)):
                state |= bit
                matched = not run.negative
        return matched, state

    def checker(self, parent: int) -> Callable[[str], object]:
        """`below` for the files of one directory, whose own state is `parent`: true when they match.

        What is called for each of 100,000 files: with one run of patterns it costs half of `below`.
        """
        if self._single is not None and not parent:
            return self._single.checker()
        below = self.below
        return lambda path: below(path, parent)[0]

    def may_spare_below(self, directory: str) -> bool:
        """Whether something in a directory that matches may not match, so that one has to look."""
        if not self._exceptions:
            return False
        prefix = directory + "/"
        return not self._plain_exceptions or any(text.startswith(prefix) for text in self._exceptions)

    def may_match_below(self, directory: str) -> bool:
        """Whether something in a directory that does not match may match."""
        prefix = directory + "/"
        return not self._plain or any(text.startswith(prefix) for text in self._positive)


class _Run:
    """Patterns of one sign in a row: any of them decides."""

    def __init__(self, negative: bool) -> None:
        self.negative = negative
        self._exact: set[str] = set()
        self._prefixes: tuple[str, ...] = ()
        self._suffixes: tuple[str, ...] = ()
        self._expressions: list[str] = []
        self._regex: re.Pattern[str] | None = None
        self._slow: list[Slow] = []

    def add(self, pattern: str) -> None:
        kind, text = translate(pattern)
        if kind == "exact":
            self._exact.add(text)
        elif kind == "prefix":
            self._prefixes += (text,)
        elif kind == "suffix":
            self._suffixes += (text,)
            if text.startswith("/"):
                self._exact.add(text[1:])
        elif kind == "regex":
            self._expressions.append(text)
        else:
            self._slow.append(Slow(text))

    def finish(self) -> None:
        if self._expressions:
            self._regex = re.compile("|".join(self._expressions), re.ASCII)

    def checker(self) -> Callable[[str], object]:
        exact, suffixes, prefixes = self._exact, self._suffixes, self._prefixes
        if self._slow:
            return self.matches
        if self._regex is None:
            return lambda path: path in exact or path.endswith(suffixes) or path.startswith(prefixes)
        match = self._regex.fullmatch
        if not exact and not suffixes and not prefixes:
            return match
        return lambda path: (
            path in exact or path.endswith(suffixes) or path.startswith(prefixes) or match(path)
        )

    def matches(self, path: str) -> bool:
        return (
            path in self._exact
            or path.endswith(self._suffixes)
            or path.startswith(self._prefixes)
            or (self._regex is not None and self._regex.fullmatch(path) is not None)
            or any(slow.matches(path) for slow in self._slow)
        )


def _cleaned(text: str) -> tuple[str, bool]:
    """The pattern and whether it takes back. Raises Invalid."""
    pattern = trim(text)
    if not pattern:
        return "", False
    pattern = clean(pattern)
    negative = pattern.startswith("!")
    if negative:
        pattern = pattern[1:]
        if not pattern:
            raise Invalid('illegal exclusion pattern: "!"')
    if not _SPECIAL.isdisjoint(pattern):
        compile_match(pattern)  # moby asks Go whether it is a pattern
    return pattern, negative


def _with_parents(path: str) -> Iterable[str]:
    yield path
    slash = path.find("/")
    while slash > 0:
        yield path[:slash]
        slash = path.find("/", slash + 1)
