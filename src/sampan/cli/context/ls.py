"""sampan context ls: list contexts."""

from __future__ import annotations

from sampan.cli.config import context_name
from sampan.cli.context import metadata, store
from sampan.cli.errors import CliError
from sampan.cli.flags import Command, Flag
from sampan.cli.help import FORMAT_HELP
from sampan.cli.listing import Listing
from sampan.cli.text import ellipsis

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from sampan.cli.flags import Options
    from sampan.cli.session import Session

_TABLE = "{{.Name}}{{if .Current}} *{{end}}\t{{.Description}}\t{{.DockerEndpoint}}\t{{.Error}}"
_ERROR_WIDTH = 45


def run(session: Session, options: Options, args: list[str]) -> None:
    current = context_name(session.options, session.environ, session.config)
    rows = [_row(session, name, current) for name in ["default", *store.names(session.config_dir)]]
    if current != "default" and current not in [row["Name"] for row in rows]:
        rows.append(
            {
                "Name": current,
                "Current": True,
                "Description": "",
                "DockerEndpoint": "",
                "Error": f"context not found: {current}",
            }
        )
    rows.sort(key=lambda row: str(row["Name"]))
    _LISTING.show(rows, options["format"], _TABLE, "{{.Name}}" if options["quiet"] else "")
    for variable in ("SAMPAN_HOST", "DOCKER_HOST"):
        if current == "default" and session.environ.get(variable) and not session.options["host"]:
            session.warn(
                f"Warning: {variable} environment variable overrides the active context. To use a context, "
                f"either set the global --context flag, or unset {variable} environment variable."
            )
            break


def _row(session: Session, name: str, current: str) -> dict[str, Any]:
    row = {"Name": name, "Current": name == current, "Description": "", "DockerEndpoint": "", "Error": ""}
    try:
        meta = metadata.find(session, name)
    except CliError as error:
        return {**row, "Error": error.message}
    row["Description"] = (meta.get("Metadata") or {}).get("Description", "")
    if name == "default":
        row["Description"] = "Current DOCKER_HOST based configuration"
    row["DockerEndpoint"] = ((meta.get("Endpoints") or {}).get("docker") or {}).get("Host", "")
    return row


_LISTING = Listing(
    {
        "Current": ("", lambda row: row["Current"]),
        "Description": ("DESCRIPTION", lambda row: row["Description"]),
        "DockerEndpoint": ("DOCKER ENDPOINT", lambda row: row["DockerEndpoint"]),
        "Error": ("ERROR", lambda row: ellipsis(row["Error"], _ERROR_WIDTH)),
        "Name": ("NAME", lambda row: row["Name"]),
    },
    "*formatter.clientContextContext",
)

COMMAND = Command(
    "[OPTIONS]",
    run,
    (
        Flag("format", "string", FORMAT_HELP),
        Flag("quiet", "bool", "Only show context names", short="q"),
    ),
    args=(0, 0),
)
