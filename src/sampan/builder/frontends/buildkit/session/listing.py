"""What a receive directory holds, on disk beside it: the packets it was made from, in order.

An unchanged file's packet is the same bytes again, so comparing a listing needs no system call, no decoding.
`listing` may be believed; `listing.old` is there from before the first change until the end of a transfer:
what it says is then checked against the files. So is a listing from before a reboot, since files are never
synced.

    listing      boot id (16 bytes), size of all files (8), then for each packet: length (4), packet
"""

import os
import shutil
import stat
import struct
from pathlib import Path
from typing import Any

from sampan.builder.frontends.buildkit.session.packets import packet_class
from sampan.specs.golang import filemode

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
LENGTH = struct.Struct(">L")
HEAD = struct.Struct(">16sQ")


def boot_id() -> bytes:
    return bytes.fromhex(BOOT_ID.read_text().strip().replace("-", ""))


class Listing:
    """`files` is the directory; the listing lies beside it. All of it blocks: call it in a thread."""

    def __init__(self, files: Path) -> None:
        self.files = files
        self.clean = False  # what was loaded is of now, and on disk as it is
        self.size = 0  # bytes in all files
        self._clean = files.parent / "listing"
        self._old = files.parent / "listing.old"

    def load(self) -> list[bytes]:
        self.files.mkdir(mode=0o700, parents=True, exist_ok=True)
        for path in (self._clean, self._old):
            try:
                data = path.read_bytes()
            except FileNotFoundError:
                continue
            if len(data) < HEAD.size:
                continue
            packets = unpack(data)
            boot, size = HEAD.unpack_from(data)
            if path is self._clean and boot == boot_id():
                self.clean, self.size = True, size
                return packets
            return self._checked(packets)
        return self._checked([])

    def _checked(self, packets: list[bytes]) -> list[bytes]:
        packets = verified(self.files, packets)
        decode = packet_class().FromString
        self.size = sum(weight(decode(packet).stat) for packet in packets)
        return packets

    def last_size(self) -> int:
        """After the last transfer that ended."""
        for path in (self._clean, self._old):
            try:
                with open(path, "rb") as file:
                    head = file.read(HEAD.size)
            except FileNotFoundError:
                continue
            if len(head) == HEAD.size:
                return int(HEAD.unpack(head)[1])
        return 0

    def begin(self) -> None:
        """Before the first change of a file."""
        try:
            os.rename(self._clean, self._old)
        except FileNotFoundError:
            pass  # none yet, or an earlier transfer did not end

    def save(self, packets: list[bytes], *, clean: bool = True) -> None:
        """`clean`: the files are as it says, for sure."""
        temporary = self._clean.with_name("listing.new")
        parts = [HEAD.pack(boot_id(), self.size)]
        for packet in packets:
            parts += (LENGTH.pack(len(packet)), packet)
        temporary.write_bytes(b"".join(parts))
        os.rename(temporary, self._clean if clean else self._old)
        if clean:
            self._old.unlink(missing_ok=True)


def weight(found: Any) -> int:
    """What a file adds to the size: the bytes of a regular one, once."""
    return 0 if found.mode & filemode.TYPE or found.linkname else max(0, int(found.size))


def unpack(data: bytes) -> list[bytes]:
    packets = []
    at, end = HEAD.size, len(data)
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
        if found.path in good and (found.mode & filemode.TYPE or not found.linkname or found.linkname in good)
    ]


def _fits(path: bytes, info: os.stat_result, wanted: Any) -> bool:
    try:
        mode = filemode.to_unix(wanted.mode)
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
