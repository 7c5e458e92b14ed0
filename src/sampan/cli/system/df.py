"""sampan system df: how much disk is in use, and how much of it could be freed."""

from __future__ import annotations

from sampan.cli.errors import CliError
from sampan.cli.flags import Command, Flag
from sampan.cli.help import FORMAT_HELP
from sampan.cli.listing import Listing
from sampan.specs.golang.units import human_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from sampan.cli.flags import Options
    from sampan.cli.session import Session

_TABLE = "{{.Type}}\t{{.TotalCount}}\t{{.Active}}\t{{.Size}}\t{{.Reclaimable}}"
_IMAGES = (
    "{{.Repository}}\t{{.Tag}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}\t{{.SharedSize}}\t{{.UniqueSize}}"
    "\t{{.Containers}}"
)
_CONTAINERS = (
    "{{.ID}}\t{{.Image}}\t{{.Command}}\t{{.LocalVolumes}}\t{{.Size}}\t{{.RunningFor}}\t{{.Status}}"
    "\t{{.Names}}"
)


def run(session: Session, options: Options, args: list[str]) -> None:
    usage = session.client.get("/system/df").json()
    if options["verbose"]:
        if options["format"]:
            _verbose_format(usage, options["format"])
        else:
            _verbose(usage)
        return
    _LISTING.show(summary(usage), options["format"], _TABLE)


def summary(usage: Any) -> list[dict[str, Any]]:
    """One row for each kind of object."""
    return [_images(usage), _containers(usage), _volumes(usage), _cache(usage)]


def _images(usage: Any) -> dict[str, Any]:
    images = usage.get("Images") or []
    layers = usage.get("LayersSize") or 0
    used = sum(
        (image.get("Size") or 0) - max(image.get("SharedSize") or 0, 0)
        for image in images
        if (image.get("Containers") or 0) > 0 and image.get("Size") != -1 and image.get("SharedSize") != -1
    )
    active = sum(1 for image in images if (image.get("Containers") or 0) > 0)
    return _row("Images", len(images), active, layers, layers - used)


def _containers(usage: Any) -> dict[str, Any]:
    containers = usage.get("Containers") or []
    alive = ("running", "paused", "restarting")
    active = [item for item in containers if str(item.get("State", "")).lower() in alive]
    idle = [item for item in containers if item not in active]
    size = sum(item.get("SizeRw") or 0 for item in containers)
    free = sum(item.get("SizeRw") or 0 for item in idle)
    return _row("Containers", len(containers), len(active), size, free)


def _volumes(usage: Any) -> dict[str, Any]:
    volumes = [item for item in usage.get("Volumes") or [] if item.get("UsageData")]
    size = sum(max(item["UsageData"].get("Size") or 0, 0) for item in volumes)
    active = sum(1 for item in volumes if (item["UsageData"].get("RefCount") or 0) > 0)
    free = sum(
        max(i["UsageData"].get("Size") or 0, 0) for i in volumes if (i["UsageData"].get("RefCount") or 0) == 0
    )
    return _row("Local Volumes", len(usage.get("Volumes") or []), active, size, free)


def _cache(usage: Any) -> dict[str, Any]:
    records = usage.get("BuildCache") or []
    active = sum(1 for record in records if record.get("InUse"))
    size = sum(record.get("Size") or 0 for record in records if not record.get("Shared"))
    free = sum(
        record.get("Size") or 0 for record in records if not record.get("InUse") and not record.get("Shared")
    )
    row = _row("Build Cache", len(records), active, size, free)
    row["Reclaimable"] = human_size(free)
    return row


def _row(kind: str, total: int, active: int, size: int, free: int) -> dict[str, Any]:
    share = f" ({free * 100 // size}%)" if size > 0 else ""
    precision = 3 if kind == "Images" else 4
    return {
        "Type": kind,
        "TotalCount": str(total),
        "Active": str(active),
        "Size": human_size(size, precision),
        "Reclaimable": human_size(free, precision) + share,
    }


_LISTING = Listing(
    {
        "Active": ("ACTIVE", lambda row: row["Active"]),
        "Reclaimable": ("RECLAIMABLE", lambda row: row["Reclaimable"]),
        "Size": ("SIZE", lambda row: row["Size"]),
        "TotalCount": ("TOTAL", lambda row: row["TotalCount"]),
        "Type": ("TYPE", lambda row: row["Type"]),
    },
    "*formatter.diskUsageImagesContext",
)


def _verbose(usage: Any) -> None:
    from sampan.cli.container.ls import listing as containers
    from sampan.cli.image.ls import listing as images
    from sampan.cli.image.ls import rows_of
    from sampan.cli.volume.ls import listing as volumes

    print("Images space usage:\n")
    images(trunc=True).show(_image_rows(usage, rows_of), "", _IMAGES)
    print("\nContainers space usage:\n")
    containers(trunc=True, virtual=False).show(usage.get("Containers") or [], "", _CONTAINERS)
    print("\nLocal Volumes space usage:\n")
    volumes().show(usage.get("Volumes") or [], "", "{{.Name}}\t{{.Links}}\t{{.Size}}")
    print(f"\nBuild cache usage: {_cache(usage)['Size']}\n")
    _show_cache(usage.get("BuildCache") or [])


def _image_rows(usage: Any, rows_of: Any) -> list[dict[str, Any]]:
    """Each image once, by its first name."""
    rows = []
    for image in usage.get("Images") or []:
        rows += list(rows_of([image], False))[:1]
    return rows


def _show_cache(records: list[Any]) -> None:
    from sampan.cli.tabwriter import align
    from sampan.cli.times import since

    def used(text: str) -> str:
        return since(text) if text else ""

    header = "CACHE ID\tCACHE TYPE\tSIZE\tCREATED\tLAST USED\tUSAGE\tSHARED"
    lines = [
        f"{record['ID'][:12]}\t{record.get('Type', '')}\t{human_size(record.get('Size') or 0, 3)}\t"
        f"{used(record.get('CreatedAt') or '')}\t{used(record.get('LastUsedAt') or '')}\t"
        f"{record.get('UsageCount') or 0}\t{'true' if record.get('Shared') else 'false'}"
        for record in records
    ]
    print(align("\n".join([header, *lines])))


def _verbose_format(usage: Any, source: str) -> None:
    """All objects as one value, by the fields their lists have."""
    from sampan.cli import gojson
    from sampan.cli.container.ls import listing as containers
    from sampan.cli.gotemplate import Record, Template, TemplateError
    from sampan.cli.gotemplate.values import Struct
    from sampan.cli.image.ls import listing as images
    from sampan.cli.image.ls import rows_of
    from sampan.cli.volume.ls import listing as volumes

    parts = {
        "Images": (images(trunc=False), _image_rows(usage, rows_of)),
        "Containers": (containers(trunc=False, virtual=False), usage.get("Containers") or []),
        "Volumes": (volumes(), usage.get("Volumes") or []),
    }
    if source == "json":
        texts = [
            f"{gojson.escape(name)}:[{','.join(kind.json(row) for row in rows)}]"
            for name, (kind, rows) in parts.items()
        ]
        print("{" + ",".join([*texts, '"BuildCache":' + gojson.dumps(usage.get("BuildCache") or [])]) + "}")
        return
    fields: dict[str, Any] = {
        name: [Record(kind, row) for row in rows] for name, (kind, rows) in parts.items()
    }
    fields["BuildCache"] = usage.get("BuildCache") or []
    try:
        print(Template(source).execute(Struct(fields, "*formatter.diskUsageContext")))
    except TemplateError as error:
        raise CliError(f"template parsing error: {error}" if error.parsing else str(error)) from None


COMMAND = Command(
    "[OPTIONS]",
    run,
    (
        Flag("format", "string", FORMAT_HELP),
        Flag("verbose", "bool", "Show each object", short="v"),
    ),
    args=(0, 0),
)
