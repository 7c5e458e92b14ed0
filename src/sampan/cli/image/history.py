"""sampan history: how an image was made."""

from __future__ import annotations

import time

from sampan.cli.container.ls import short_id
from sampan.cli.flags import Command, Flag
from sampan.cli.help import FORMAT_HELP
from sampan.cli.http import escape
from sampan.cli.listing import Listing
from sampan.cli.text import ellipsis
from sampan.cli.times import ago
from sampan.specs.golang.time import rfc3339_local
from sampan.specs.golang.units import human_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from sampan.cli.flags import Options
    from sampan.cli.session import Session

_COMMAND_WIDTH = 45


def run(session: Session, options: Options, args: list[str]) -> None:
    rows = session.client.get(f"/images/{escape(args[0])}/history").json()
    human = options["human"]
    created = "{{.CreatedSince}}" if human else "{{.CreatedAt}}"
    table = f"{{{{.ID}}}}\t{created}\t{{{{.CreatedBy}}}}\t{{{{.Size}}}}\t{{{{.Comment}}}}"
    quiet = "{{.ID}}" if options["quiet"] else ""
    listing(not options["no-trunc"], human).show(rows, options["format"], table, quiet)


def listing(trunc: bool, human: bool) -> Listing:
    def identifier(row: Any) -> str:
        return short_id(row["Id"]) if trunc else str(row["Id"])

    def created_by(row: Any) -> str:
        text = str(row.get("CreatedBy") or "").replace("\t", " ")
        return ellipsis(text, _COMMAND_WIDTH) if trunc else text

    def since(row: Any) -> str:
        created = int(row.get("Created") or 0)
        return "N/A" if created <= 0 and time.time() - created > 10**10 else ago(created)

    def size(row: Any) -> str:
        return human_size(row.get("Size") or 0, 3) if human else str(row.get("Size") or 0)

    return Listing(
        {
            "Comment": ("COMMENT", lambda row: str(row.get("Comment") or "")),
            "CreatedAt": (
                "CREATED AT",
                lambda row: rfc3339_local(int(row.get("Created") or 0)),
            ),
            "CreatedBy": ("CREATED BY", created_by),
            "CreatedSince": ("CREATED", since),
            "ID": ("IMAGE", identifier),
            "Size": ("SIZE", size),
        },
        "*image.historyContext",
    )


COMMAND = Command(
    "[OPTIONS] IMAGE",
    run,
    (
        Flag("format", "string", FORMAT_HELP),
        Flag("human", "bool", "Show sizes and dates for humans (default true)", short="H", default=True),
        Flag("no-trunc", "bool", "Do not shorten the output"),
        Flag("platform", "string", "Show this platform's image", hidden=True),
        Flag("quiet", "bool", "Only show image IDs", short="q"),
    ),
    args=(1, 1),
)
