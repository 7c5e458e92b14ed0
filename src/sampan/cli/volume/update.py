"""sampan volume update: there are no cluster volumes here, and it says so as Docker does."""

from __future__ import annotations

from sampan.cli.errors import CliError
from sampan.cli.flags import Command, Flag
from sampan.cli.http import escape

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sampan.cli.flags import Options
    from sampan.cli.session import Session


def run(session: Session, options: Options, args: list[str]) -> None:
    name = args[0] if args else ""
    session.client.get(f"/volumes/{escape(name)}").read()
    raise CliError("can only update cluster volumes")


COMMAND = Command(
    "[OPTIONS] [VOLUME]",
    run,
    (Flag("availability", "string", "Whether the volume can be used", hidden=True),),
    args=(1, 1),
)
