"""sampan import: an image of a filesystem tarball."""

from __future__ import annotations

from sampan.cli import progress
from sampan.cli.flags import Command, Flag
from sampan.cli.image.load import open_input
from sampan.cli.image.reference import named
from sampan.cli.streams import file_chunks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sampan.cli.flags import Options
    from sampan.cli.http import Query
    from sampan.cli.session import Session


def run(session: Session, options: Options, args: list[str]) -> None:
    source = args[0]
    query: dict[str, str | list[str]] = {"message": options["message"]}
    if len(args) > 1:
        named(args[1])
        query["repo"] = args[1]
    if options["change"]:
        query["changes"] = options["change"]
    if platform := session.platform(options):
        query["platform"] = platform.lower()
    asked: Query = query
    if source.startswith(("http://", "https://")):
        query["fromSrc"] = source
        response = session.client.post("/images/create", asked)
    else:
        query["fromSrc"] = "-"
        descriptor = 0 if source == "-" else open_input(source)
        headers = {"Content-Type": "text/plain"}
        response = session.client.request(
            "POST", "/images/create", asked, stream=file_chunks(descriptor), headers=headers
        )
    progress.show(response.messages())


COMMAND = Command(
    "[OPTIONS] file|URL|- [REPOSITORY[:TAG]]",
    run,
    (
        Flag("change", "list", "Apply a Dockerfile instruction to the new image", short="c"),
        Flag("message", "string", "Message of the import", short="m"),
        Flag("platform", "string", "Platform of the image"),
    ),
    args=(1, None),
)
