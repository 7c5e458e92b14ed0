"""The arguments of an instruction, as each kind of instruction has them split. Quotes stay in the words."""

import json
import re

from sampan.builder.dockerfile.expand import SPACES
from sampan.builder.errors import DockerfileError
from sampan.specs.golang.quote import quote

BLANKS = re.compile(r"[\t\v\f\r ]+")


def split_words(text: str, escape: str) -> list[str]:
    """Words separated by blanks outside of quotes; quotes and escape characters stay in the words."""
    words: list[str] = []
    word: list[str] = []
    opened, started, position = "", False, 0
    while position < len(text):
        char = text[position]
        if not opened and char in SPACES:
            if started or word:
                words.append("".join(word))
            word, started = [], False
        elif char == escape and opened != "'":
            # Takes the next character along, even a quote; at the end it means nothing.
            if position + 1 < len(text):
                word.append(text[position : position + 2])
                position += 1
        else:
            if char == opened:
                opened = ""
            elif not opened and char in "'\"":
                opened, started = char, True
            word.append(char)
        position += 1
    if started or word:
        words.append("".join(word))
    return words


def json_strings(text: str) -> list[str] | None:
    """The exec form; None: it is none. Raises DockerfileError for an array of anything but strings."""
    text = text.lstrip(SPACES)
    if not text.startswith("["):
        return None
    try:
        value = json.loads(text, strict=True, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return None
    if not all(isinstance(item, str) for item in value):
        raise DockerfileError("when using JSON array syntax, arrays must be comprised of strings only")
    return [_valid(item) for item in value]


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _valid(text: str) -> str:
    """Lone surrogates of \\u escapes replaced, as Go's decoder does."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def pairs(text: str, name: str, escape: str) -> list[tuple[str, str, bool]]:
    """`a=b c="d e"`, or the old `a the value`: key, value, whether it is the old form. Raises
    DockerfileError.
    """
    words = split_words(text, escape)
    if not words:
        return []
    if "=" not in words[0]:
        parts = BLANKS.split(text, maxsplit=1)
        if len(parts) < 2:
            raise DockerfileError(f"{name} must have two arguments")
        return [(parts[0], parts[1], True)]
    found: list[tuple[str, str, bool]] = []
    for word in words:
        key, equals, value = word.partition("=")
        if not equals:
            message = f"Syntax error - can't find = in {quote(word)}. Must be of the form: name=value"
            raise DockerfileError(message)
        found.append((key, value, False))
    return found
