"""A line to a server that can be cut or stopped in the middle, and counts what went over it."""

import socket
import threading
from contextlib import suppress
from types import TracebackType


class CutLine:
    """`with CutLine(port) as line`: line.port leads to 127.0.0.1:port."""

    def __init__(self, port: int) -> None:
        self._target = ("127.0.0.1", port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.passed = 0  # bytes from the server
        self.reached = threading.Event()  # the limit
        self._limit: int | None = None
        self._go_on = threading.Event()
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []

    def cut_after(self, count: int, *, hold: bool = False) -> None:
        """The connection with the `count`th byte from now ends there, with `hold` at `release` only."""
        self.reached.clear()
        self._go_on = threading.Event()
        if not hold:
            self._go_on.set()
        self._limit = self.passed + count

    def release(self) -> None:
        self._go_on.set()

    def __enter__(self) -> "CutLine":
        self._thread = threading.Thread(target=self._accept)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
        # Wakes accept(2), which close(2) does not.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()
        for sock in self._sockets:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in threading.enumerate():
            if thread.name == f"line-{self.port}":
                thread.join()
        for sock in self._sockets:
            sock.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._target)
                self._sockets += [client, server]
                for function in (self._down, self._up):
                    threading.Thread(target=function, args=(client, server), name=f"line-{self.port}").start()

    def _up(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while data := client.recv(65536):
                server.sendall(data)
        with suppress(OSError):
            server.shutdown(socket.SHUT_WR)

    def _down(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while data := server.recv(65536):
                data, last = self._count(data)
                client.sendall(data)
                if last:
                    self.reached.set()
                    self._go_on.wait()
                    break
        for sock in (client, server):
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def _count(self, data: bytes) -> tuple[bytes, bool]:
        with self._lock:
            left = None if self._limit is None else self._limit - self.passed
            if left is None or left > len(data):
                self.passed += len(data)
                return data, False
            self._limit = None
            self.passed += left
            return data[:left], True
