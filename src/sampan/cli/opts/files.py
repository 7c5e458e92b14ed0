"""--env-file, --label-file and other option values that name files on this machine."""

from __future__ import annotations

import os

from sampan.cli import gojson
from sampan.cli.errors import CliError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


def read_text(path: str) -> str:
    """Raises CliError in Go's words."""
    try:
        with open(path, "rb") as file:
            return file.read().decode("utf-8", "surrogateescape")
    except OSError as error:
        raise CliError(f"open {path}: {(error.strerror or str(error)).lower()}") from None


def environment_lines(paths: list[str]) -> list[str]:
    """NAME=value lines of the files; a bare NAME takes this process's value, or is left out."""
    return _lines(paths, os.environ.get, "environment")


def label_lines(paths: list[str]) -> list[str]:
    return _lines(paths, None, "label")


def _lines(paths: list[str], lookup: Callable[[str], str | None] | None, kind: str) -> list[str]:
    found: list[str] = []
    for path in paths:
        text = read_text(path)
        for number, raw in enumerate(text.removeprefix("\ufeff").split("\n"), 1):
            if any(0xDC80 <= ord(char) <= 0xDCFF for char in raw):
                shown = raw.encode("utf-8", "surrogateescape")
                raise CliError(f"invalid env file ({path}): invalid utf8 bytes at line {number}: {shown!r}")
            found += _line(raw.lstrip().rstrip("\r"), lookup, path)
    return found


def _line(line: str, lookup: Callable[[str], str | None] | None, path: str) -> list[str]:
    if not line or line.startswith("#"):
        return []
    name, equals, _ = line.partition("=")
    if not name:
        raise CliError(f"invalid env file ({path}): no variable name on line '{line}'")
    if any(char.isspace() for char in name):
        raise CliError(f"invalid env file ({path}): variable '{name}' contains whitespaces")
    if equals:
        return [line]
    value = lookup(name) if lookup else None
    return [] if value is None else [f"{name}={value}"]


def security_options(values: list[str]) -> list[str]:
    """--security-opt values with a seccomp profile's file replaced by its content; raises CliError."""
    found = []
    for text in values:
        name, separator, value = text.partition("=")
        if not separator and name != "no-new-privileges":
            name, separator, value = text.partition(":")
        if not value and name != "no-new-privileges":
            raise CliError(f'Invalid --security-opt: "{text}"')
        if name == "seccomp" and value not in ("builtin", "unconfined"):
            text = f"seccomp={_profile(value)}"
        found.append(text)
    return found


def _profile(path: str) -> str:
    try:
        text = read_text(path)
    except CliError as error:
        raise CliError(f"opening seccomp profile ({path}) failed: {error.message}") from None
    try:
        return gojson.dumps(gojson.loads(text))
    except ValueError as error:
        raise CliError(f"compacting json for seccomp profile ({path}) failed: {error}") from None
