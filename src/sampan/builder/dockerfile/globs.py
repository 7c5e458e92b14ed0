"""Patterns inside `${x#p}`, `${x%p}` and `${x/p/r}`: `*` and `?` alone, as BuildKit reads them.

Matching is done piece by piece and never backtracks over more than one piece, so that no pattern can take
longer than the product of its length and the value's.
"""

import re
from dataclasses import dataclass

_STAR, _ANY = object(), object()


@dataclass(frozen=True)
class Pattern:
    """Pieces of fixed length between the stars. Neither `*` nor `?` matches a newline (as in Go's regexp)."""

    pieces: tuple[re.Pattern[str], ...]
    lengths: tuple[int, ...]
    has_newline: bool

    def prefix(self, value: str, start: int = 0, *, greedy: bool) -> int | None:
        """Where the match that begins at `start` ends: the longest if `greedy`, else the shortest."""
        first = self.pieces[0].match(value, start)
        if first is None:
            return None
        position = first.end()
        for piece in self.pieces[1:-1]:
            found = piece.search(value, position)
            if found is None or found.start() > _line_end(value, position):
                return None
            position = found.end()
        if len(self.pieces) == 1:
            return position
        return self._last(value, position, greedy)

    def _last(self, value: str, position: int, greedy: bool) -> int | None:
        piece, length, limit = self.pieces[-1], self.lengths[-1], _line_end(value, position)
        if not greedy:
            found = piece.search(value, position)
            return found.end() if found and found.start() <= limit else None
        for start in range(min(limit, len(value) - length), position - 1, -1):
            if piece.match(value, start):
                return start + length
        return None

    def search(self, value: str, position: int) -> tuple[int, int] | None:
        """The leftmost match at or after `position`, as long as possible there."""
        while position <= len(value):
            found = self.pieces[0].search(value, position)
            if found is None:
                return None
            end = self.prefix(value, found.start(), greedy=True)
            if end is not None:
                return found.start(), end
            # What is missing after this start is missing after all others of the same line.
            position = found.start() + 1 if self.has_newline else _line_end(value, found.end()) + 1
        return None


def _line_end(value: str, position: int) -> int:
    end = value.find("\n", position)
    return len(value) if end < 0 else end


def remove_prefix(pattern: str, value: str, *, greedy: bool) -> str:
    """Raises ValueError."""
    end = _compile(_tokens(pattern)).prefix(value, greedy=greedy)
    return value if end is None else value[end:]


def remove_suffix(pattern: str, value: str, *, greedy: bool) -> str:
    """Raises ValueError."""
    end = _compile(_tokens(pattern)[::-1]).prefix(value[::-1], greedy=greedy)
    return value if end is None else value[: len(value) - end]


def replace(pattern: str, value: str, replacement: str, *, every: bool, limit: int) -> str:
    """Raises ValueError, also when the result would be longer than `limit`."""
    compiled = _compile(_tokens(pattern))
    out: list[str] = []
    copied, position, previous = 0, 0, -1
    size = len(value)
    while (found := compiled.search(value, position)) is not None:
        start, end = found
        if start == end == previous:  # an empty match right behind another one does not count
            position = end + 1
            continue
        out += [value[copied:start], replacement]
        size += len(replacement)
        if size > limit:
            raise ValueError("the result is too long")
        copied = position = previous = end
        if start == end:
            position += 1
        if not every:
            break
    return "".join([*out, value[copied:]])


def _tokens(pattern: str) -> list[object]:
    """_STAR, _ANY or a character each."""
    tokens: list[object] = []
    characters = iter(pattern)
    for char in characters:
        if char == "*":
            tokens.append(_STAR)
        elif char == "?":
            tokens.append(_ANY)
        elif char == "\\":
            # "}" and "/" had to be escaped to get here; everything else that may be is special in patterns.
            following = next(characters, "\ufffd")
            if following not in "*?\\}/":
                raise ValueError(f"invalid escape '\\{following}'")
            tokens.append(following)
        else:
            tokens.append(char)
    return tokens


def _compile(tokens: list[object]) -> Pattern:
    pieces: list[list[str]] = [[]]
    for token in tokens:
        if token is _STAR:
            pieces.append([])
        else:
            pieces[-1].append("." if token is _ANY else re.escape(str(token)))
    return Pattern(
        pieces=tuple(re.compile("".join(piece)) for piece in pieces),
        lengths=tuple(len(piece) for piece in pieces),
        has_newline="\n" in tokens,
    )
