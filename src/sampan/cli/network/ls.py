"""sampan network ls: list networks."""

from __future__ import annotations

from sampan.cli.container.ls import labels_text
from sampan.cli.flags import Command, Flag
from sampan.cli.help import FORMAT_HELP
from sampan.cli.listing import Listing
from sampan.cli.opts.values import filter_pair, filters_query
from sampan.cli.text import natural
from sampan.errors import Invalid
from sampan.specs.golang import time as times

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from sampan.cli.flags import Options
    from sampan.cli.session import Session

_SHORT_ID = 12


def run(session: Session, options: Options, args: list[str]) -> None:
    rows = session.client.get("/networks", filters_query(options["filter"])).json()
    rows.sort(key=lambda row: natural(row["Name"]))
    source = options["format"] or ("" if options["quiet"] else session.text_setting("networksFormat"))
    table = "{{.ID}}\t{{.Name}}\t{{.Driver}}\t{{.Scope}}"
    listing(not options["no-trunc"]).show(rows, source, table, "{{.ID}}" if options["quiet"] else "")


def listing(trunc: bool) -> Listing:
    def created(row: Any) -> str:
        try:
            return times.string(times.parse(row.get("Created") or ""))
        except Invalid:
            return "0001-01-01 00:00:00 +0000 UTC"

    def flag(row: Any, name: str) -> str:
        return "true" if row.get(name) else "false"

    return Listing(
        {
            "CreatedAt": ("CREATED AT", created),
            "Driver": ("DRIVER", lambda row: str(row.get("Driver") or "")),
            "ID": ("NETWORK ID", lambda row: str(row["Id"])[: _SHORT_ID if trunc else None]),
            "IPv4": ("IPV4", lambda row: flag(row, "EnableIPv4")),
            "IPv6": ("IPV6", lambda row: flag(row, "EnableIPv6")),
            "Internal": ("INTERNAL", lambda row: flag(row, "Internal")),
            "Labels": ("LABELS", lambda row: labels_text(row.get("Labels"))),
            "Name": ("NAME", lambda row: str(row["Name"])),
            "Scope": ("SCOPE", lambda row: str(row.get("Scope") or "")),
        },
        "*network.networkContext",
        {"Label": lambda row, name: (row.get("Labels") or {}).get(name, "")},
    )


COMMAND = Command(
    "[OPTIONS]",
    run,
    (
        Flag(
            "filter", "filter", 'Show only what matches (e.g. "driver=bridge")', short="f", parse=filter_pair
        ),
        Flag("format", "string", FORMAT_HELP),
        Flag("no-trunc", "bool", "Do not shorten the output"),
        Flag("quiet", "bool", "Only show network IDs", short="q"),
    ),
    args=(0, 0),
)
