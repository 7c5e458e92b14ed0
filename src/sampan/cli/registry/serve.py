"""sampan registry serve: become the registry, a separate program that reads the rest of the command line."""

from __future__ import annotations

import os
import sys

from sampan.cli.flags import Command
from sampan.interpreter import isolated

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sampan.cli.flags import Options
    from sampan.cli.session import Session


def run(session: Session, options: Options, args: list[str]) -> None:
    sys.stdout.flush()
    command = isolated("sampan.registry", "serve", *args)
    os.execv(command[0], command)


COMMAND = Command("[OPTIONS]", run, raw=True)
