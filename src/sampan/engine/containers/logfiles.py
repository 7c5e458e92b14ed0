"""Reading the log files of a container: json-file's and local's formats, rotated, compressed.

    <path>         being written
    <path>.1 ...   older ones, .1 the youngest; `.gz` when compressed

Everything here blocks and belongs on a thread. A file stays open while its descriptor is read, so a rotation
takes nothing away from a reader.
"""

import gzip
import os
import shutil
import struct
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Protocol

import orjson

from sampan.specs.golang import time as times

BLOCK = 256 << 10
RECORD = struct.Struct("<IQB")
MAX_FILES = 10_000


@dataclass(frozen=True, slots=True)
class Entry:
    """One line, or a piece of one. `time` is RFC 3339 in UTC; `line` has its newline, if it had one."""

    time: str
    stream: str
    line: bytes
    attrs: dict[str, str] | None = None


class Format(Protocol):
    """How entries lie in a file."""

    def split(self, data: bytes) -> tuple[list[Entry], int]:
        """The whole entries at the beginning of `data`, and how many bytes they took."""

    def tail(self, file: BinaryIO, count: int) -> tuple[int, int]:
        """(offset, found): where the last `count` entries begin, and how many follow from there."""


class JsonFile:
    """One JSON object a line: {"log", "stream", "attrs", "time"}."""

    def split(self, data: bytes) -> tuple[list[Entry], int]:
        end = data.rfind(b"\n") + 1
        entries: list[Entry] = []
        loads = orjson.loads
        for line in data[:end].splitlines():
            try:
                row = loads(line)
                entries.append(Entry(row["time"], row["stream"], row["log"].encode(), row.get("attrs")))
            except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
                continue  # the rest of a line that a crash cut off: the next line is whole again
        return entries, end

    def tail(self, file: BinaryIO, count: int) -> tuple[int, int]:
        position = end = file.seek(0, os.SEEK_END)
        found = 0
        while position > 0:
            size = min(BLOCK, position)
            position -= size
            file.seek(position)
            block = file.read(size)
            # The newline that ends the file ends its last entry, it begins none.
            at = len(block) - 1 if position + size == end and block.endswith(b"\n") else len(block)
            while (at := block.rfind(b"\n", 0, at)) >= 0:
                found += 1
                if found == count:
                    return position + at + 1, count
        return 0, found + 1 if end else 0


class Local:
    """Records of runtime/logfile.py: <u32 n> <u64 time> <u8 stream> <n bytes> <u32 n>, little-endian.

    A record's bytes are whole lines, many at a time, or a piece of a long one.
    """

    def split(self, data: bytes) -> tuple[list[Entry], int]:
        entries: list[Entry] = []
        at, size = 0, len(data)
        while at + RECORD.size <= size:
            length, nanoseconds, stream = RECORD.unpack_from(data, at)
            end = at + RECORD.size + length + 4
            if end > size:
                break
            time, name = times.rfc3339(nanoseconds), "stderr" if stream == 2 else "stdout"
            lines = data[at + RECORD.size : end - 4].split(b"\n")
            entries += [Entry(time, name, line + b"\n") for line in lines[:-1]]
            if lines[-1]:
                entries.append(Entry(time, name, lines[-1]))
            at = end
        return entries, at

    def tail(self, file: BinaryIO, count: int) -> tuple[int, int]:
        """Records are not split: the first may hold more entries than asked for; `found` counts all."""
        position = file.seek(0, os.SEEK_END)
        found = 0
        while position >= RECORD.size + 4 and found < count:
            file.seek(position - 4)
            length = int.from_bytes(file.read(4), "little")
            start = position - 4 - length - RECORD.size
            if start < 0:
                break  # cut off by a crash: begin with what can be read from the front
            file.seek(start)
            found += len(self.split(file.read(position - start))[0])
            position = start
        return position, found


FORMATS: dict[str, Format] = {"json-file": JsonFile(), "local": Local()}


class LogFile:
    """One open file of the chain; a compressed one is unpacked into an unnamed file when first read."""

    def __init__(self, path: str, scratch: str) -> None:
        self.path = path
        self._scratch = scratch
        self._raw = open(path, "rb", buffering=0)  # noqa: SIM115
        info = os.fstat(self._raw.fileno())
        self.identity = (info.st_dev, info.st_ino)
        self._plain: BinaryIO | None = None

    @property
    def file(self) -> BinaryIO:
        if not self.path.endswith(".gz"):
            return self._raw
        if self._plain is None:
            self._plain = tempfile.TemporaryFile(dir=self._scratch, buffering=0)  # noqa: SIM115
            try:
                with gzip.open(self._raw) as packed:
                    shutil.copyfileobj(packed, self._plain, BLOCK)
            except (EOFError, OSError):
                pass  # cut off by a crash while it was compressed: what is there is shown
            self._plain.seek(0)
        return self._plain

    def close(self) -> None:
        self._raw.close()
        if self._plain is not None:
            self._plain.close()


def open_chain(path: str, scratch: str) -> list[LogFile]:
    """All files of a log, oldest first, each open. A rotation meanwhile makes it start again."""
    while True:
        chain: list[LogFile] = []
        try:
            for number in range(MAX_FILES):
                opened = _open_numbered(path, number, scratch)
                if opened is None:
                    if number:
                        break
                    continue  # between rotation and the first write there may be no current file
                chain.append(opened)
        except BaseException:
            close_all(chain)
            raise
        if not chain or chain[0].path != path or identity(path) == chain[0].identity:
            return chain[::-1]
        close_all(chain)


def _open_numbered(path: str, number: int, scratch: str) -> LogFile | None:
    name = f"{path}.{number}" if number else path
    for candidate in (name, name + ".gz") if number else (name,):
        try:
            return LogFile(candidate, scratch)
        except FileNotFoundError:
            continue
    return None


def identity(path: str) -> tuple[int, int] | None:
    """What tells a file from another of the same name."""
    try:
        info = os.stat(path)
    except FileNotFoundError:
        return None
    return info.st_dev, info.st_ino


def close_all(chain: list[LogFile]) -> None:
    for item in chain:
        item.close()


def seek_tail(chain: list[LogFile], form: Format, count: int) -> tuple[list[LogFile], int]:
    """Position the chain at its last `count` entries; files before them are closed and left out.

    Returns the rest of the chain, and how many entries more than `count` follow.
    """
    kept: list[LogFile] = []
    missing = count
    for item in reversed(chain):
        if missing <= 0 and kept:
            item.close()
            continue
        if missing <= 0:
            item.file.seek(0, os.SEEK_END)
        else:
            offset, found = form.tail(item.file, missing)
            item.file.seek(offset)
            missing -= found
        kept.append(item)
    return kept[::-1], max(-missing, 0)


def is_compressed_twin(candidate: LogFile, original: LogFile) -> bool:
    """Whether a .gz holds what our still open file holds: by size (RFC 1952, ISIZE) and beginning."""
    if not candidate.path.endswith(".gz") or original.path.endswith(".gz"):
        return False
    try:
        with open(candidate.path, "rb") as packed:
            packed.seek(-4, os.SEEK_END)
            size = int.from_bytes(packed.read(4), "little")
            packed.seek(0)
            if size != os.fstat(original.file.fileno()).st_size & 0xFFFFFFFF:
                return False
            with gzip.open(packed) as plain:
                return plain.read(512) == os.pread(original.file.fileno(), 512, 0)
    except (OSError, EOFError):
        return False


def blocks(file: BinaryIO, form: Format, rest: bytearray) -> Iterator[list[Entry]]:
    """Entries from where the file stands to its end; `rest` keeps a half-written one for the next call."""
    # With one file only, rotation is truncation.
    if os.fstat(file.fileno()).st_size < file.tell():
        file.seek(0)
        rest.clear()
    while data := file.read(BLOCK):
        rest += data
        entries, used = form.split(bytes(rest))
        del rest[:used]
        if entries:
            yield entries
