"""sampan images: list images."""

from __future__ import annotations

from sampan.cli.container.ls import short_id
from sampan.cli.flags import Command, Flag
from sampan.cli.help import FORMAT_HELP
from sampan.cli.listing import Listing
from sampan.cli.opts.values import filter_pair, filters_query
from sampan.cli.times import ago, created_at
from sampan.errors import Invalid
from sampan.specs.golang.units import human_size
from sampan.specs.oci.reference import Reference, parse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from sampan.cli.flags import Options
    from sampan.cli.session import Session

_NONE = "<none>"
_NEVER = -62_135_596_800  # Go's zero time, the year 1


def run(session: Session, options: Options, args: list[str]) -> None:
    filters = list(options["filter"])
    if args:
        filters.append(("reference", args[0]))
    query = filters_query(filters)
    if options["all"]:
        query["all"] = "1"
    source = options["format"] or ("" if options["quiet"] else session.text_setting("imagesFormat"))
    images = session.client.get("/images/json", query).json()
    show_digest = options["digests"] or ".Digest" in source
    digest = "\t{{.Digest}}" if options["digests"] else ""
    table = "{{.Repository}}\t{{.Tag}}" + digest + "\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}"
    rows = rows_of(images, show_digest, options["digests"])
    listing(not options["no-trunc"]).show(rows, source, table, "{{.ID}}" if options["quiet"] else "")


def rows_of(images: list[dict[str, Any]], digests: bool, untagged: bool = False) -> Iterator[dict[str, Any]]:
    """One row per name; (repository, tag, digest) added to the image.

    `digests` has each tag's digest told, `untagged` also those of names without a tag.
    """
    for image in images:
        for repository, tag, digest in _names(image, digests, untagged):
            yield {**image, "repository": repository, "tag": tag, "digest": digest}


def _names(image: dict[str, Any], digests: bool, untagged: bool) -> Iterator[tuple[str, str, str]]:
    tags: dict[str, list[str]] = {}
    by_repository: dict[str, list[str]] = {}
    for name in image.get("RepoTags") or ():
        reference = _parsed(name)
        if reference and reference.tag:
            tags.setdefault(reference.familiar_name, []).append(reference.tag)
    for name in image.get("RepoDigests") or ():
        reference = _parsed(name)
        if reference and reference.digest:
            by_repository.setdefault(reference.familiar_name, []).append(reference.digest)
    if not tags and not by_repository:
        yield _NONE, _NONE, _NONE
        return
    for repository, names in tags.items():
        known = by_repository.pop(repository, [])
        for tag in names:
            if digests and known:
                for digest in known:
                    yield repository, tag, digest
            else:
                yield repository, tag, _NONE
    for repository, known in by_repository.items():
        if untagged:
            for digest in known:
                yield repository, _NONE, digest
        else:
            yield repository, _NONE, ""


def _parsed(name: str) -> Reference | None:
    """None for what engines older than API 1.43 write where there is no name: <none>."""
    try:
        return parse(name)
    except Invalid:
        return None


def listing(trunc: bool) -> Listing:
    """Fields of an image as /images/json describes it."""

    def count(row: Any, name: str) -> str:
        value = row.get(name, -1)
        return "N/A" if value is None or value < 0 else str(value)

    def size(row: Any, name: str) -> str:
        value = row.get(name)
        return "N/A" if value is None or value < 0 else human_size(value)

    def unique(row: Any) -> str:
        total, shared = row.get("Size", -1), row.get("SharedSize", -1)
        return "N/A" if shared is None or shared < 0 or total < 0 else human_size(total - shared)

    return Listing(
        {
            "Containers": ("CONTAINERS", lambda row: count(row, "Containers")),
            "CreatedAt": (
                "CREATED AT",
                created_at,
            ),
            "CreatedSince": ("CREATED", lambda row: _since(int(row.get("Created") or 0))),
            "Digest": ("DIGEST", lambda row: row["digest"]),
            "ID": ("IMAGE ID", lambda row: short_id(row["Id"]) if trunc else row["Id"]),
            "Repository": ("REPOSITORY", lambda row: row["repository"]),
            "SharedSize": ("SHARED SIZE", lambda row: size(row, "SharedSize")),
            "Size": ("SIZE", lambda row: human_size(row.get("Size") or 0, 3)),
            "Tag": ("TAG", lambda row: row["tag"]),
            "UniqueSize": ("UNIQUE SIZE", unique),
            "VirtualSize": (
                "VIRTUAL SIZE",
                lambda row: human_size(row.get("VirtualSize") or row.get("Size") or 0),
            ),
        },
        "*formatter.imageContext",
    )


def _since(created: int) -> str:
    """1970 is a time: that of reproducible images from scratch."""
    return "N/A" if created <= _NEVER else ago(created)


COMMAND = Command(
    "[OPTIONS] [REPOSITORY[:TAG]]",
    run,
    (
        Flag("all", "bool", "Show all images, intermediate ones too", short="a"),
        Flag("digests", "bool", "Show digests"),
        Flag("filter", "filter", "Show only what matches these conditions", short="f", parse=filter_pair),
        Flag("format", "string", FORMAT_HELP),
        Flag("no-trunc", "bool", "Do not shorten the output"),
        Flag("quiet", "bool", "Only show image IDs", short="q"),
        Flag("tree", "bool", "Show the platforms of each image", hidden=True),
    ),
    args=(0, 1),
)
