"""`<<EOF`, `<<-EOF`, `3<<"EOF"`: which documents follow an instruction."""

import re
from dataclasses import dataclass

from sampan.builder.dockerfile.expand import Lexer
from sampan.builder.errors import DockerfileError

_HEREDOC = re.compile(r"([0-9]*)<<(-?)([^<]*)")


@dataclass(frozen=True, kw_only=True)
class Mark:
    """How a document is announced; it ends at a line that is `name`."""

    name: str
    expand: bool
    chomp: bool
    descriptor: int


def parse_mark(word: str) -> Mark | None:
    """None: the word announces nothing. Raises DockerfileError for quotes that are not closed."""
    match = _HEREDOC.fullmatch(word)
    if match is None or not match[3]:
        return None
    # The name is quoted if reading it with and without its quotes gives different things.
    plain = Lexer(match[3], {}, keep_unset=True).run().words
    if len(plain) != 1:
        return None
    kept = Lexer(match[3], {}, keep_unset=True, quotes="keep").run().words
    if len(kept) != 1:
        raise DockerfileError(f"internal lexing of heredoc produced inconsistent results: {match[3]}")
    return Mark(
        name=plain[0],
        expand=_quotes(plain[0]) == _quotes(kept[0]),
        chomp=bool(match[2]),
        descriptor=int(match[1][:9] or 0),
    )


def mark_of(word: str) -> Mark | None:
    """As `parse_mark`, for words that may be anything."""
    try:
        return parse_mark(word)
    except DockerfileError:
        return None


def marks_of(line: str) -> list[Mark]:
    """All that a line announces, in order. Raises DockerfileError."""
    if "<<" not in line:
        return []
    try:
        words = Lexer(line, {}, keep_unset=True, quotes="keep", raw_escapes=True).run().words
    except DockerfileError:
        return []
    return [mark for word in words if (mark := parse_mark(word)) is not None]


def _quotes(word: str) -> int:
    return word.count("'") + word.count('"')
