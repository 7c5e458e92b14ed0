"""sampan events: what happens in the engine, as it happens."""

from __future__ import annotations

import sys

from sampan.cli import gojson
from sampan.cli.errors import CliError
from sampan.cli.flags import Command, Flag
from sampan.cli.help import FORMAT_HELP_INSPECT
from sampan.cli.opts.values import filter_pair, filters_query
from sampan.specs.golang.time import SECOND, rfc3339_local

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from sampan.cli.flags import Options
    from sampan.cli.session import Session


def run(session: Session, options: Options, args: list[str]) -> None:
    line = _formatter(options["format"])
    query = filters_query(options["filter"])
    for name in ("since", "until"):
        if options[name]:
            from sampan.cli.times import timestamp

            query[name] = timestamp(options[name])
    for event in session.client.get("/events", query).messages():
        sys.stdout.write(line(event) + "\n")
        sys.stdout.flush()


def _formatter(source: str) -> Callable[[Any], str]:
    if not source:
        return plain
    if source == "json":
        return gojson.dumps
    from sampan.cli.gotemplate import Template, TemplateError

    try:
        template = Template(source)
    except TemplateError as error:
        raise CliError(f"Error parsing format: template parsing error: {error}", 64) from None

    def render(event: Any) -> str:
        try:
            return template.execute(_go_event(event))
        except TemplateError as error:
            raise CliError(str(error)) from None

    return render


_GO_NAMES = {
    "Status": "status",
    "ID": "id",
    "From": "from",
    "Scope": "scope",
    "Time": "time",
    "TimeNano": "timeNano",
}
_EMPTY = {"Status": "", "ID": "", "From": "", "Type": "", "Action": "", "Scope": "", "Time": 0, "TimeNano": 0}


def _go_event(event: Any) -> Any:
    """events.Message by its Go field names; as JSON it keeps its own."""
    from sampan.cli.gotemplate.values import Struct, Texts

    actor = event.get("Actor") or {}
    attributes = Texts(actor.get("Attributes") or {})
    fields = {**event, "Actor": Struct({"ID": actor.get("ID", ""), "Attributes": attributes}, "events.Actor")}
    present = {go: name for go, name in _GO_NAMES.items() if name in fields}
    return Struct(fields, "events.Message", _EMPTY, present)


def plain(event: Any) -> str:
    """TIME TYPE ACTION ID (attributes)."""
    actor = event.get("Actor") or {}
    attributes = actor.get("Attributes") or {}
    text = f"{_stamp(event)} {event.get('Type', '')} {event.get('Action', '')} {actor.get('ID', '')}"
    if attributes:
        pairs = ", ".join(f"{name}={attributes[name]}" for name in sorted(attributes))
        text += f" ({pairs})"
    return text


def _stamp(event: Any) -> str:
    nanoseconds = event.get("timeNano")
    if not nanoseconds:
        nanoseconds = int(event.get("time") or 0) * 10**9
    return rfc3339_local(nanoseconds // SECOND, f".{nanoseconds % SECOND:09d}")


COMMAND = Command(
    "[OPTIONS]",
    run,
    (
        Flag("filter", "filter", "Show only what matches these conditions", short="f", parse=filter_pair),
        Flag("format", "string", FORMAT_HELP_INSPECT),
        Flag("since", "string", "Show events from this time on"),
        Flag("until", "string", "Stop at this time"),
    ),
    args=(0, 0),
)
