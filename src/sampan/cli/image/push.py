"""sampan push: upload an image."""

from __future__ import annotations

import sys

from sampan.cli import progress
from sampan.cli.errors import CliError
from sampan.cli.flags import Command, Flag
from sampan.cli.http import escape
from sampan.cli.image.auth import header
from sampan.cli.image.reference import named, require_no_trust

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sampan.cli.flags import Options
    from sampan.cli.session import Session

_PLATFORM_NOTE = (
    "Using --platform pushes only the specified platform manifest of a multi-platform image index.\n"
    "Other components, like attestations, will not be included.\n"
    "To push the complete multi-platform image, remove the --platform flag.\n"
)


def run(session: Session, options: Options, args: list[str]) -> None:
    name = args[0]
    query = _platform(options["platform"]) if options["platform"] else {}
    require_no_trust(session, options)
    reference = named(name)
    tag = reference.tag
    if reference.digest:
        raise CliError("cannot push a digest reference")
    if options["all-tags"] and tag:
        raise CliError("tag can't be used with --all-tags/-a")
    if not options["all-tags"] and not tag:
        tag = "latest"
        if not options["quiet"]:
            print("Using default tag: latest", flush=True)
    if tag:
        query["tag"] = tag
    path = "/".join(escape(part) for part in reference.name.split("/"))
    response = session.client.request(
        "POST", f"/images/{path}/push", query, headers=header(session, reference.domain)
    )
    if options["quiet"]:
        progress.drain(response.messages())
        print(reference.name + (f":{tag}" if tag else ""))
    else:
        progress.show(response.messages())


def _platform(text: str) -> dict[str, str]:
    """The query of --platform, after a note on what it leaves out; raises CliError."""
    from sampan.cli import gojson
    from sampan.cli.notes import note
    from sampan.errors import Invalid
    from sampan.specs.oci.platform import parse

    try:
        platform = parse(text).document
    except Invalid as error:
        raise CliError(f"Invalid platform {text}{error.message}") from None
    note(sys.stdout, _PLATFORM_NOTE, bold="--platform")
    return {"platform": gojson.dumps(platform)}


COMMAND = Command(
    "[OPTIONS] NAME[:TAG]",
    run,
    (
        Flag("all-tags", "bool", "Upload all tags of the repository", short="a"),
        Flag("disable-content-trust", "bool", "Skip image signing (default true)", default=True),
        Flag(
            "platform",
            "string",
            "Upload only this platform's manifest of an image that has several\n(os[/arch[/variant]])",
        ),
        Flag("quiet", "bool", "Only print the image's name", short="q"),
    ),
    args=(1, 1),
)
