"""sampan save: images as a tar archive."""

from __future__ import annotations

from sampan.cli import outfile
from sampan.cli.flags import Command, Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sampan.cli.flags import Options
    from sampan.cli.session import Session


def run(session: Session, options: Options, args: list[str]) -> None:
    outfile.check(options["output"], "save image")
    response = session.client.get("/images/get", {"names": args})
    outfile.save(options["output"], response.chunks())


COMMAND = Command(
    "[OPTIONS] IMAGE [IMAGE...]",
    run,
    (
        Flag("output", "string", "Write to this file instead of STDOUT", short="o"),
        Flag("platform", "string", "Save only this platform's image", hidden=True),
    ),
    args=(1, None),
)
