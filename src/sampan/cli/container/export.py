"""sampan export: a container's filesystem as a tar archive."""

from __future__ import annotations

from sampan.cli import outfile
from sampan.cli.flags import Command, Flag
from sampan.cli.http import escape

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sampan.cli.flags import Options
    from sampan.cli.session import Session


def run(session: Session, options: Options, args: list[str]) -> None:
    outfile.check(options["output"], "export container")
    response = session.client.get(f"/containers/{escape(args[0])}/export")
    outfile.save(options["output"], response.chunks())


COMMAND = Command(
    "[OPTIONS] CONTAINER",
    run,
    (Flag("output", "string", "Write to this file instead of STDOUT", short="o"),),
    args=(1, 1),
)
