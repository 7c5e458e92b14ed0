"""Tasks: work that the daemon must not do itself, in a process of its own, forked from the launcher.

A task is a module sampan.runtime.<name> with `main(request: dict, fds: dict[str, int]) -> dict`. Its
result, or the SampanError it raised, goes out on "control" as {"result": ...} or {"error": ErrorReply}.
"""

from __future__ import annotations

import gc
import os
import sys

from sampan.errors import SampanError
from sampan.linux import files, process, signals, sockets
from sampan.runtime.failures import describe
from sampan.runtime.jsontext import decode, encode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def main(name: str, request_path: str, fds: dict[str, int]) -> None:
    os.setsid()
    signals.reset(signals.SIGCHLD, signals.SIGTERM, signals.SIGHUP)
    gc.enable()
    process.set_name(f"sampan-{name}")
    process.set_command_line(f"sampan-{name} {request_path}")
    process.close_other_descriptors(list(fds.values()))
    control = sockets.Socket(fileno=fds["control"])
    request: dict[str, Any] = decode(files.read(request_path))
    try:
        module = f"sampan.runtime.{name}"
        __import__(module)
        answer = {"result": sys.modules[module].main(request, fds)}
    except SampanError as error:
        answer = {"error": {"kind": type(error).__name__, "message": error.message}}
    except Exception as error:
        answer = {"error": {"kind": "Failed", "message": f"{name}: {describe(error)}"}}
    try:
        control.send(encode(answer))
    except BrokenPipeError:
        pass  # cancelled: nobody asks any more
