"""sampan pull: download an image."""

from __future__ import annotations

from sampan.cli import progress
from sampan.cli.errors import CliError
from sampan.cli.flags import Command, Flag
from sampan.cli.image.auth import header
from sampan.cli.image.reference import check, familiar, full_repository, require_no_trust, split

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sampan.cli.flags import Options
    from sampan.cli.session import Session


def run(session: Session, options: Options, args: list[str]) -> None:
    name = args[0]
    require_no_trust(session, options)
    check(name)
    _, tag, digest = split(name)
    if options["all-tags"] and (tag or digest):
        raise CliError("tag can't be used with --all-tags/-a")
    if not options["all-tags"] and not tag and not digest and not options["quiet"]:
        print("Using default tag: latest", flush=True)
    pull(session, name, session.platform(options), quiet=options["quiet"], every=options["all-tags"])
    print(_full(name, options["all-tags"]))


def _full(name: str, every: bool) -> str:
    repository, tag, digest = split(familiar(name))
    if every:
        return full_repository(repository)
    suffix = (f":{tag}" if tag else "") + (f"@{digest}" if digest else "")
    return full_repository(repository) + suffix


def pull(
    session: Session,
    name: str,
    platform: str = "",
    *,
    quiet: bool = False,
    descriptor: int = 1,
    every: bool = False,
) -> None:
    """Have the daemon pull `name` and show its progress; raises CliError."""
    repository, tag, digest = split(name)
    query = {"fromImage": full_repository(repository)}
    if not every:
        query["tag"] = digest or tag or "latest"
    if platform:
        query["platform"] = platform.lower()
    headers = header(session, repository)
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
