"""sampan push: upload an image."""

from __future__ import annotations

from sampan.cli import progress
from sampan.cli.errors import CliError
from sampan.cli.flags import Command, Flag
from sampan.cli.http import escape
from sampan.cli.image.auth import header
from sampan.cli.image.reference import check, full_repository, require_no_trust, split

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sampan.cli.flags import Options
    from sampan.cli.session import Session


def run(session: Session, options: Options, args: list[str]) -> None:
    name = args[0]
    require_no_trust(options)
    check(name)
    repository, tag, digest = split(name)
    if digest:
        raise CliError("cannot push a digest reference")
    if options["all-tags"] and tag:
        raise CliError("tag can't be used with --all-tags/-a")
    if not options["all-tags"] and not tag:
        tag = "latest"
        if not options["quiet"]:
            print("Using default tag: latest", flush=True)
    query = {"tag": tag} if tag else {}
    path = "/".join(escape(part) for part in full_repository(repository).split("/"))
    response = session.client.request(
        "POST", f"/images/{path}/push", query, headers=header(session.config, repository)
    )
    if options["quiet"]:
        for message in response.messages():
            progress.text(message)
        print(full_repository(repository) + (f":{tag}" if tag else ""))
    else:
        progress.show(response.messages())


COMMAND = Command(
    "[OPTIONS] NAME[:TAG]",
    run,
    (
        Flag("all-tags", "bool", "Upload all tags of the repository", short="a"),
        Flag("disable-content-trust", "bool", "Skip image signing (default true)", default=True),
        Flag("platform", "string", "Upload only this platform's image", hidden=True),
        Flag("quiet", "bool", "Only print the image's name", short="q"),
    ),
    args=(1, 1),
)
