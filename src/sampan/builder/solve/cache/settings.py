"""`builder.gc` of daemon.json as policies: dockerd's keys, units and defaults."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sampan.builder.solve.cache import filters
from sampan.builder.solve.cache.gc import Policy, default_keep, default_policies
from sampan.errors import Invalid
from sampan.specs.golang.units import ram_in_bytes

KEYS = {"enabled", "defaultKeepStorage", "policy"}
POLICY_KEYS = {"all", "keepStorage", "filter"}


def check(builder: Any) -> None:
    """Raises Invalid for what dockerd does not know, or cannot read."""
    if not isinstance(builder, dict):
        raise Invalid("builder must be an object")
    for key in builder:
        if key not in ("gc", "entitlements"):
            raise Invalid(f"builder: unknown key {key}")
    gc = builder.get("gc") or {}
    if not isinstance(gc, dict):
        raise Invalid("builder.gc must be an object")
    for key in gc:
        if key not in KEYS:
            raise Invalid(f"builder.gc: unknown key {key}")
    policies(gc, Path("/"))


def policies(gc: Mapping[str, Any], disk: Path) -> Sequence[Policy]:
    """(): nothing is collected. Raises Invalid."""
    if gc.get("enabled") is False:
        return ()
    keep = _size(gc.get("defaultKeepStorage"))
    rules = gc.get("policy")
    if rules is None:
        return default_policies(keep or default_keep(_total(disk)))
    if not isinstance(rules, list):
        raise Invalid("builder.gc.policy must be an array")
    return [_policy(rule, keep or default_keep(_total(disk))) for rule in rules]


def _policy(rule: Any, keep: int) -> Policy:
    if not isinstance(rule, dict) or set(rule) - POLICY_KEYS:
        raise Invalid(f"builder.gc.policy: a rule has the keys {', '.join(sorted(POLICY_KEYS))}")
    found, kept = _filters(rule.get("filter") or {})
    filters.parse(found)
    return Policy(
        filters=tuple(found),
        all=bool(rule.get("all")),
        keep_duration=kept,
        keep_bytes=_size(rule.get("keepStorage")) or keep,
    )


def _filters(value: Any) -> tuple[list[str], float]:
    """A list of "name=value", or an object: docker's filters.Args in either form."""
    if isinstance(value, dict):
        return filters.classic({str(name): list(values) for name, values in value.items()})
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        raise Invalid("builder.gc.policy: filter must be an array of strings")
    found: dict[str, list[str]] = {}
    for text in value:
        name, _, rest = text.partition("=")
        found.setdefault(name, []).append(rest)
    return filters.classic(found)


def _size(value: Any) -> int:
    if value is None or value == "":
        return 0
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if not isinstance(value, str):
        raise Invalid("builder.gc: a size is a string such as 20GB")
    return ram_in_bytes(value)


def _total(disk: Path) -> int:
    found = os.statvfs(disk)
    return found.f_blocks * found.f_frsize
