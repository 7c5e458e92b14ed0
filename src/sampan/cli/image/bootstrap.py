"""sampan image bootstrap: a base image from a distribution's own signed packages, without any registry."""

from __future__ import annotations

from sampan.cli import progress
from sampan.cli.flags import Command, Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sampan.cli.flags import Options
    from sampan.cli.session import Session


def run(session: Session, options: Options, args: list[str]) -> None:
    query = {"name": args[0]}
    if options["mirror"]:
        query["mirror"] = options["mirror"]
    response = session.client.post("/sampan/images/bootstrap", query)
    progress.show(response.messages())


COMMAND = Command(
    "[OPTIONS] busybox|debian[:SUITE]|ubuntu[:SUITE]",
    run,
    (Flag("mirror", "string", "URL of the package archive, instead of the host's own apt sources"),),
    args=(1, 1),
    long=(
        "Build a base image from the distribution's signed package archive, and tag it\n\n"
        "Examples:\n  sampan image bootstrap busybox\n  sampan image bootstrap debian:bookworm"
    ),
)
