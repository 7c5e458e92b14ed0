"""The cluster's own program, which reads the rest of the command line."""

from __future__ import annotations

import os
import sys

from sampan.interpreter import isolated

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from sampan.cli.flags import Options
    from sampan.cli.session import Session


def command(name: str) -> Callable[[Session, Options, list[str]], None]:
    """What runs `sampan kube <name>`."""

    def run(session: Session, options: Options, args: list[str]) -> None:
        sys.stdout.flush()
        line = isolated("sampan.kube", name, *args)
        os.execv(line[0], line)

    return run


def program(module: str) -> Callable[[Session, Options, list[str]], None]:
    """What becomes a program of its own, which reads the rest of the command line."""

    def run(session: Session, options: Options, args: list[str]) -> None:
        sys.stdout.flush()
        line = isolated(module, *args)
        os.execv(line[0], line)

    return run
