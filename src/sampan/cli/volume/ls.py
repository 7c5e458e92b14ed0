"""sampan volume ls: list volumes."""

from __future__ import annotations

from sampan.cli.container.ls import labels_text
from sampan.cli.flags import Command, Flag
from sampan.cli.help import FORMAT_HELP
from sampan.cli.listing import Listing
from sampan.cli.opts.values import filter_pair, filters_query
from sampan.cli.text import natural
from sampan.specs.golang.units import human_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from sampan.cli.flags import Options
    from sampan.cli.session import Session


def run(session: Session, options: Options, args: list[str]) -> None:
    answer = session.client.get("/volumes", filters_query(options["filter"])).json()
    for warning in answer.get("Warnings") or ():
        session.warn(f"WARNING: {warning}")
    rows = sorted(answer.get("Volumes") or (), key=lambda row: natural(row["Name"]))
    source = options["format"] or ("" if options["quiet"] else session.text_setting("volumesFormat"))
    listing().show(rows, source, "{{.Driver}}\t{{.Name}}", "{{.Name}}" if options["quiet"] else "")


def listing() -> Listing:
    def usage(row: Any, name: str) -> Any:
        return (row.get("UsageData") or {}).get(name)

    return Listing(
        {
            "Availability": ("AVAILABILITY", lambda row: "N/A"),
            "Driver": ("DRIVER", lambda row: str(row.get("Driver") or "")),
            "Group": ("GROUP", lambda row: "N/A"),
            "Labels": ("LABELS", lambda row: labels_text(row.get("Labels"))),
            "Links": (
                "LINKS",
                lambda row: "N/A" if row.get("UsageData") is None else str(usage(row, "RefCount")),
            ),
            "Mountpoint": ("MOUNTPOINT", lambda row: str(row.get("Mountpoint") or "")),
            "Name": ("VOLUME NAME", lambda row: str(row["Name"])),
            "Scope": ("SCOPE", lambda row: str(row.get("Scope") or "")),
            "Size": (
                "SIZE",
                lambda row: (
                    "N/A"
                    if (usage(row, "Size") or 0) < 0 or row.get("UsageData") is None
                    else human_size(usage(row, "Size"))
                ),
            ),
            "Status": ("STATUS", lambda row: "N/A"),
        },
        "*formatter.volumeContext",
        {"Label": lambda row, name: (row.get("Labels") or {}).get(name, "")},
    )


COMMAND = Command(
    "[OPTIONS]",
    run,
    (
        Flag("cluster", "bool", "Show only cluster volumes", hidden=True),
        Flag(
            "filter", "filter", 'Show only what matches (e.g. "dangling=true")', short="f", parse=filter_pair
        ),
        Flag("format", "string", FORMAT_HELP),
        Flag("quiet", "bool", "Only show volume names", short="q"),
    ),
    args=(0, 0),
)
