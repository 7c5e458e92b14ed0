"""sampan pause: freeze all processes of containers."""

from __future__ import annotations

from sampan.cli.batch import all_at_once
from sampan.cli.flags import Command
from sampan.cli.http import escape

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sampan.cli.flags import Options
    from sampan.cli.session import Session


def run(session: Session, options: Options, args: list[str]) -> int:
    return all_at_once(session.client, args, lambda name: ("POST", f"/containers/{escape(name)}/pause", None))


COMMAND = Command("CONTAINER [CONTAINER...]", run, args=(1, None))
