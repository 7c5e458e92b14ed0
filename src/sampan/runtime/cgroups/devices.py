"""Device rules of OCI linux.resources.devices, for both kinds of device controller.

A rule list is read top to bottom: each rule allows or denies what it matches, a rule of type "a" resets.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any


def v1_rules(rules: Iterable[dict[str, Any]]) -> Iterator[tuple[bool, str]]:
    """(allow, line for devices.allow or devices.deny), without lines that change nothing.

    The kernel has a default and a list of exceptions to it, and refuses nothing: a deny of what was never
    allowed is a no-op, so it is left out.
    """
    default: bool | None = None
    exceptions: set[str] = set()
    for rule in rules:
        allow = bool(rule["allow"])
        kind = rule.get("type") or "a"
        major, minor = number(rule.get("major")), number(rule.get("minor"))
        access = rule.get("access") or "rwm"
        if kind == "a":
            if default is not allow or exceptions:
                yield allow, "a"
            default, exceptions = allow, set()
            continue
        line = f"{kind} {major}:{minor} {access}"
        if default is not None and allow is default:
            # With wildcards involved a deny may still take away part of an earlier exception.
            if not any(known.split(" ")[0] == kind for known in exceptions):
                continue
            exceptions.discard(line)
        elif line in exceptions:
            continue
        else:
            exceptions.add(line)
        yield allow, line


def number(value: int | None) -> str:
    """A major or minor as the v1 files spell it; OCI says "any" with -1 or nothing."""
    return "*" if value is None or value < 0 else str(value)
