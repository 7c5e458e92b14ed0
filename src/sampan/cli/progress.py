"""The JSON messages by which the daemon reports on long work, as plain lines."""

from __future__ import annotations

from sampan.cli.errors import CliError
from sampan.cli.streams import write_all

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any


def show(messages: Iterable[Any], descriptor: int = 1) -> None:
    """Print one line a message, progress bars left out; raises CliError for an error message."""
    for message in messages:
        line = text(message)
        if line is not None:
            _put(descriptor, line)


def text(message: Any) -> str | None:
    """What to print of a message, None for nothing; raises CliError."""
    failure = message.get("errorDetail") or ({"message": message["error"]} if message.get("error") else None)
    if failure:
        raise CliError(str(failure.get("message") or message.get("error") or "unknown error"))
    detail = message.get("progressDetail") or {}
    if detail.get("current") or detail.get("total"):
        return None
    prefix = f"{message['id']}: " if message.get("id") else ""
    if message.get("from"):
        prefix += f"(from {message['from']}) "
    if message.get("stream"):
        return f"{prefix}{message['stream']}"
    if message.get("status") or prefix:
        return f"{prefix}{message.get('status', '')}\n"
    return None


def _put(descriptor: int, line: str) -> None:
    if descriptor == 1:
        import sys

        sys.stdout.flush()
    write_all(descriptor, line.encode("utf-8", "surrogateescape"))
