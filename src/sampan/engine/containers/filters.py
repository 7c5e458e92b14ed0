"""`--filter` of ps and of container prune: checked first, then asked about each container."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sampan.engine.containers.record import ContainerRecord
from sampan.errors import Invalid
from sampan.specs.docker.filters import boolean, labels_match, text_matches
from sampan.specs.docker.ports import parse_ports
from sampan.specs.golang import time as times
from sampan.specs.golang.numbers import atoi

Values = list[str]
LIST = frozenset(
    {"ancestor", "before", "exited", "expose", "health", "id", "is-task", "isolation",
     "label", "name", "network", "publish", "since", "status", "volume"}
)  # fmt: skip
PRUNE = frozenset({"label", "label!", "until"})
STATES = ("paused", "restarting", "removing", "running", "dead", "created", "exited")
HEALTH = ("starting", "healthy", "unhealthy", "none")


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
    boolean(filters, "is-task")
    for name in ("publish", "expose"):
        for value in filters.get(name, ()):
            ports(name, value)


def ports(name: str, value: str) -> set[tuple[int, str]]:
    """ "80", "80/udp", "8000-8010/tcp". Raises Invalid."""
    try:
        return set(parse_ports(value))
    except Invalid as error:
        raise Invalid(f"error while looking up for {name} {value}: {error.message}") from None


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
        text_matches(filters.get("id", []), record.id),
        not filters.get("name")
        or text_matches(filters["name"], record.name)
        or text_matches(filters["name"], f"/{record.name}"),
        not filters.get("status") or state.status in filters["status"],
        not filters.get("exited") or (state.exit_code in map(int, filters["exited"]) and not state.running
                                      and state.started_at != times.ZERO),
        not filters.get("health") or (state.health or {}).get("Status", "none") in filters["health"],
        not boolean(filters, "is-task"),
        not filters.get("isolation")
        or (record.host_config.get("Isolation") or "default") in filters["isolation"],
        labels_match(filters, record.config.get("Labels") or {}),
        around.image_ids is None or record.image_id in around.image_ids,
    )  # fmt: skip
    return all(checks) and in_time(record, around) and in_places(record, filters, around)


def in_time(record: ContainerRecord, around: Surroundings) -> bool:
    created = times.parse(record.created)
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
