"""The container's log as the shim writes it: Docker's json-file, and "local", both rotated and bounded.

json-file is Docker's, to the byte: a line `{"log":"...\\n","stream":"stdout","time":"..."}` per line of
output; a line over 16 KiB comes in pieces of which only the last ends in \\n; what is left at the end of
output has none.

local is ours: records of `<u32 n> <u64 nanoseconds> <u8 stream> <n bytes> <u32 n>`, little-endian, stream 1
or 2, the length on both ends so that a reader can walk backwards. The bytes are output as it came: whole
lines, many to a record, or a piece of a long line, or the unfinished end.

Rotation: <path> -> <path>.1 -> <path>.2 ..., the older ones compressed (<path>.1.gz) by a forked child. If
output comes faster than it compresses, the child is dropped and its file stays as it is, so writing never
waits and the bound (max_file files of max_size) holds anyway. A reader finds either <path>.<n> or
<path>.<n>.gz.
"""

from __future__ import annotations

import codecs
import os
import struct
import time
import zlib

from sampan.linux import signals
from sampan.linux.process import close_other_descriptors
from sampan.runtime.jsontext import encode
from sampan.specs.golang.time import rfc3339

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from sampan.runtime.loop import Loop
    from sampan.runtime.protocol import LogConfig

PIECE = 16 * 1024  # Docker's longest log message

STDOUT = 1
STDERR = 2

_NAMES = {STDOUT: b"stdout", STDERR: b"stderr"}
_RECORD = struct.Struct("<IQB")
_LENGTH = struct.Struct("<I")


def open_log(config: LogConfig, loop: Loop) -> Log:
    if config["driver"] == "json-file":
        return Log(JsonFormat(config.get("attrs") or {}), RotatingFile(config, loop))
    if config["driver"] == "local":
        return Log(LocalFormat(), RotatingFile(config, loop))
    return Log(None, None)


class Log:
    """Cuts output into messages; one instance per container."""

    def __init__(self, format: JsonFormat | LocalFormat | None, file: RotatingFile | None) -> None:
        self._format = format
        self._file = file
        self._pending: dict[int, bytes] = {STDOUT: b"", STDERR: b""}
        self._partial: dict[int, int] = {STDOUT: 0, STDERR: 0}  # time of a long line's first piece, or 0

    def write(self, stream: int, data: bytes) -> None:
        if self._format is None or self._file is None:
            return
        pending = self._pending[stream]
        if pending:
            data = pending + data
        position, size = 0, len(data)
        now = time.time_ns()
        while position < size:
            # Every line that ends inside the next 16 KiB is short enough: one search finds them all.
            end = data.rfind(b"\n", position, position + PIECE) + 1
            if end == 0:
                if size - position < PIECE:
                    break
                end = position + PIECE
                self._emit(stream, data[position:end], now, partial=True)
            else:
                self._emit(stream, data[position:end], now, partial=False)
            position = end
        self._pending[stream] = data[position:]

    def _emit(self, stream: int, data: bytes, now: int, partial: bool) -> None:
        started = self._partial[stream]
        if started and not partial:
            # The rest of a long line carries the time of its first piece.
            end = data.index(b"\n") + 1
            self._put(stream, data[:end], started)
            data = data[end:]
        if data:
            self._put(stream, data, started if partial and started else now)
        self._partial[stream] = (started or now) if partial else 0

    def finish(self, stream: int) -> None:
        """The stream has ended: what has no newline yet is logged as it is."""
        rest, self._pending[stream] = self._pending[stream], b""
        if rest:
            self._put(stream, rest, self._partial[stream] or time.time_ns())

    def _put(self, stream: int, data: bytes, nanoseconds: int) -> None:
        if self._format is not None and self._file is not None:
            self._file.write(self._format.encode(stream, data, nanoseconds), self._format.cut)

    def reopen(self) -> None:
        if self._file is not None:
            self._file.reopen()

    def close(self) -> None:
        if self._file is not None:
            self._file.close()


class JsonFormat:
    """A whole block of lines is escaped by a few passes of C code; Python does nothing per line."""

    def __init__(self, attrs: dict[str, str]) -> None:
        self._attrs = b""
        if attrs:
            self._attrs = b',"attrs":' + encode(dict(sorted(attrs.items())))

    def cut(self, block: bytes, room: int) -> int:
        """Where to split a block that exceeds `room`: behind the line that reaches it."""
        return (block.find(b"\n", max(room - 1, 0)) + 1) or len(block)

    def encode(self, stream: int, data: bytes, nanoseconds: int) -> bytes:
        """`data` is whole lines, or one piece without a newline."""
        time_text = rfc3339(nanoseconds).encode()
        tail = b'","stream":"%s"%s,"time":"%s"}\n' % (_NAMES[stream], self._attrs, time_text)
        ended = data.endswith(b"\n")
        text = escape(data[:-1] if ended else data)
        body = text.replace(b"\n", b"\\n" + tail + b'{"log":"')
        return b'{"log":"' + body + (b"\\n" if ended else b"") + tail


# moby's daemon/logger/jsonfilelog/jsonlog: HTML's characters as well, and only \n and \r have a short form.
_ESCAPES = (
    (b"\\", b"\\\\"),
    (b'"', b'\\"'),
    (b"<", b"\\u003c"),
    (b">", b"\\u003e"),
    (b"&", b"\\u0026"),
    (b"\r", b"\\r"),
)
_HARMLESS = bytes(n for n in range(256) if n >= 32 or n in b"\n\r")
_SEPARATORS = (("\u2028".encode(), b"\\u2028"), ("\u2029".encode(), b"\\u2029"))


def escape(data: bytes) -> bytes:
    """The inside of a JSON string, except that newlines stay: see JsonFormat."""
    for raw, escaped in _ESCAPES:
        if raw in data:
            data = data.replace(raw, escaped)
    for byte in set(data.translate(None, _HARMLESS)):
        data = data.replace(bytes((byte,)), b"\\u%04x" % byte)
    if data.isascii():
        return data
    data = data.decode("utf-8", "sampan.invalid-utf8").encode()
    for raw, escaped in _SEPARATORS:
        data = data.replace(raw, escaped)
    return data


def _replace_invalid(error: UnicodeError) -> tuple[str, int]:
    """As Go does: one replacement character, escaped, per byte."""
    assert isinstance(error, UnicodeDecodeError)
    return "\\ufffd" * (error.end - error.start), error.end


codecs.register_error("sampan.invalid-utf8", _replace_invalid)


class LocalFormat:
    def encode(self, stream: int, data: bytes, nanoseconds: int) -> bytes:
        return _RECORD.pack(len(data), nanoseconds, stream) + data + _LENGTH.pack(len(data))

    def cut(self, block: bytes, room: int) -> int:
        """One record is never split."""
        return len(block)


class RotatingFile:
    """Appends blocks; a file that has reached max_size is rotated before the next message."""

    def __init__(self, config: LogConfig, loop: Loop) -> None:
        self._path = config["path"]
        self._max_size = config["max_size"] or 1 << 62
        self._max_file = max(1, config["max_file"])
        self._compress = config["compress"] and self._max_file > 1
        self._loop = loop
        self._compressor: int = 0
        self._fd = -1
        self._size = 0
        os.makedirs(os.path.dirname(self._path), 0o710, exist_ok=True)
        self.reopen()

    def reopen(self) -> None:
        """Raises OSError, and then keeps what is open."""
        opened = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
        if self._fd >= 0:
            os.close(self._fd)
        self._fd = opened
        self._size = os.fstat(self._fd).st_size

    def write(self, block: bytes, cut: Callable[[bytes, int], int]) -> None:
        while block:
            if self._size >= self._max_size:
                self._rotate()
            room = self._max_size - self._size
            if len(block) <= room:
                self._append(block)
                return
            end = cut(block, room)
            self._append(block[:end])
            block = block[end:]

    def _append(self, block: bytes) -> None:
        """A full disk loses the message, as with Docker, but never stops the container."""
        view = memoryview(block)
        while view:
            try:
                written = os.write(self._fd, view)
            except OSError:
                return
            self._size += written
            view = view[written:]

    def _rotate(self) -> None:
        if self._max_file == 1:
            os.ftruncate(self._fd, 0)
            self._size = 0
            return
        self._drop_compressor()
        last = self._max_file - 1
        for suffix in ("", ".gz"):
            _unlink(f"{self._path}.{last}{suffix}")
        for number in range(last - 1, 0, -1):
            for suffix in ("", ".gz"):
                _rename(f"{self._path}.{number}{suffix}", f"{self._path}.{number + 1}{suffix}")
        _rename(self._path, f"{self._path}.1")
        try:
            self.reopen()
        except OSError:
            self._size = 0  # no file to be had: go on in this one, and try again when it is full
            return
        if self._compress:
            self._start_compressor(f"{self._path}.1")

    def _start_compressor(self, path: str) -> None:
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                _compress(path)
                status = 0
            finally:
                os._exit(status)
        self._compressor = pid
        self._loop.on_death(pid, self._compressed)

    def _compressed(self, _status: int) -> None:
        self._compressor = 0

    def _drop_compressor(self) -> None:
        """It renames its result as its last step, so killing it leaves at most a temporary file."""
        if self._compressor:
            os.kill(self._compressor, signals.SIGKILL)
            os.waitpid(self._compressor, 0)
            self._loop.forget_death(self._compressor)
            self._compressor = 0
        _unlink(f"{self._path}.1.gz.tmp")

    def close(self) -> None:
        """A compressor still at work continues by itself."""
        os.close(self._fd)


def _compress(path: str) -> None:
    signals.set_wakeup_fd(-1)
    close_other_descriptors([])
    os.nice(10)
    temporary = path + ".gz.tmp"
    # wbits 31: gzip's header and checksum. zlib.h, deflateInit2
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    with open(path, "rb", buffering=0) as source, open(temporary, "wb", buffering=0) as target:
        os.fchmod(target.fileno(), 0o640)
        while block := source.read(1 << 18):
            target.write(packer.compress(block))
        target.write(packer.flush())
    os.rename(temporary, path + ".gz")
    os.unlink(path)


def _unlink(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass


def _rename(old: str, new: str) -> None:
    try:
        os.rename(old, new)
    except FileNotFoundError:
        pass
