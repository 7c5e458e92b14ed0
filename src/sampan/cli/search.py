"""sampan search: images of a registry by a word in their names, or the tags of one image."""

from __future__ import annotations

from sampan.cli.errors import CliError
from sampan.cli.flags import Command, Flag
from sampan.cli.help import FORMAT_HELP
from sampan.cli.image.auth import credentials, encode, header
from sampan.cli.listing import Listing
from sampan.cli.opts.values import filter_pair, filters_query
from sampan.cli.text import ellipsis

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from sampan.cli.flags import Options
    from sampan.cli.session import Session

_TABLE = "{{.Name}}\t{{.Description}}\t{{.StarCount}}\t{{.IsOfficial}}"
_DESCRIPTION = 45  # columns, unless --no-trunc


def run(session: Session, options: Options, args: list[str]) -> None:
    if options["tags"]:
        _tags(session, options, args[0])
        return
    term = args[0]
    query = {**filters_query(options["filter"]), "term": term}
    if options["limit"] > 0:
        query["limit"] = str(options["limit"])
    headers = {"X-Registry-Auth": encode(credentials(session, _registry(term)))}
    found = session.client.request("GET", "/images/search", query, headers=headers).json() or []
    listing(trunc=not options["no-trunc"]).show(found, options["format"], _TABLE)


def _registry(term: str) -> str:
    """The registry a search term names: only what could not be a user's name on Docker Hub is one."""
    first, slash, _ = term.partition("/")
    return first if slash and ("." in first or ":" in first or first == "localhost") else "docker.io"


def listing(trunc: bool) -> Listing:
    """Fields of a search result."""

    def description(row: Any) -> str:
        text = str(row.get("description") or "").replace("\n", " ").replace("\r", " ")
        return ellipsis(text, _DESCRIPTION) if trunc else text

    def official(row: Any) -> str:
        return "[OK]" if row.get("is_official") else ""

    class Search(Listing):
        def json(self, row: Any) -> str:
            """JSON has it as a boolean's text."""
            fields = {**self.fields, "IsOfficial": ("", lambda item: _boolean(item.get("is_official")))}
            return Listing(fields, self.type_name).json(row)

    return Search(
        {
            "Description": ("DESCRIPTION", description),
            "IsOfficial": ("OFFICIAL", official),
            "Name": ("NAME", lambda row: row.get("name") or ""),
            "StarCount": ("STARS", lambda row: str(row.get("star_count") or 0)),
        },
        "*registry.searchContext",
    )


def _boolean(value: Any) -> str:
    return "true" if value else "false"


# -- tags ------------------------------------------------------------------------------------------------


def _tags(session: Session, options: Options, name: str) -> None:
    from sampan.cli.image.reference import named

    reference = named(name)
    if reference.tag or reference.digest:
        raise CliError("--tags lists all tags of an image: leave out the tag")
    response = session.client.request(
        "GET",
        "/sampan/images/tags",
        {"name": reference.name},
        headers=header(session, reference.domain),
    )
    found = [{"Tag": item} for item in _wanted(_names(response.json()), options)]
    _TAGS.show(found, options["format"], "{{.Tag}}")


def _names(answer: Any) -> list[str]:
    """The tags of an answer: a list, or an object with one."""
    tags = answer.get("tags", answer.get("Tags")) if isinstance(answer, dict) else answer
    return [str(item) for item in tags or ()]


def _wanted(names: list[str], options: Options) -> list[str]:
    from sampan.cli.text import natural

    ordered = sorted(names, key=natural)
    return ordered[: options["limit"]] if options["limit"] > 0 else ordered


_TAGS = Listing({"Tag": ("TAG", lambda row: row["Tag"])}, "*search.tagContext")


COMMAND = Command(
    "[OPTIONS] TERM",
    run,
    (
        Flag("filter", "filter", "Show only what matches these conditions", short="f", parse=filter_pair),
        Flag("format", "string", FORMAT_HELP),
        Flag("limit", "int", "Show at most this many"),
        Flag("no-trunc", "bool", "Do not shorten the output"),
        Flag("tags", "bool", "List the tags of an image"),
    ),
    args=(1, 1),
    long=(
        "Search Docker Hub, or the registry that TERM begins with, for images;\n"
        "with --tags, list the tags of the image TERM\n\n"
        "Examples:\n  sampan search alpine\n  sampan search 127.0.0.1:5000/web\n  sampan search --tags alpine"
    ),
)
