"""An attached container or exec: terminal, demultiplexing, half-close, detach keys, signals.

The multiplexed format: 8 bytes of header (stream, 0, 0, 0, length big-endian), then the data.
Source: Docker Engine API, "attach to a container", stream format.
"""

from __future__ import annotations

import os
import select

from sampan.cli.errors import CliError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any

    from sampan.cli.sockets import Connection
else:
    import _signal  # what the signal module wraps in enums, for 2 ms

DEFAULT_DETACH_KEYS = "ctrl-p,ctrl-q"
_BLOCK = 1 << 16
_HEADER = 8
_STDERR, _SYSTEM = 2, 3


class Detached(Exception):
    """The user typed the detach keys."""


class Demultiplexer:
    """Splits the multiplexed format and writes each part where it belongs."""

    def __init__(self, stdout: int | None = 1, stderr: int | None = 2) -> None:
        self._targets = {0: stdout, 1: stdout, 2: stderr}
        self._buffer = b""

    def feed(self, data: bytes) -> None:
        """Raises CliError for a message of the daemon's own (stream 3)."""
        self._buffer += data
        view = self._buffer
        at = 0
        while len(view) - at >= _HEADER:
            size = int.from_bytes(view[at + 4 : at + 8], "big")
            if len(view) - at - _HEADER < size:
                break
            self._deliver(view[at], view[at + _HEADER : at + _HEADER + size])
            at += _HEADER + size
        self._buffer = view[at:]

    def _deliver(self, stream: int, data: bytes) -> None:
        if stream == _SYSTEM:
            raise CliError(f"error from daemon in stream: {data.decode('utf-8', 'replace')}")
        if stream not in self._targets:
            raise CliError(f"Unrecognized input header: {stream}")
        target = self._targets[stream]
        if target is not None:
            write_all(target, data)


class Plain:
    """A stream of a terminal: everything is stdout."""

    def feed(self, data: bytes) -> None:
        write_all(1, data)


def write_all(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


def parse_keys(text: str) -> bytes:
    """ "ctrl-p,ctrl-q" as bytes; raises CliError for an unknown name."""
    keys = bytearray()
    for name in text.split(","):
        if len(name) == 1:
            keys.append(ord(name))
            continue
        letter = name[5:] if name.startswith("ctrl-") else ""
        if len(letter) == 1 and (letter.islower() or letter in "@[\\]^_"):
            keys.append(ord(letter) & 0x1F)
        else:
            raise CliError(f"Invalid detach keys ({text}) provided")
    return bytes(keys)


class DetachFilter:
    """Watches input for the detach keys. Keys that turn out not to be the whole sequence are passed on."""

    def __init__(self, keys: bytes) -> None:
        self._keys = keys
        self._held = 0

    def feed(self, data: bytes) -> bytes:
        """What to send on; raises Detached."""
        out = bytearray()
        for byte in data:
            if byte == self._keys[self._held]:
                self._held += 1
                if self._held == len(self._keys):
                    raise Detached
                continue
            out += self._keys[: self._held]
            self._held = 1 if byte == self._keys[0] and self._held else 0
            if not self._held:
                out.append(byte)
        return bytes(out)


class RawTerminal:
    """Puts a terminal into raw mode for the length of a with block; does nothing for anything else."""

    def __init__(self, descriptor: int, wanted: bool) -> None:
        self._descriptor = descriptor
        self._wanted = wanted and os.isatty(descriptor)
        self._saved: list[Any] = []

    def __enter__(self) -> RawTerminal:
        if self._wanted:
            import termios

            self._saved = termios.tcgetattr(self._descriptor)
            termios.tcsetattr(self._descriptor, termios.TCSANOW, _raw(termios.tcgetattr(self._descriptor)))
        return self

    def __exit__(self, *_: object) -> None:
        if self._saved:
            import termios

            termios.tcsetattr(self._descriptor, termios.TCSANOW, self._saved)
            self._saved = []


def _raw(mode: list[Any]) -> list[Any]:
    """cfmakeraw(3)."""
    import termios as t

    mode[0] &= ~(t.IGNBRK | t.BRKINT | t.PARMRK | t.ISTRIP | t.INLCR | t.IGNCR | t.ICRNL | t.IXON)
    mode[1] &= ~t.OPOST
    mode[2] = mode[2] & ~(t.CSIZE | t.PARENB) | t.CS8
    mode[3] &= ~(t.ECHO | t.ECHONL | t.ICANON | t.ISIG | t.IEXTEN)
    mode[6][t.VMIN], mode[6][t.VTIME] = 1, 0
    return mode


class Pump:
    """Copies both ways between this process and an upgraded connection until there is no more output."""

    def __init__(
        self,
        connection: Connection,
        leftover: bytes,
        *,
        stdin: bool,
        tty: bool,
        detach_keys: bytes = b"",
        output: bool = True,
    ) -> None:
        self._connection = connection
        self._sink: Plain | Demultiplexer = Plain() if tty else Demultiplexer()
        self._leftover = leftover
        self._stdin = stdin
        self._raw = stdin and tty
        self._filter = DetachFilter(detach_keys) if detach_keys and tty and stdin else None
        self._pending = b""
        self._ending = False
        self._output = output

    def run(self) -> None:
        """Returns at the end of output; raises Detached when the user left with the detach keys."""
        with RawTerminal(0, self._raw):
            try:
                self._loop()
            finally:
                self._connection.close()

    def _loop(self) -> None:
        if self._leftover:
            self._sink.feed(self._leftover)
        poll = select.poll()
        socket = self._connection.fileno()
        pending = getattr(self._connection, "pending", None)
        while True:
            poll.register(socket, select.POLLIN | (select.POLLOUT if self._pending else 0))
            if self._stdin and not self._pending:
                poll.register(0, select.POLLIN)
            ready = dict(poll.poll(0 if pending and pending() else None))
            if 0 in ready:
                poll.unregister(0)
                self._read_input()
            elif self._stdin and not self._pending:
                poll.unregister(0)
            events = ready.get(socket, 0)
            if events & select.POLLOUT or (self._pending and events & select.POLLERR):
                self._send()
            if (events & ~select.POLLOUT or (pending and pending())) and not self._receive():
                return

    def _receive(self) -> bool:
        try:
            data = self._connection.recv(_BLOCK)
        except ConnectionResetError:
            return False
        if data:
            self._sink.feed(data)
        return bool(data)

    def _read_input(self) -> None:
        try:
            data = os.read(0, _BLOCK >> 1)
        except OSError:
            data = b""  # a terminal whose other side hung up
        if not data:
            self._stdin = False
            self._ending = True
        elif self._filter is not None:
            data = self._filter.feed(data)
        self._pending += data
        self._send()

    def _send(self) -> None:
        """Send what fits without waiting: while we waited, nobody would read the container's output."""
        try:
            if self._pending:
                sent = self._connection.send(self._pending, _MSG_DONTWAIT)  # type: ignore[attr-defined]
                self._pending = self._pending[sent:]
        except BlockingIOError:
            return
        except OSError:
            self._pending, self._stdin = b"", False  # the container no longer reads
        if self._ending and not self._pending:
            self._ending = False
            self._connection.half_close()


_MSG_DONTWAIT = 0x40


def copy_output(chunks: Iterable[bytes], tty: bool) -> None:
    """Write a (multiplexed, unless tty) body to stdout and stderr as it arrives."""
    sink: Plain | Demultiplexer = Plain() if tty else Demultiplexer()
    for data in chunks:
        sink.feed(data)


# -- signals ---------------------------------------------------------------------------------------------

# signal(7): the ones that can be caught and mean something to a container; not SIGCHLD, SIGPIPE, SIGURG.
_FORWARDED = [
    "HUP",
    "INT",
    "QUIT",
    "TRAP",
    "ABRT",
    "USR1",
    "USR2",
    "ALRM",
    "TERM",
    "STKFLT",
    "CONT",
    "TSTP",
    "TTIN",
    "TTOU",
    "XCPU",
    "XFSZ",
    "VTALRM",
    "PROF",
    "WINCH",
    "IO",
    "PWR",
    "SYS",
]


class SignalProxy:
    """Hands every signal this process gets to `send` while the with block lasts."""

    def __init__(self, send: Callable[[str], None], wanted: bool = True) -> None:
        self._send = send
        self._wanted = wanted
        self._saved: dict[int, Any] = {}

    def __enter__(self) -> SignalProxy:
        if self._wanted:
            for name in _FORWARDED:
                number = getattr(_signal, f"SIG{name}", None)
                if number is not None:
                    self._saved[number] = _signal.signal(number, self._handler(name))
        return self

    def _handler(self, name: str) -> Callable[[int, Any], None]:
        def handle(_number: int, _frame: Any) -> None:
            try:
                self._send(name)
            except CliError:
                pass  # the container has just gone

        return handle

    def __exit__(self, *_: object) -> None:
        for number, before in self._saved.items():
            _signal.signal(number, before)
        self._saved.clear()


class WindowSize:
    """Calls `resize(height, width)` now and at every SIGWINCH while the with block lasts."""

    def __init__(self, resize: Callable[[int, int], None], wanted: bool, redraw: bool = False) -> None:
        self._resize = resize
        self._wanted = wanted
        self._redraw = redraw
        self._saved: Any = None

    def __enter__(self) -> WindowSize:
        if self._wanted:
            if self._redraw:  # only a size that changes makes a program draw its screen again
                self.tell(1)
            self.tell()
            self._saved = _signal.signal(_signal.SIGWINCH, lambda _number, _frame: self.tell())
        return self

    def tell(self, more: int = 0) -> None:
        width, height = terminal_size()
        if not (width or height):
            return
        try:
            self._resize(height + more, width + more)
        except CliError:
            pass  # the process has just ended, or has not quite begun; the next SIGWINCH tries again

    def __exit__(self, *_: object) -> None:
        if self._saved is not None:
            _signal.signal(_signal.SIGWINCH, self._saved)


def terminal_size() -> tuple[int, int]:
    """(columns, rows) of the terminal on stdout, zeros where there is none."""
    try:
        size = os.get_terminal_size(1)
    except OSError:
        return 0, 0
    return size.columns, size.lines


def file_chunks(descriptor: int, size: int = 1 << 17) -> Iterator[bytes]:
    while data := os.read(descriptor, size):
        yield data


def require_terminal(stdin: bool, tty: bool) -> None:
    """Raises CliError if a terminal's input is needed and stdin is not one."""
    if stdin and tty and not os.isatty(0):
        raise CliError("the input device is not a TTY")
