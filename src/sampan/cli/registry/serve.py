"""sampan registry serve: become the registry, a program of its own that reads the rest of the line."""

from __future__ import annotations

import os
import sys

from sampan.cli.flags import Command

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sampan.cli.flags import Options
    from sampan.cli.session import Session


def run(session: Session, options: Options, args: list[str]) -> None:
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", "sampan.registry", "serve", *args])


COMMAND = Command("[OPTIONS]", run, raw=True)
