"""sampan restart: stop and start containers again."""

from __future__ import annotations

from sampan.cli.batch import all_at_once
from sampan.cli.container import stopping
from sampan.cli.flags import Command
from sampan.cli.http import escape

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sampan.cli.flags import Options
    from sampan.cli.session import Session


def run(session: Session, options: Options, args: list[str]) -> int:
    query = stopping.query(options)
    return all_at_once(
        session.client, args, lambda name: ("POST", f"/containers/{escape(name)}/restart", query)
    )


COMMAND = Command("[OPTIONS] CONTAINER [CONTAINER...]", run, stopping.FLAGS, args=(1, None))
