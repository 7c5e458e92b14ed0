"""Filters of `network ls` and `network prune`. moby: daemon/network/filter.go"""

import time
from collections.abc import Callable, Mapping, Sequence

from sampan.engine import times
from sampan.engine.networks.record import NetworkRecord
from sampan.errors import Invalid
from sampan.specs.golang.numbers import FALSE, TRUE

LIST = frozenset({"dangling", "driver", "id", "label", "name", "scope", "type"})
PRUNE = frozenset({"label", "label!", "until"})
UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}

Filters = Mapping[str, Sequence[str]]
Test = Callable[[NetworkRecord], bool]


def check_names(filters: Filters, known: frozenset[str]) -> None:
    for name in filters:
        if name not in known:
            raise Invalid(f"invalid filter '{name}'")


def listed(filters: Filters, used: Callable[[NetworkRecord], bool]) -> Test:
    """Raises Invalid for an unknown filter or value."""
    check_names(filters, LIST)
    tests: list[Test] = []
    if names := filters.get("name"):
        tests.append(lambda network: any(name in network.name for name in names))
    if ids := filters.get("id"):
        tests.append(lambda network: any(network.id.startswith(id) for id in ids))
    if drivers := filters.get("driver"):
        tests.append(lambda network: network.driver in drivers)
    if scopes := filters.get("scope"):
        tests.append(lambda network: "local" in scopes)
    if labels := filters.get("label"):
        tests.append(lambda network: all(has_label(network, label) for label in labels))
    if kinds := filters.get("type"):
        tests.append(_of_type(kinds))
    if dangling := filters.get("dangling"):
        tests.append(_dangling(dangling, used))
    return lambda network: all(test(network) for test in tests)


def _of_type(kinds: Sequence[str]) -> Test:
    for kind in kinds:
        if kind not in ("builtin", "custom"):
            raise Invalid(f"invalid filter 'type={kind}'")
    return lambda network: ("builtin" if network.predefined else "custom") in kinds


def _dangling(values: Sequence[str], used: Callable[[NetworkRecord], bool]) -> Test:
    if len(values) > 1 or values[0] not in TRUE | FALSE:
        raise Invalid('invalid value for filter \'dangling\', must be "true" (or "1"), or "false" (or "0")')
    wanted = values[0] in TRUE
    return lambda network: (not network.predefined and not used(network)) == wanted


def has_label(network: NetworkRecord, label: str) -> bool:
    name, equals, value = label.partition("=")
    return name in network.labels and (not equals or network.labels[name] == value)


def pruned(filters: Filters, now: float | None = None) -> Test:
    """Raises Invalid for an unknown filter or an unreadable time."""
    check_names(filters, PRUNE)
    until = filters.get("until") or ()
    if len(until) > 1:
        raise Invalid("more than one until filter specified")
    limit = moment(until[0], time.time() if now is None else now) if until else None

    def test(network: NetworkRecord) -> bool:
        if limit is not None and times.nanoseconds(network.created) > limit * 1e9:
            return False
        if not all(has_label(network, label) for label in filters.get("label") or ()):
            return False
        return not any(has_label(network, label) for label in filters.get("label!") or ())

    return test


def moment(text: str, now: float) -> float:
    """Seconds since the epoch, from Unix time, RFC 3339 or a duration before now. Raises Invalid."""
    seconds = duration(text)
    if seconds is not None:
        return now - seconds
    for candidate in (text, text + "Z", text + "T00:00:00Z"):
        try:
            return times.nanoseconds(candidate) / 1e9
        except ValueError:
            continue
    try:
        return float(text)
    except ValueError:
        raise Invalid(f'failed to parse value as time or duration: "{text}"') from None


def duration(text: str) -> float | None:
    """Go's durations ("1h30m"); None for anything else."""
    total, rest = 0.0, text
    if not rest:
        return None
    while rest:
        digits = len(rest) - len(rest.lstrip("0123456789."))
        number, rest = rest[:digits], rest[digits:]
        unit = next((u for u in ("ns", "us", "µs", "ms", "s", "m", "h") if rest.startswith(u)), None)
        if not number or unit is None or number.count(".") > 1 or number == ".":
            return None
        total += float(number) * UNITS[unit]
        rest = rest[len(unit) :]
    return total
