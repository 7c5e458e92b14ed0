"""sampan commit: make an image of what a container changed."""

from __future__ import annotations

from sampan.cli.flags import Command, Flag
from sampan.cli.image.reference import named

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sampan.cli.flags import Options
    from sampan.cli.http import Query
    from sampan.cli.session import Session


def run(session: Session, options: Options, args: list[str]) -> None:
    query: dict[str, str | list[str]] = {
        "container": args[0],
        "author": options["author"],
        "comment": options["message"],
    }
    if len(args) > 1 and args[1]:
        reference = named(args[1])
        query["repo"], query["tag"] = reference.name, reference.tag or "latest"
    if options["change"]:
        query["changes"] = options["change"]
    if not options["pause"]:
        query["pause"] = "0"
    asked: Query = query
    print(session.client.post("/commit", asked).json()["Id"])


COMMAND = Command(
    "[OPTIONS] CONTAINER [REPOSITORY[:TAG]]",
    run,
    (
        Flag("author", "string", 'Author (e.g., "Jane Doe <jane@example.com>")', short="a"),
        Flag("change", "list", "Apply a Dockerfile instruction to the new image", short="c"),
        Flag("message", "string", "Commit message", short="m"),
        Flag("pause", "bool", "Pause the container meanwhile (default true)", short="p", default=True),
    ),
    args=(1, 2),
)
