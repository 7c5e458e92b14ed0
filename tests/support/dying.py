"""A sampand that kills itself, as kill -9 would, right before one of the changes it makes.

`python -m tests.support.dying FILE FLAG...` runs sampand. Once FILE is there, it says how many changes are
still made: to the database, to directories, to the kernel's interfaces and rules, requests to the launcher.
So a test goes through all steps of an operation, and none is guessed or left out.
"""

import functools
import http.client
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

from tests.support.api import Answer
from tests.support.engine import Sampand

# What they do is no part of any request.
BACKGROUND = ("netns-pool", "trash")
OFF = "off"


class DyingSampand(Sampand):
    def __init__(self, *flags: str) -> None:
        super().__init__(*flags)
        self._file = self.exec.with_suffix(".dying")
        self.program = [sys.executable, "-m", "tests.support.dying", str(self._file)]

    def each_step(self, request: Callable[[], Answer]) -> Iterator[Answer | None]:
        """Ask with 0, 1, 2... changes before the daemon's death, each time with a new daemon afterwards.

        None when there was no answer; the last one was not killed.
        """
        for changes in count():
            self._tell(str(changes))
            answer = self._ask(request)
            self._tell(OFF)
            if answer is not None and self.api.alive():
                yield answer
                return
            assert self._process and self._process.wait(20) == -signal.SIGKILL, self.log_tail()
            self._file.unlink(missing_ok=True)
            self.start()
            yield answer

    def _ask(self, request: Callable[[], Answer]) -> Answer | None:
        try:
            return request()
        except (OSError, http.client.HTTPException):
            return None

    def _tell(self, text: str) -> None:
        beside = self._file.with_suffix(".new")
        beside.write_text(text)
        beside.rename(self._file)

    def erase(self) -> None:
        super().erase()
        self._file.unlink(missing_ok=True)


class Countdown:
    def __init__(self, file: Path) -> None:
        self._file = file
        self._left: int | None = None
        self._lock = threading.Lock()

    def change(self) -> None:
        if threading.current_thread().name.startswith(BACKGROUND):
            return
        with self._lock:
            if self._file.exists():
                text = self._file.read_text()
                self._file.unlink()
                self._left = None if text == OFF else int(text)
            if self._left is not None:
                self._left -= 1
                if self._left < 0:
                    os.kill(os.getpid(), signal.SIGKILL)

    def watch(self, owner: Any, name: str) -> None:
        function: Callable[..., Any] = getattr(owner, name)

        @functools.wraps(function)
        def counted(*arguments: Any, **more: Any) -> Any:
            self.change()
            return function(*arguments, **more)

        setattr(owner, name, counted)


def main() -> None:
    from sampan.runtime import launcher

    pid, sock = launcher.spawn()
    from sampan.db.sqlite import Store
    from sampan.engine.api.app import make_api
    from sampan.engine.daemon import serve
    from sampan.linux.netlink import Socket
    from sampan.runtime.client import Launcher

    countdown = Countdown(Path(sys.argv[1]))
    for owner, names in (
        (Store, ("apply",)),
        (os, ("mkdir", "rename")),
        (Socket, ("transact", "transact_batch")),
        (Launcher, ("_send",)),
    ):
        for name in names:
            countdown.watch(owner, name)
    os._exit(serve.run(sys.argv[2:], pid, sock, make_api))


if __name__ == "__main__":
    main()
