"""Filters and times of GET /events (moby: daemon/events/filter.go)."""

from collections.abc import Mapping

from sampan.engine.events import Event, Match
from sampan.errors import Invalid
from sampan.specs.docker.filters import has_label, parse_timestamp
from sampan.specs.golang import time as times

KNOWN = frozenset(
    {"type", "event", "container", "image", "label", "network", "volume", "daemon",
     "scope", "node", "service", "secret", "config", "plugin"}
)  # fmt: skip


def parse_moment(name: str, text: str) -> int | None:
    """ "seconds[.fraction]" or RFC 3339, in nanoseconds. Raises Invalid."""
    if not text:
        return None
    for read in (parse_timestamp, times.parse):
        try:
            return read(text)
        except Invalid:
            continue
    raise Invalid(f'invalid value for "{name}": {text}')


def make_match(filters: Mapping[str, list[str]]) -> Match:
    """Unknown filters are passed over, as in Docker."""
    used = {name: values for name, values in filters.items() if values and name in KNOWN}

    def match(event: Event) -> bool:
        return all(passes(name, values, event) for name, values in used.items())

    return match


def passes(name: str, values: list[str], event: Event) -> bool:
    kind, action, actor = event["Type"], event["Action"], event["Actor"]
    attributes: dict[str, str] = actor["Attributes"]
    match name:
        case "type":
            return kind in values
        case "event":
            # "exec_start: ls" and "health_status: healthy" are also found by what is before the colon.
            return action in values or action.partition(":")[0] in values
        case "scope":
            return event["scope"] in values
        case "label":
            return any(has_label(attributes, value) for value in values)
        case "container":
            # A network's connect event names its container in an attribute.
            if kind == "network":
                return fuzzy(values, attributes.get("container", ""), "")
            return kind == "container" and fuzzy(values, actor["ID"], attributes.get("name", ""))
        case "image":
            return image_matches(values, event)
        case _:
            return kind == name and fuzzy(values, actor["ID"], attributes.get("name", ""))


def fuzzy(values: list[str], id: str, name: str) -> bool:
    return any(
        value in (id, name) or (value and (id.startswith(value) or name.startswith(value)))
        for value in values
    )


def image_matches(values: list[str], event: Event) -> bool:
    """An image's own events, and those of containers made from it; with or without the tag."""
    attributes = event["Actor"]["Attributes"]
    names = {event["Actor"]["ID"], attributes.get("name", "")} if event["Type"] == "image" else set()
    if event["Type"] == "container":
        names = {attributes.get("image", "")}
    names |= {strip_tag(name) for name in names}
    return bool(names.intersection(values) - {""})


def strip_tag(name: str) -> str:
    head, slash, last = name.rpartition("/")
    return head + slash + last.partition("@")[0].partition(":")[0]
