"""`builder.gc` of daemon.json as policies: dockerd's keys, units and defaults."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sampan.engine.buildcache import filters
from sampan.errors import Invalid
from sampan.specs.golang.units import ram_in_bytes

KEYS = {"enabled", "defaultKeepStorage", "policy"}
POLICY_KEYS = {"all", "keepStorage", "filter"}
DAY = 86400.0


@dataclass(frozen=True, kw_only=True)
class Policy:
    """One rule, as `builder.gc.policy` of daemon.json has it. `keep_bytes` 0: no bound."""

    filters: tuple[str, ...] = ()
    all: bool = False
    keep_duration: float = 0  # seconds since the last use
    keep_bytes: int = 0


def default_policies(keep: int) -> tuple[Policy, ...]:
    """BuildKit's four: what can be fetched again goes first, then what is old, then whatever is too much."""
    cheap = ("type==source.local", "type==exec.cachemount", "type==source.git.checkout")
    return (
        Policy(filters=cheap, keep_duration=2 * DAY, keep_bytes=512_000_000),
        Policy(keep_duration=60 * DAY, keep_bytes=keep),
        Policy(keep_bytes=keep),
        Policy(all=True, keep_bytes=keep),
    )


def default_keep(disk: int) -> int:
    """A tenth of the disk, at least 2 GB, as BuildKit's daemon."""
    return max(disk // 10, 2_000_000_000)


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
