"""sampan rename: give a container another name."""

from __future__ import annotations

from sampan.cli.errors import ApiError, CliError
from sampan.cli.flags import Command
from sampan.cli.http import escape

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sampan.cli.flags import Options
    from sampan.cli.session import Session


def run(session: Session, options: Options, args: list[str]) -> None:
    old, new = args[0].strip(), args[1].strip()
    if not old or not new:
        raise CliError("Error: Neither old nor new names may be empty")
    try:
        session.client.post(f"/containers/{escape(old)}/rename", {"name": new}).read()
    except ApiError as error:
        raise CliError(f"{error.message}\nError: failed to rename container named {old}") from None


COMMAND = Command("CONTAINER NEW_NAME", run, args=(2, 2))
