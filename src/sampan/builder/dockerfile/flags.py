"""`--name=value` between an instruction and its arguments."""

from collections.abc import Iterable, Mapping
from typing import Literal

from sampan.builder.dockerfile.expand import SPACES
from sampan.builder.dockerfile.suggest import did_you_mean
from sampan.builder.errors import DockerfileError

Kind = Literal["bool", "string", "strings"]


def split_flags(line: str) -> tuple[list[str], str]:
    """The flags in front, and the rest. Quotes group, a backslash takes the next character as it is."""
    flags: list[str] = []
    position = 0
    while True:
        while position < len(line) and line[position] in SPACES:
            position += 1
        if line[position : position + 2] != "--":
            return flags, line[position:]
        word, position = _word(line, position)
        if word == "--":
            return flags, line[position:]
        flags.append(word)


def _word(line: str, position: int) -> tuple[str, int]:
    word, quote = "", ""
    while position < len(line):
        char = line[position]
        if not quote and char in SPACES:
            break
        if char == quote:
            quote = ""
        elif not quote and char in "'\"":
            quote = char
        elif char == "\\":
            position += 1
            word += line[position : position + 1]
        else:
            word += char
        position += 1
    return word, position


class Flags:
    """The flags of one instruction, checked against those it knows."""

    def __init__(self, given: Iterable[str], known: Mapping[str, Kind]) -> None:
        """Raises DockerfileError."""
        self.used: dict[str, list[str]] = {}
        for word in given:
            name, equals, value = word[2:].partition("=")
            kind = known.get(name)
            if kind is None:
                raise DockerfileError(did_you_mean(f"unknown flag: {name}", name, known))
            if name in self.used and kind != "strings":
                raise DockerfileError(f"duplicate flag specified: {name}")
            if (kind == "bool" and equals and not value) or (kind != "bool" and not equals):
                raise DockerfileError(f"missing a value on flag: {name}")
            if kind == "bool" and value.lower() not in ("", "true", "false"):
                raise DockerfileError(f"expecting boolean value for flag {name}, not: {value}")
            self.used.setdefault(name, []).append(value)

    def string(self, name: str, default: str = "") -> str:
        return self.used[name][0] if name in self.used else default

    def strings(self, name: str) -> tuple[str, ...]:
        return tuple(self.used.get(name, ()))

    def boolean(self, name: str) -> bool | None:
        """None: it was not given."""
        return self.used[name][0].lower() != "false" if name in self.used else None
