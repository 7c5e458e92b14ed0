"""sampan builder ls: the builds that run, and the last ones that ended."""

from __future__ import annotations

from sampan.cli.flags import Command, Flag
from sampan.cli.help import FORMAT_HELP
from sampan.cli.listing import Listing
from sampan.cli.times import since
from sampan.specs.golang.time import parse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from sampan.cli.flags import Options
    from sampan.cli.session import Session

_TABLE = "{{.ID}}\t{{.Name}}\t{{.Status}}\t{{.Steps}}\t{{.CreatedAt}}\t{{.Duration}}"


def run(session: Session, options: Options, args: list[str]) -> None:
    rows = session.client.get("/sampan/builds").json()
    _LISTING.show(rows, options["format"], _TABLE, "{{.ID}}" if options["quiet"] else "")


def _duration(row: Any) -> str:
    if not row.get("Completed"):
        return ""
    return f"{(parse(row['Completed']) - parse(row['Created'])) / 1e9:.1f}s"


_LISTING = Listing(
    {
        "CreatedAt": ("CREATED AT", lambda row: since(row["Created"])),
        "Duration": ("DURATION", _duration),
        "Error": ("ERROR", lambda row: row.get("Error") or ""),
        "ID": ("BUILD ID", lambda row: row["Ref"]),
        "Name": ("NAME", lambda row: row.get("Name") or row.get("Dockerfile") or ""),
        "Status": ("STATUS", lambda row: str(row["State"]).capitalize()),
        "Steps": ("STEPS", lambda row: f"{row.get('Steps') or 0} ({row.get('Cached') or 0} cached)"),
    },
    "*formatter.buildContext",
)

COMMAND = Command(
    "[OPTIONS]",
    run,
    (
        Flag("format", "string", FORMAT_HELP),
        Flag("quiet", "bool", "Only show ids", short="q"),
    ),
    args=(0, 0),
)
