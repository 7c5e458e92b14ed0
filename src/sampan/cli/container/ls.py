"""sampan ps: list containers."""

from __future__ import annotations

from sampan.cli.container.ports import display_ports
from sampan.cli.flags import Command, Flag
from sampan.cli.help import FORMAT_HELP
from sampan.cli.listing import Listing
from sampan.cli.opts.values import filter_pair, filters_query
from sampan.cli.text import ellipsis
from sampan.cli.times import ago, created_at
from sampan.specs.golang.quote import quote
from sampan.specs.golang.units import human_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from sampan.cli.flags import Options
    from sampan.cli.session import Session

_TABLE = "{{.ID}}\t{{.Image}}\t{{.Command}}\t{{.RunningFor}}\t{{.Status}}\t{{.Ports}}\t{{.Names}}"
_SHORT_ID = 12


def run(session: Session, options: Options, args: list[str]) -> None:
    source = options["format"] or ("" if options["quiet"] else session.text_setting("psFormat"))
    query = filters_query(options["filter"])
    last = options["last"]
    if options["latest"] and "last" not in options.changed:
        last = 1
    if options["all"]:
        query["all"] = "1"
    if last > 0:
        query["limit"] = str(last)
    if options["size"] or (not options["quiet"] and (".Size" in source or "{{json .}}" in source)):
        query["size"] = "1"
    rows = session.client.get("/containers/json", query).json()
    table = _TABLE + ("\t{{.Size}}" if options["size"] else "")
    listing(trunc=not options["no-trunc"]).show(rows, source, table, "{{.ID}}" if options["quiet"] else "")


def listing(trunc: bool, virtual: bool = True) -> Listing:
    """Fields of a container as /containers/json describes it."""

    def text(row: Any, name: str) -> str:
        return str(row.get(name) or "")

    def image(row: Any) -> str:
        name = text(row, "Image")
        if not name:
            return "<no image>"
        if not trunc:
            return name
        if short_id(text(row, "ImageID")) == short_id(name):
            return short_id(name)
        return _without_digest(name)

    def command(row: Any) -> str:
        return quote(ellipsis(text(row, "Command"), 20) if trunc else text(row, "Command"))

    return Listing(
        {
            "Command": ("COMMAND", command),
            "CreatedAt": (
                "CREATED AT",
                created_at,
            ),
            "ID": ("CONTAINER ID", lambda row: text(row, "Id")[: _SHORT_ID if trunc else None]),
            "Image": ("IMAGE", image),
            "Labels": ("LABELS", lambda row: labels_text(row.get("Labels"))),
            "LocalVolumes": ("LOCAL VOLUMES", lambda row: str(_local_volumes(row))),
            "Mounts": ("MOUNTS", lambda row: _mounts(row, trunc)),
            "Names": ("NAMES", lambda row: _names(row, trunc)),
            "Networks": ("NETWORKS", _networks),
            "Platform": ("PLATFORM", _platform),
            "Ports": ("PORTS", lambda row: display_ports(row.get("Ports") or [])),
            "RunningFor": ("CREATED", lambda row: ago(int(row.get("Created") or 0))),
            "Size": ("SIZE", lambda row: _size(row, virtual)),
            "State": ("STATE", lambda row: text(row, "State")),
            "Status": ("STATUS", lambda row: text(row, "Status")),
        },
        "*formatter.ContainerContext",
        {"Label": lambda row, name: (row.get("Labels") or {}).get(name, "")},
        ("failed to parse template", "failed to execute template"),
    )


def short_id(identifier: str) -> str:
    return (
        identifier.partition(":")[2][:_SHORT_ID]
        if identifier.startswith("sha256:")
        else identifier[:_SHORT_ID]
    )


def _without_digest(name: str) -> str:
    """name@sha256:... by its name and tag alone."""
    return name.partition("@")[0] if "@sha256:" in name else name


def _names(row: Any, trunc: bool) -> str:
    """Without the slash; links (names of names) only with --no-trunc."""
    names = [str(name).removeprefix("/") for name in row.get("Names") or ()]
    if trunc:
        names = [name for name in names if "/" not in name][:1] or names[:1]
    return ",".join(names)


def _networks(row: Any) -> str:
    return ",".join(sorted((row.get("NetworkSettings") or {}).get("Networks") or {}))


def _platform(row: Any) -> Any:
    return (row.get("ImageManifestDescriptor") or {}).get("platform")


def _size(row: Any, virtual: bool) -> str:
    writable = human_size(row.get("SizeRw") or 0, 3)
    total = row.get("SizeRootFs") or 0
    return f"{writable} (virtual {human_size(total, 3)})" if virtual and total > 0 else writable


def _mounts(row: Any, trunc: bool) -> str:
    names = [str(mount.get("Name") or mount.get("Source") or "") for mount in row.get("Mounts") or ()]
    return ",".join(ellipsis(name, 15) if trunc else name for name in names)


def _local_volumes(row: Any) -> int:
    return sum(1 for mount in row.get("Mounts") or () if mount.get("Driver") == "local")


def labels_text(labels: Any) -> str:
    return ",".join(f"{name}={value}" for name, value in (labels or {}).items())


COMMAND = Command(
    "[OPTIONS]",
    run,
    (
        Flag("all", "bool", "Show all containers, not just running ones", short="a"),
        Flag("filter", "filter", "Show only what matches these conditions", short="f", parse=filter_pair),
        Flag("format", "string", FORMAT_HELP),
        Flag(
            "last",
            "int",
            "Show the n containers created last, in any state (default -1)",
            short="n",
            default=-1,
        ),
        Flag("latest", "bool", "Show the container created last, in any state", short="l"),
        Flag("no-trunc", "bool", "Do not shorten the output"),
        Flag("quiet", "bool", "Only show container IDs", short="q"),
        Flag("size", "bool", "Show file sizes", short="s"),
    ),
    args=(0, 0),
)
