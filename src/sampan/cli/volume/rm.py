"""sampan volume rm: remove volumes that no container uses."""

from __future__ import annotations

from sampan.cli.batch import for_each
from sampan.cli.flags import Command, Flag
from sampan.cli.http import escape

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sampan.cli.flags import Options
    from sampan.cli.session import Session


def run(session: Session, options: Options, args: list[str]) -> int:
    query = {"force": "1"} if options["force"] else None
    return for_each(args, lambda name: session.client.delete(f"/volumes/{escape(name)}", query).read())


COMMAND = Command(
    "[OPTIONS] VOLUME [VOLUME...]",
    run,
    (Flag("force", "bool", "Do not mind volumes that do not exist", short="f"),),
    args=(1, None),
    long="Remove volumes. A volume that a container uses cannot be removed.",
)
