"""sampan build shell: a container with the files that a step of a build has left."""

from __future__ import annotations

import os

from sampan.cli.container.run import follow
from sampan.cli.flags import Command, Flag
from sampan.cli.http import escape
from sampan.cli.opts import values

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sampan.cli.flags import Options
    from sampan.cli.session import Session


def run(session: Session, options: Options, args: list[str]) -> int:
    tty = os.isatty(0) and os.isatty(1)
    body = {
        "Cmd": args[1:],
        "Env": options["env"],
        "WorkingDir": options["workdir"],
        "User": options["user"],
        "Tty": tty,
    }
    path = f"/sampan/builds/snapshots/{escape(args[0])}/shell"
    container = session.client.post(path, body=body).json()["Id"]
    return follow(session, container, streams={"stdin", "stdout", "stderr"}, tty=tty)


COMMAND = Command(
    "[OPTIONS] SNAPSHOT [COMMAND] [ARG...]",
    run,
    (
        Flag("env", "list", "Set environment variables", short="e", parse=values.environment),
        Flag("user", "string", "User name or ID (default: the step's)", short="u"),
        Flag("workdir", "string", "Working directory (default: the step's)", short="w"),
    ),
    args=(1, None),
    interspersed=False,
)
