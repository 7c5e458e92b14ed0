"""sampan explain: why an object of a cluster does not get on; a program of its own reads the command line."""

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
    line = isolated("sampan.kube.explain.main", *args)
    os.execv(line[0], line)


COMMAND = Command("[OPTIONS] KIND NAME", run, raw=True)
