"""sampan pull: download an image."""

from __future__ import annotations

from sampan.cli import progress
from sampan.cli.errors import CliError
from sampan.cli.flags import Command, Flag
from sampan.cli.image.auth import header
from sampan.cli.image.reference import named, require_no_trust
from sampan.specs.oci.reference import Reference

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sampan.cli.flags import Options
    from sampan.cli.session import Session


def run(session: Session, options: Options, args: list[str]) -> None:
    name = args[0]
    require_no_trust(session, options)
    reference = named(name)
    untagged = not reference.tag and not reference.digest
    if options["all-tags"] and not untagged:
        raise CliError("tag can't be used with --all-tags/-a")
    if not options["all-tags"] and untagged and not options["quiet"]:
        print("Using default tag: latest", flush=True)
    pull(session, reference, session.platform(options), quiet=options["quiet"], every=options["all-tags"])
    print(reference.name if options["all-tags"] else reference.with_default_tag())


def pull(
    session: Session,
    reference: Reference,
    platform: str = "",
    *,
    quiet: bool = False,
    descriptor: int = 1,
    every: bool = False,
) -> None:
    """Have the daemon pull it and show its progress; raises CliError."""
    query = {"fromImage": reference.name}
    if not every:
        query["tag"] = reference.digest or reference.tag or "latest"
    if platform:
        query["platform"] = platform.lower()
    headers = header(session, reference.domain)
    response = session.client.request("POST", "/images/create", query, headers=headers)
    if quiet:
        progress.drain(response.messages())
    else:
        progress.show(response.messages(), descriptor)


COMMAND = Command(
    "[OPTIONS] NAME[:TAG|@DIGEST]",
    run,
    (
        Flag("all-tags", "bool", "Download all tags of the repository", short="a"),
        Flag("disable-content-trust", "bool", "Skip image verification (default true)", default=True),
        Flag("platform", "string", "Platform to download where an image has several"),
        Flag("quiet", "bool", "Only print the image's name", short="q"),
    ),
    args=(1, 1),
)
