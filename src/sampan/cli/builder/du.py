"""sampan builder du: what the build cache holds."""

from __future__ import annotations

from sampan.cli.flags import Command, Flag
from sampan.cli.help import FORMAT_HELP
from sampan.cli.listing import Listing
from sampan.cli.opts.values import filter_pair, filters_query
from sampan.cli.times import since
from sampan.specs.golang.units import human_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from sampan.cli.flags import Options
    from sampan.cli.session import Session

_TABLE = "{{.ID}}\t{{.Reclaimable}}\t{{.Size}}\t{{.LastAccessed}}"


def run(session: Session, options: Options, args: list[str]) -> None:
    rows = session.client.get("/sampan/builds/cache", filters_query(options["filter"])).json() or []
    if options["verbose"]:
        print("\n\n".join(_verbose(row) for row in rows) + ("\n" if rows else ""))
    else:
        _LISTING.show(rows, options["format"], _TABLE)
    if not options["format"]:
        _sums(rows)


def _reclaimable(row: Any) -> bool:
    return not row.get("InUse")


def _last(row: Any) -> str:
    return since(row["LastUsedAt"]) if row.get("LastUsedAt") else ""


def _size(row: Any) -> str:
    return human_size(row.get("Size") or 0) + ("*" if row.get("Shared") else "")


_LISTING = Listing(
    {
        "CreatedSince": ("CREATED", lambda row: since(row["CreatedAt"])),
        "Description": ("DESCRIPTION", lambda row: row.get("Description") or ""),
        "ID": ("ID", lambda row: row["ID"]),
        "InUse": ("IN USE", lambda row: bool(row.get("InUse"))),
        "LastAccessed": ("LAST ACCESSED", _last),
        "Parents": ("PARENTS", lambda row: ", ".join(row.get("Parents") or ())),
        "Reclaimable": ("RECLAIMABLE", _reclaimable),
        "Shared": ("SHARED", lambda row: bool(row.get("Shared"))),
        "Size": ("SIZE", _size),
        "Type": ("TYPE", lambda row: row.get("Type") or ""),
        "UsageCount": ("USAGE", lambda row: row.get("UsageCount") or 0),
    },
    "*formatter.buildCacheContext",
)


def _verbose(row: Any) -> str:
    fields = [
        ("ID", row["ID"]),
        ("Parents", ", ".join(row.get("Parents") or ())),
        ("Created at", row.get("CreatedAt") or ""),
        ("Reclaimable", str(_reclaimable(row)).lower()),
        ("Shared", str(bool(row.get("Shared"))).lower()),
        ("Size", human_size(row.get("Size") or 0)),
        ("Description", row.get("Description") or ""),
        ("Usage count", str(row.get("UsageCount") or 0)),
        ("Last used", _last(row)),
        ("Type", row.get("Type") or ""),
    ]
    return "\n".join(f"{name + ':':<16}{value}" for name, value in fields if value)


def _sums(rows: list[Any]) -> None:
    own = [row for row in rows if not row.get("Shared")]
    free = sum(row.get("Size") or 0 for row in own if _reclaimable(row))
    shared = sum(row.get("Size") or 0 for row in rows if row.get("Shared"))
    if shared:
        print(f"Shared:\t\t{human_size(shared)}")
        print(f"Private:\t{human_size(sum(row.get('Size') or 0 for row in own))}")
    print(f"Reclaimable:\t{human_size(free)}")
    print(f"Total:\t\t{human_size(sum(row.get('Size') or 0 for row in rows))}")


COMMAND = Command(
    "[OPTIONS]",
    run,
    (
        Flag("filter", "filter", 'Show only what matches (e.g. "type=regular")', parse=filter_pair),
        Flag("format", "string", FORMAT_HELP),
        Flag("verbose", "bool", "Show everything known of each record"),
    ),
    args=(0, 0),
)
