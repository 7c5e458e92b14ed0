"""sampan image bootstrap: a base image from a distribution's own signed packages, without any registry."""

from __future__ import annotations

from sampan.cli import progress
from sampan.cli.flags import Command

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sampan.cli.flags import Options
    from sampan.cli.session import Session


def run(session: Session, options: Options, args: list[str]) -> None:
    response = session.client.post("/sampan/images/bootstrap", {"name": args[0]})
    progress.show(response.messages())


COMMAND = Command(
    "busybox|debian[:SUITE]|ubuntu[:SUITE]",
    run,
    args=(1, 1),
    long=(
        "Build a base image from the distribution's signed package archive, and tag it\n\n"
        "Examples:\n  sampan image bootstrap busybox\n  sampan image bootstrap debian:bookworm"
    ),
)
