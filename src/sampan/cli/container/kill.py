"""sampan kill: send a signal to running containers, SIGKILL by default."""

from __future__ import annotations

from sampan.cli.batch import all_at_once
from sampan.cli.flags import Command, Flag
from sampan.cli.http import escape

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sampan.cli.flags import Options
    from sampan.cli.session import Session


def run(session: Session, options: Options, args: list[str]) -> int:
    query = {"signal": options["signal"]} if options["signal"] else None
    return all_at_once(session.client, args, lambda name: ("POST", f"/containers/{escape(name)}/kill", query))


COMMAND = Command(
    "[OPTIONS] CONTAINER [CONTAINER...]",
    run,
    (Flag("signal", "string", "Signal to send to the container", short="s"),),
    args=(1, None),
)
