"""`--filter` of ps and of container prune: checked first, then asked about each container."""

import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sampan.engine import times
from sampan.engine.containers.checks import PORT
from sampan.engine.containers.record import ContainerRecord
from sampan.errors import Invalid
from sampan.specs.golang.numbers import atoi

Values = list[str]
LIST = frozenset(
    {"ancestor", "before", "exited", "expose", "health", "id", "is-task", "isolation",
     "label", "name", "network", "publish", "since", "status", "volume"}
)  # fmt: skip
PRUNE = frozenset({"label", "label!", "until"})
STATES = ("paused", "restarting", "removing", "running", "dead", "created", "exited")
HEALTH = ("starting", "healthy", "unhealthy", "none")
GO_UNITS = {"ns": 1, "us": 1_000, "µs": 1_000, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:ns|us|µs|ms|s|m|h))+")
PART = re.compile(r"(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)")


def check_names(filters: Mapping[str, Values], known: Iterable[str]) -> None:
    for name in filters:
        if name not in known:
            raise Invalid(f"invalid filter '{name}'")


def check_values(filters: Mapping[str, Values]) -> None:
    """Raises Invalid in Docker's words."""
    for value in filters.get("status", ()):
        if value not in STATES:
            raise Invalid(f"invalid filter 'status={value}'")
    for value in filters.get("health", ()):
        if value not in HEALTH:
            raise Invalid(f"unrecognized filter value for health: {value}")
    for value in filters.get("exited", ()):
        try:
            atoi(value)
        except Invalid as error:
            raise Invalid(f"invalid filter 'exited={value}': {error.message}") from None
    values = filters.get("is-task", [])
    if values and not all(value.lower() in ("0", "1", "t", "f", "true", "false") for value in values):
        raise Invalid(f"invalid filter 'is-task=[{' '.join(values)}]'")
    for name in ("publish", "expose"):
        for value in filters.get(name, ()):
            ports(name, value)


def ports(name: str, value: str) -> set[tuple[int, str]]:
    """ "80", "80/udp", "8000-8010/tcp". Raises Invalid."""
    match = PORT.fullmatch(value if "/" in value else value + "/tcp")
    if match is None:
        text = value.partition("/")[0]
        raise Invalid(
            f'error while looking up for {name} {value}: strconv.ParseUint: parsing "{text}": invalid syntax'
        )
    first = int(match[1])
    return {(number, match[3].lower()) for number in range(first, int(match[2] or first) + 1)}


def matches_text(values: Values, text: str) -> bool:
    """Docker's Args.Match: equal, or the value as a pattern found anywhere."""
    if not values or text in values:
        return True
    for value in values:
        try:
            if re.search(value, text):
                return True
        except re.error:
            continue
    return False


def matches_labels(values: Values, labels: Mapping[str, str]) -> bool:
    """Every "key" or "key=value" must be there."""
    for value in values:
        key, equals, wanted = value.partition("=")
        if key not in labels or (equals and labels[key] != wanted):
            return False
    return True


def until(value: str, now: float | None = None) -> int:
    """A prune limit in nanoseconds since the epoch: a Go duration ago, a Unix time, or an RFC 3339 one."""
    now = time.time() if now is None else now
    if DURATION.fullmatch(value):
        ago = sum(float(number) * GO_UNITS[unit] for number, unit in PART.findall(value))
        return int(now * 1e9 - ago)
    if re.fullmatch(r"\d+(\.\d+)?", value):
        return int(float(value) * 1e9)
    for text in (value, value + "Z", value + ":00Z", value + ":00:00Z", value + "T00:00:00Z"):
        try:
            return times.nanoseconds(text)
        except ValueError:
            continue
    raise Invalid(f'parsing time "{value}" as "2006-01-02": cannot parse "{value}" as "2006"')


@dataclass(frozen=True)
class Surroundings:
    """What some filters must know beyond the record."""

    image_ids: frozenset[str] | None  # of "ancestor"; None: not asked
    before: int | None  # nanoseconds
    since: int | None
    networks: Callable[[ContainerRecord], dict[str, Any]]
    published: Callable[[ContainerRecord], list[dict[str, Any]]]


def matches(record: ContainerRecord, filters: Mapping[str, Values], around: Surroundings) -> bool:
    state = record.state
    checks: tuple[bool, ...] = (
        matches_text(filters.get("id", []), record.id),
        not filters.get("name")
        or matches_text(filters["name"], record.name)
        or matches_text(filters["name"], f"/{record.name}"),
        not filters.get("status") or state.status in filters["status"],
        not filters.get("exited") or (state.exit_code in map(int, filters["exited"]) and not state.running
                                      and state.started_at != times.ZERO),
        not filters.get("health") or (state.health or {}).get("Status", "none") in filters["health"],
        not filters.get("is-task") or filters["is-task"][0].lower() in ("0", "f", "false"),
        not filters.get("isolation")
        or (record.host_config.get("Isolation") or "default") in filters["isolation"],
        matches_labels(filters.get("label", []), record.config.get("Labels") or {}),
        around.image_ids is None or record.image_id in around.image_ids,
    )  # fmt: skip
    return all(checks) and in_time(record, around) and in_places(record, filters, around)


def in_time(record: ContainerRecord, around: Surroundings) -> bool:
    created = times.nanoseconds(record.created)
    if around.before is not None and created >= around.before:
        return False
    return around.since is None or created > around.since


def in_places(record: ContainerRecord, filters: Mapping[str, Values], around: Surroundings) -> bool:
    if filters.get("volume"):
        names = {point.get("Name") for point in record.mount_points}
        names |= {point.get("Destination") for point in record.mount_points}
        names |= {point.get("Source") for point in record.mount_points}
        if not names & set(filters["volume"]):
            return False
    if filters.get("network"):
        joined = around.networks(record)
        ids = [str(settings.get("NetworkID") or "") for settings in joined.values() if settings]
        if not any(
            value in joined or any(value and id.startswith(value) for id in ids)
            for value in filters["network"]
        ):
            return False
    if filters.get("publish"):
        wanted = set().union(*(ports("publish", value) for value in filters["publish"]))
        if not wanted & {(port.get("PublicPort"), port["Type"]) for port in around.published(record)}:
            return False
    if filters.get("expose"):
        wanted = set().union(*(ports("expose", value) for value in filters["expose"]))
        exposed = {
            match for port in record.config.get("ExposedPorts") or {} for match in ports("expose", port)
        }
        if not wanted & exposed:
            return False
    return True
