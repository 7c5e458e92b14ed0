"""sampan restart: stop and start containers again."""

from __future__ import annotations

from sampan.cli.each import all_at_once
from sampan.cli.errors import CliError
from sampan.cli.flags import Command, Flag
from sampan.cli.http import escape

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sampan.cli.flags import Options
    from sampan.cli.session import Session


def run(session: Session, options: Options, args: list[str]) -> int:
    query = {}
    if "timeout" in options.changed and "time" in options.changed:
        raise CliError("conflicting options: cannot specify both --timeout and --time")
    for flag in ("timeout", "time"):
        if flag in options.changed:
            query["t"] = str(options[flag])
    if options["signal"]:
        query["signal"] = options["signal"]
    return all_at_once(
        session.client, args, lambda name: ("POST", f"/containers/{escape(name)}/restart", query)
    )


COMMAND = Command(
    "[OPTIONS] CONTAINER [CONTAINER...]",
    run,
    (
        Flag("signal", "string", "Signal to send to the container", short="s"),
        Flag("time", "int", deprecated="use --timeout instead"),
        Flag("timeout", "int", "Seconds to wait before killing it", short="t"),
    ),
    args=(1, None),
)
