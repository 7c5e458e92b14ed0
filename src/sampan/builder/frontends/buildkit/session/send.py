"""fsutil's sender: lists a directory, then gives what the other side asks for. tonistiigi/fsutil send.go

Blocking parts are generators that a thread goes through, about a megabyte at a time.
"""

import os
import stat
from collections import deque
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from sampan.builder.frontends.buildkit.session import packets
from sampan.builder.frontends.buildkit.session.filesync import in_thread
from sampan.errors import Failed
from sampan.http.grpc.call import ClientCall
from sampan.specs.golang import filemode

CHUNK = 64 << 10
BATCH = 1 << 20
XATTRS = ("user.",)
XATTR_NAMES = ("security.capability",)


class Tree:
    """A directory of ours that nobody changes meanwhile."""

    def __init__(self, root: Path) -> None:
        self._root = os.fsencode(root)
        self._packet = packets.packet_class()
        self._paths: list[bytes] = []  # of regular files with bytes of their own, b"" for the others
        self._inodes: dict[tuple[int, int], bytes] = {}

    def listing(self) -> Iterator[bytes]:
        yield from self._walk(b"")
        yield packets.END_OF_LIST

    def _walk(self, directory: bytes) -> Iterator[bytes]:
        with os.scandir(os.path.join(self._root, directory)) as found:
            entries = sorted(found, key=lambda entry: entry.name)
        for entry in entries:
            info = entry.stat(follow_symlinks=False)
            if stat.S_ISSOCK(info.st_mode):
                continue
            path = os.path.join(directory, entry.name)
            yield self._describe(path, entry.path, info)
            if stat.S_ISDIR(info.st_mode):
                yield from self._walk(path)

    def _describe(self, path: bytes, full: bytes, info: os.stat_result) -> bytes:
        packet = self._packet(type=packets.STAT)
        found = packet.stat
        found.path = path
        found.mode = filemode.from_unix(info.st_mode)
        found.uid, found.gid = info.st_uid, info.st_gid
        found.modTime = info.st_mtime_ns
        original = b""
        if stat.S_ISLNK(info.st_mode):
            found.linkname = os.readlink(full)
        elif stat.S_ISREG(info.st_mode):
            found.size = info.st_size
            original = (
                self._inodes.setdefault((info.st_dev, info.st_ino), path) if info.st_nlink > 1 else path
            )
            if original != path:
                found.linkname = original
        elif stat.S_ISBLK(info.st_mode) or stat.S_ISCHR(info.st_mode):
            found.devmajor, found.devminor = os.major(info.st_rdev), os.minor(info.st_rdev)
        self._paths.append(path if original == path else b"")
        if not stat.S_ISLNK(info.st_mode):
            self._add_xattrs(found, full)
        return bytes(packet.SerializeToString())

    def _add_xattrs(self, found: Any, full: bytes) -> None:
        try:
            names = os.listxattr(full, follow_symlinks=False)
        except OSError:
            return  # the file system has none
        for name in names:
            if name.startswith(XATTRS) or name in XATTR_NAMES:
                found.xattrs[name] = os.getxattr(full, name, follow_symlinks=False)

    def file(self, id: int) -> Iterator[bytes]:
        """The packets of one file. Raises Failed for one that there is not."""
        path = self._paths[id] if id < len(self._paths) else b""
        if not path:
            raise Failed(f"the receiver asked for file {id}, which is none")
        self._paths[id] = b""  # once only, as fsutil
        with open(os.path.join(self._root, path), "rb", buffering=0) as file:
            while chunk := file.read(CHUNK):
                yield packets.data(id, chunk)
        yield packets.data(id, b"")


def some(source: Iterator[bytes]) -> list[bytes]:
    """The next of them, about a batch; [] at the end."""
    found: list[bytes] = []
    size = 0
    for packet in source:
        found.append(packet)
        size += len(packet) + 16
        if size >= BATCH:
            break
    return found


async def send(call: ClientCall, root: Path) -> None:
    """Everything below `root`. Raises GrpcError, Failed."""
    tree = Tree(root)
    listing = tree.listing()
    while batch := await in_thread(partial(some, listing)):
        await call.send_raw(batch)
    decode = packets.packet_class().FromString
    waiting: deque[bytes] = deque()
    while True:
        if not waiting:
            waiting.extend(await call.receive_raw())
            if not waiting:
                raise Failed("the client ended the transfer before it had all files")
        packet = decode(waiting.popleft())
        if packet.type == packets.ERR:
            raise Failed(f"error from receiver: {packet.data.decode(errors='replace')}")
        if packet.type == packets.FIN:
            break
        if packet.type == packets.REQ:
            file = tree.file(packet.ID)
            while batch := await in_thread(partial(some, file)):
                await call.send_raw(batch)
    await call.send_raw([packets.FINISHED])
    await call.end()
    while await call.receive_raw():  # until its status
        pass
