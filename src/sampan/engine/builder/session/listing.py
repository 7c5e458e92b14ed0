"""What a receive directory holds, on disk beside it: the packets it was made from, in order.

An unchanged file's packet is the same bytes again, so comparing a listing needs no system call, no decoding.
`listing` may be believed; `listing.old` is there from before the first change until the end of a transfer:
what it says is then checked against the files. So is a listing from before a reboot, since files are never
synced.

    listing      boot id (16 bytes), then for each packet: length (4 bytes), packet
"""

import os
import shutil
import stat
import struct
from pathlib import Path
from typing import Any

from sampan.engine.builder.session import gomode
from sampan.engine.builder.session.packets import packet_class

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
LENGTH = struct.Struct(">L")


def boot_id() -> bytes:
    return bytes.fromhex(BOOT_ID.read_text().strip().replace("-", ""))


class Listing:
    """`files` is the directory; the listing lies beside it. All of it blocks: call it in a thread."""

    def __init__(self, files: Path) -> None:
        self.files = files
        self._clean = files.parent / "listing"
        self._old = files.parent / "listing.old"

    def load(self) -> list[bytes]:
        self.files.mkdir(mode=0o700, parents=True, exist_ok=True)
        for path in (self._clean, self._old):
            try:
                data = path.read_bytes()
            except FileNotFoundError:
                continue
            if len(data) < 16:
                continue
            packets = unpack(data)
            if path is self._clean and data[:16] == boot_id():
                return packets
            return verified(self.files, packets)
        return verified(self.files, [])

    def version(self) -> int:
        """Changes whenever the files do; 0 while they are being changed."""
        try:
            return self._clean.stat().st_mtime_ns
        except FileNotFoundError:
            return 0

    def begin(self) -> None:
        """Before the first change of a file."""
        try:
            os.rename(self._clean, self._old)
        except FileNotFoundError:
            pass  # none yet, or an earlier transfer did not end

    def save(self, packets: list[bytes]) -> None:
        temporary = self._clean.with_name("listing.new")
        parts = [boot_id()]
        for packet in packets:
            parts += (LENGTH.pack(len(packet)), packet)
        temporary.write_bytes(b"".join(parts))
        os.rename(temporary, self._clean)
        self._old.unlink(missing_ok=True)


def unpack(data: bytes) -> list[bytes]:
    packets = []
    at, end = 16, len(data)
    while end - at >= 4:
        size = int.from_bytes(data[at : at + 4], "big")
        at += 4
        if size > end - at:
            break
        packets.append(data[at : at + size])
        at += size
    return packets


def verified(files: Path, packets: list[bytes]) -> list[bytes]:
    """Those packets whose file is there and as they say. Every other file is removed."""
    from google.protobuf.message import (
        DecodeError,
    )  # not with this module, which listings of records load too

    decode = packet_class().FromString
    try:
        stats = [decode(packet).stat for packet in packets]
    except DecodeError:
        stats, packets = [], []
    wanted = {bytes(found.path): found for found in stats}
    good: set[bytes] = set()
    root = os.fsencode(files)
    pending = [b""]
    while pending:
        directory = pending.pop()
        with os.scandir(os.path.join(root, directory)) as entries:
            listed = list(entries)
        for entry in listed:
            path = os.path.join(directory, entry.name)
            info = entry.stat(follow_symlinks=False)
            if path not in wanted or not _fits(entry.path, info, wanted[path]):
                remove(entry.path)
                continue
            good.add(path)
            if stat.S_ISDIR(info.st_mode):
                pending.append(path)
    # A hard link to what had to go is asked for again.
    return [
        packet
        for packet, found in zip(packets, stats, strict=True)
        if found.path in good and (found.mode & gomode.TYPE or not found.linkname or found.linkname in good)
    ]


def _fits(path: bytes, info: os.stat_result, wanted: Any) -> bool:
    try:
        mode = gomode.from_go(wanted.mode)
    except ValueError:
        return False
    if stat.S_IFMT(info.st_mode) != stat.S_IFMT(mode):
        return False
    if stat.S_ISLNK(mode):
        return os.readlink(path) == bytes(wanted.linkname)
    if stat.S_ISDIR(mode):
        return info.st_mode == mode
    return (info.st_size, info.st_mtime_ns, info.st_mode) == (wanted.size, wanted.modTime, mode)


def remove(path: bytes) -> None:
    """A file or a directory with all below; links are not followed."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
    except (IsADirectoryError, PermissionError):
        shutil.rmtree(path)
