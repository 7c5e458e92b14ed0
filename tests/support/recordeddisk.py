"""A disk that remembers what is written to it and when it is flushed, and what a power failure leaves of it.

The disk is a loop device on a file, the file is a FUSE file system of its own, whose server writes down
every write and flush. What a disk holds when its power fails is all that was written before the last flush
that was answered, and of the later writes any that it chose to do, to the sector.

`python -m tests.support.recordeddisk IMAGE LOG FILE` is the server: it reads and changes IMAGE, and mounts
itself on FILE. Sources: include/uapi/linux/fuse.h, Documentation/filesystems/fuse/fuse.rst.
"""

import errno
import os
import random
import stat
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

SECTOR = 512
RECORD = struct.Struct("<QI")  # offset and length, then the data
FLUSH = 1 << 63  # an offset that is none


class Op(IntEnum):
    FORGET = 2
    GETATTR = 3
    OPEN = 14
    READ = 15
    WRITE = 16
    RELEASE = 18
    FSYNC = 20
    FLUSH = 25
    INIT = 26
    INTERRUPT = 36
    DESTROY = 38
    BATCH_FORGET = 42


BIG_WRITES, MAX_PAGES = 1 << 5, 1 << 22
LARGEST = 1 << 20
IN_HEADER = struct.Struct("<IIQQIIIHH")
OUT_HEADER = struct.Struct("<IiQ")
INIT_OUT = struct.Struct("<IIIIHHIIHHI28x")
ATTR_OUT = struct.Struct("<QII6Q3I7I")
IO_IN = struct.Struct("<QQI")


class Server:
    def __init__(self, image: str, log: str, file: str) -> None:
        self._image = os.open(image, os.O_RDWR)
        self._log = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
        self._fuse = os.open("/dev/fuse", os.O_RDWR)
        options = f"fd={self._fuse},rootmode={stat.S_IFREG | 0o600:o},user_id=0,group_id=0"
        command = ["mount", "-i", "-t", "fuse", "-o", options, "recorded", file]
        subprocess.run(command, pass_fds=[self._fuse], check=True)

    def serve(self) -> None:
        while True:
            try:
                request = os.read(self._fuse, LARGEST + 65536)
            except OSError as error:
                if error.errno == errno.ENODEV:  # unmounted
                    return
                if error.errno in (errno.EINTR, errno.ENOENT):  # of a request that was taken back
                    continue
                raise
            _, opcode, unique, *_ = IN_HEADER.unpack_from(request)
            if opcode in (Op.FORGET, Op.BATCH_FORGET, Op.INTERRUPT):
                continue
            answer = self._answer(opcode, request[IN_HEADER.size :])
            body, failure = (b"", answer) if isinstance(answer, int) else (answer, 0)
            os.write(self._fuse, OUT_HEADER.pack(OUT_HEADER.size + len(body), -failure, unique) + body)

    def _answer(self, opcode: int, body: bytes) -> bytes | int:
        """The reply, or an errno."""
        match opcode:
            case Op.INIT:
                return INIT_OUT.pack(
                    7, 31, 0, BIG_WRITES | MAX_PAGES, 16, 12, LARGEST, 1, LARGEST >> 12, 0, 0
                )
            case Op.GETATTR:
                size = os.fstat(self._image).st_size
                numbers = (
                    1,
                    size,
                    size // SECTOR,
                    0,
                    0,
                    0,
                    0,
                    0,
                    0,
                    stat.S_IFREG | 0o600,
                    1,
                    0,
                    0,
                    0,
                    4096,
                    0,
                )
                return ATTR_OUT.pack(3600, 0, 0, *numbers)
            case Op.OPEN:
                return struct.pack("<QII", 1, 0, 0)
            case Op.READ:
                _, offset, size = IO_IN.unpack_from(body)
                return os.pread(self._image, size, offset)
            case Op.WRITE:
                _, offset, size = IO_IN.unpack_from(body)
                data = body[40 : 40 + size]
                os.pwrite(self._image, data, offset)
                os.write(self._log, RECORD.pack(offset, size) + data)
                return struct.pack("<II", size, 0)
            case Op.FSYNC:
                os.write(self._log, RECORD.pack(FLUSH, 0))
                return b""
            case Op.RELEASE | Op.FLUSH | Op.DESTROY:
                return b""
        return errno.ENOSYS


@dataclass(frozen=True)
class Write:
    """`end`: how long the log was with it. A flush has no data."""

    offset: int
    data: bytes
    end: int

    @property
    def flush(self) -> bool:
        return self.offset == FLUSH


class RecordedDisk:
    """An ext4 file system mounted on `place`, of which everything is written down in `log`."""

    def __init__(self, directory: Path, megabytes: int) -> None:
        self._base = directory / "base.img"
        self._image = directory / "recorded.img"
        self._file = directory / "disk"
        self._log = directory / "log"
        self.place = directory / "place"
        self.place.mkdir()
        self._file.touch()
        with open(self._base, "wb") as file:
            file.truncate(megabytes << 20)
        options = "nodiscard,lazy_itable_init=0,lazy_journal_init=0"
        run("mkfs.ext4", "-q", "-F", "-E", options, str(self._base))
        copy(self._base, self._image)

    def position(self) -> int:
        """How much was written down so far: a time, as the disk sees it."""
        return self._log.stat().st_size

    @contextmanager
    def mounted(self) -> Iterator[None]:
        command = [sys.executable, "-m", "tests.support.recordeddisk", self._image, self._log, self._file]
        with ExitStack() as stack:
            server = stack.enter_context(subprocess.Popen(command, stdout=subprocess.PIPE))
            assert server.stdout and server.stdout.readline() == b"ready\n"
            stack.callback(run, "umount", str(self._file))
            stack.enter_context(loop_mounted(self._file, self.place))
            yield

    def writes(self) -> list[Write]:
        found = []
        data = self._log.read_bytes()
        at = 0
        while at < len(data):
            offset, size = RECORD.unpack_from(data, at)
            at += RECORD.size + size
            found.append(Write(offset, data[at - size : at], at))
        return found

    @contextmanager
    def after_power_cut(self, moment: int, chance: random.Random) -> Iterator[None]:
        """On `place`, the file system as a machine finds it whose power failed at that place in the log."""
        writes = [write for write in self.writes() if write.end <= moment]
        image = self._base.with_name("cut.img")
        copy(self._base, image)
        with open(image, "r+b", buffering=0) as file:
            for write in survivors(writes, chance):
                file.seek(write.offset)
                file.write(write.data)
        try:
            with loop_mounted(image, self.place):
                yield
        finally:
            image.unlink()


def survivors(writes: list[Write], chance: random.Random) -> Iterator[Write]:
    """All up to the last flush; of those after it none, all or any, the last of them perhaps in part."""
    flushed = max((number for number, write in enumerate(writes) if write.flush), default=-1)
    share = chance.choice([0.0, 0.0, 0.5, 1.0])
    for number, write in enumerate(writes):
        if write.flush:
            continue
        if number < flushed or chance.random() < share:
            yield write
        elif share and chance.random() < 0.2:
            kept = chance.randrange(len(write.data) // SECTOR + 1) * SECTOR
            yield Write(write.offset, write.data[:kept], write.end)


@contextmanager
def loop_mounted(file: Path, place: Path) -> Iterator[None]:
    device = run("losetup", "--find", "--show", str(file))
    try:
        # Nothing reaches the disk by itself meanwhile: the kernel would write every five seconds.
        run("mount", "-o", "commit=600", device, str(place))
        try:
            yield
        finally:
            run("umount", str(place))
    finally:
        run("losetup", "--detach", device)


def copy(source: Path, target: Path) -> None:
    run("cp", "--sparse=always", str(source), str(target))


def run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"
    return done.stdout.strip()


if __name__ == "__main__":
    server = Server(*sys.argv[1:4])
    print("ready", flush=True)
    server.serve()
