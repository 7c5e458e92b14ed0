"""sampan diff: which files a container added (A), changed (C) or deleted (D)."""

from __future__ import annotations

from sampan.cli.errors import CliError
from sampan.cli.flags import Command
from sampan.cli.http import escape

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sampan.cli.flags import Options
    from sampan.cli.session import Session

_KINDS = "CAD"


def run(session: Session, options: Options, args: list[str]) -> None:
    if not args[0]:
        raise CliError("Container name cannot be empty")
    changes = session.client.get(f"/containers/{escape(args[0])}/changes").json()
    for change in changes or ():
        print(f"{_KINDS[change['Kind']]} {change['Path']}")


COMMAND = Command("CONTAINER", run, args=(1, 1))
