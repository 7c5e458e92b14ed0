"""A pseudo-terminal with a program on it, and someone who reads and types."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time
from types import TracebackType


class Terminal:
    """`with Terminal(argv, env) as t`: the program has the terminal as its controlling one."""

    def __init__(self, argv: list[str], env: dict[str, str], rows: int = 24, columns: int = 80) -> None:
        self._argv, self._env = argv, env
        self._size = rows, columns
        self.text = ""
        self.code: int | None = None

    def __enter__(self) -> "Terminal":
        self.pid, self._fd = pty.fork()
        if self.pid == 0:
            try:
                os.execvpe(self._argv[0], self._argv, self._env | {"TERM": "xterm"})
            finally:
                os._exit(127)
        self.resize(*self._size)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.code is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self._fd)

    def resize(self, rows: int, columns: int) -> None:
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, text: str) -> None:
        os.write(self._fd, text.encode())

    def expect(self, pattern: str, seconds: float = 20) -> "re.Match[str]":
        """Read until `pattern` appears after what was matched before; the text up to its end is consumed."""
        deadline = time.monotonic() + seconds
        while True:
            found = re.search(pattern, self.text)
            if found:
                self.text = self.text[found.end() :]
                return found
            left = deadline - time.monotonic()
            assert left > 0, f"no {pattern!r} on the terminal within {seconds:g} s: {self.text!r}"
            assert self._read(left), f"the program ended without {pattern!r}: {self.text!r}"

    def seen(self, pattern: str, seconds: float) -> "re.Match[str] | None":
        """As `expect`, but None when it did not come in time."""
        try:
            return self.expect(pattern, seconds)
        except AssertionError:
            return None

    def _read(self, seconds: float) -> bool:
        """False at the end of the terminal."""
        if not select.select([self._fd], [], [], seconds)[0]:
            return True
        try:
            data = os.read(self._fd, 65536)
        except OSError:  # EIO: nobody has the other end open any more, pty(7)
            return False
        self.text += data.decode(errors="replace")
        return bool(data)

    def wait(self, seconds: float = 20) -> int:
        """The program's exit status, as a shell would give it."""
        deadline = time.monotonic() + seconds
        while self.code is None:
            self._read(0.02)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                code = os.waitstatus_to_exitcode(status)
                self.code = code if code >= 0 else 128 - code
            assert time.monotonic() < deadline, f"still running after {seconds:g} s: {self.text!r}"
        while select.select([self._fd], [], [], 0)[0] and self._read(0):
            pass  # what it wrote last
        return self.code
