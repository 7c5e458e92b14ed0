"""`[[webhook]]`: an endpoint that hears of pushes, pulls, mounts and deletes."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from sampan.errors import Invalid
from sampan.registry.patterns import pattern
from sampan.registry.settings import duration, number, option, required, text, texts

ACTIONS = ("push", "pull", "mount", "delete")


def actions(value: Any) -> tuple[str, ...]:
    found = texts(value)
    for action in found:
        if action not in ACTIONS:
            raise Invalid(f'"{action}" is not one of {", ".join(ACTIONS)}')
    return found


def http_url(value: Any) -> str:
    """Raises Invalid for anything but http and https."""
    found = text(value)
    try:
        parts = urlsplit(found)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        valid = False
    if not valid:
        raise Invalid(f'"{found}" is not an http or https URL')
    return found


def headers(value: Any) -> tuple[tuple[str, str], ...]:
    """A table of names and values."""
    if not isinstance(value, dict):
        raise Invalid("is not a table of headers")
    found = tuple((name, text(content)) for name, content in value.items())
    for name, content in found:
        if not name.replace("-", "").isalnum() or any(ord(letter) < 32 for letter in content):
            raise Invalid(f'"{name}" is not a header that can be sent')
    return found


@dataclass(frozen=True)
class Webhook:
    name: str = required(text, "its name in metrics and logs; what waits for it is kept under that name")
    url: str = required(http_url, "where to POST")
    headers: tuple[tuple[str, str], ...] = option((), headers, "headers to send along, such as Authorization")
    timeout: float = option(10.0, duration, "how long an answer may take")
    threshold: int = option(3, number, "failures in a row before it waits")
    backoff: float = option(10.0, duration, "how long it then waits before it tries again")
    keep: float = option(7 * 86400.0, duration, "how long what cannot be delivered is kept")
    actions: tuple[str, ...] = option(ACTIONS, actions, "which actions: push, pull, mount, delete")
    repository: str = option("**", pattern, "which repositories")
