"""A step's output, as its shim frames it: stream, three zeros, length, bytes (runtime/attach.py)."""

import asyncio
import socket
from collections.abc import Callable

# (1 stdout or 2 stderr, what a program wrote)
Output = Callable[[int, bytes], None]
HEADER = 8
CHUNK = 256 << 10
TURNS = 16  # reads before others have a turn


class Reader:
    """Reads until the other end closes; `done` says so. `theirs` goes to the shim."""

    def __init__(self, output: Output) -> None:
        self._ours, self.theirs = socket.socketpair()
        self._ours.setblocking(False)
        self._output = output
        self.last = b""  # what was written last
        self._buffer = bytearray()
        self._loop = asyncio.get_running_loop()
        self.done: asyncio.Future[None] = self._loop.create_future()
        self._loop.add_reader(self._ours.fileno(), self._readable)

    def end_input(self) -> None:
        self._ours.shutdown(socket.SHUT_WR)

    def _readable(self) -> None:
        for _ in range(TURNS):
            try:
                data = self._ours.recv(CHUNK)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if not data:
                self.close()
                return
            self._buffer += data
            self._deliver()

    def _deliver(self) -> None:
        buffer, position = self._buffer, 0
        while len(buffer) - position >= HEADER:
            end = position + HEADER + int.from_bytes(buffer[position + 4 : position + HEADER], "big")
            if end > len(buffer):
                break
            self.last = bytes(buffer[position + HEADER : end])
            self._output(buffer[position], self.last)
            position = end
        del buffer[:position]

    def close(self) -> None:
        if not self.done.done():
            self._loop.remove_reader(self._ours.fileno())
            self._ours.close()
            self.theirs.close()
            self.done.set_result(None)
