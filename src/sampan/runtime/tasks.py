"""Tasks: work that the daemon must not do itself, in a process of its own, forked from the launcher.

A task is a module sampan.runtime.<name> with `main(request: dict, fds: dict[str, int]) -> dict`. Its
result, or the SampanError it raised, goes out on "control" as {"result": ...} or {"error": ErrorReply}.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import socket

from sampan.errors import SampanError
from sampan.linux import process, signals
from sampan.runtime.failures import describe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def main(name: str, request_path: str, fds: dict[str, int]) -> None:
    os.setsid()
    signals.reset(signals.SIGCHLD, signals.SIGTERM, signals.SIGHUP)
    gc.enable()
    process.set_name(f"sampan-{name}")
    process.close_other_descriptors(list(fds.values()))
    control = socket.socket(fileno=fds["control"])
    with open(request_path, "rb") as file:
        request: dict[str, Any] = json.load(file)
    try:
        module = importlib.import_module(f"sampan.runtime.{name}")
        answer = {"result": module.main(request, fds)}
    except SampanError as error:
        answer = {"error": {"kind": type(error).__name__, "message": error.message}}
    except Exception as error:
        answer = {"error": {"kind": "Failed", "message": f"{name}: {describe(error)}"}}
    try:
        control.send(json.dumps(answer).encode())
    except BrokenPipeError:
        pass  # cancelled: nobody asks any more
