"""Packing a part of the root this process lives in as a PAX tar, in sorted order. tar(5), pax(1).

Written straight to a descriptor, file contents by sendfile(2): nothing is kept in memory.
"""

from __future__ import annotations

import errno
import json
import os
import stat
import tarfile

from sampan.runtime.inview import absolute, base_name, lstat, stat_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_BLOCK = 512
_CHUNK = 1 << 20
_CAPABILITY = "security.capability"
_TYPES = {
    stat.S_IFREG: tarfile.REGTYPE,
    stat.S_IFDIR: tarfile.DIRTYPE,
    stat.S_IFLNK: tarfile.SYMTYPE,
    stat.S_IFCHR: tarfile.CHRTYPE,
    stat.S_IFBLK: tarfile.BLKTYPE,
    stat.S_IFIFO: tarfile.FIFOTYPE,
}


def send_path(path: str, out: int) -> None:
    """The stat as a line of JSON, then the archive, its entries renamed to the path's last component."""
    name = absolute(path)
    described = stat_path(path)
    _write(out, json.dumps(described).encode() + b"\n")
    writer = Writer(out)
    base = base_name(name)
    if stat.S_ISDIR(lstat(name).st_mode):
        prefix = base if base == "/" else base + "/"
        writer.add(name, prefix)
        for inside, below in _walk(name.removesuffix("/.").rstrip("/") or "/"):
            writer.add(inside, prefix + below)
    else:
        writer.add(name, base)
    writer.finish()


def send_root(out: int) -> None:
    """A line (the root is entered by now), then everything, named relative to the root."""
    _write(out, b"{}\n")
    writer = Writer(out)
    for inside, below in _walk("/"):
        writer.add(inside, below)
    writer.finish()


def _walk(top: str, below: str = "") -> Iterator[tuple[str, str]]:
    """(path, path relative to the first `top`) of everything below `top`, as Go's filepath.Walk orders it."""
    stack = [(top, below)]
    while stack:
        path, name = stack.pop()
        if name:
            yield path, name
            try:
                if not stat.S_ISDIR(os.lstat(path).st_mode):
                    continue
            except OSError:
                continue
        try:
            names = sorted(os.listdir(path), key=os.fsencode, reverse=True)
        except OSError:
            continue  # gone meanwhile
        stack += [(f"{path.rstrip('/')}/{n}", f"{name}/{n}" if name else n) for n in names]


class Writer:
    def __init__(self, out: int) -> None:
        self._out = out
        self._links: dict[tuple[int, int], str] = {}
        self._pending = bytearray()

    def add(self, path: str, name: str) -> None:
        """One entry; a file that vanished meanwhile is left out, a socket too, as tar(1) does."""
        try:
            info = os.lstat(path)
            kind = _TYPES.get(stat.S_IFMT(info.st_mode))
            if kind is None:
                return
            header = self._header(path, name, info, kind)
            if kind != tarfile.REGTYPE or header.type != tarfile.REGTYPE:
                self._emit(header)
                return
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENXIO, errno.EACCES):
                return
            raise
        try:
            now = os.fstat(descriptor)
            if not stat.S_ISREG(now.st_mode):
                return
            header.size = now.st_size
            self._emit(header)
            self._send(descriptor, header.size)
        finally:
            os.close(descriptor)

    def _header(self, path: str, name: str, info: os.stat_result, kind: bytes) -> tarfile.TarInfo:
        header = tarfile.TarInfo(name)
        header.type = kind
        header.mode = stat.S_IMODE(info.st_mode)
        header.uid, header.gid = info.st_uid, info.st_gid
        header.mtime = int(info.st_mtime)
        if kind == tarfile.SYMTYPE:
            header.linkname = os.readlink(path)
        elif kind in (tarfile.CHRTYPE, tarfile.BLKTYPE):
            header.devmajor, header.devminor = os.major(info.st_rdev), os.minor(info.st_rdev)
        elif kind == tarfile.REGTYPE:
            first = self._links.setdefault((info.st_dev, info.st_ino), name) if info.st_nlink > 1 else name
            if first != name:
                header.type, header.linkname = tarfile.LNKTYPE, first
                return header
            capability = _xattr(path, _CAPABILITY)
            if capability:
                header.pax_headers = {"SCHILY.xattr." + _CAPABILITY: capability}
        return header

    def _emit(self, header: tarfile.TarInfo) -> None:
        self._pending += header.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")
        if len(self._pending) >= _CHUNK or header.size:
            self._flush()

    def _flush(self) -> None:
        _write(self._out, self._pending)
        self._pending.clear()

    def _send(self, descriptor: int, size: int) -> None:
        """Exactly `size` bytes: a file that shrinks meanwhile is filled up, one that grows is cut."""
        sent = 0
        while sent < size:
            count = os.sendfile(self._out, descriptor, sent, min(size - sent, _CHUNK))
            if not count:
                break
            sent += count
        while sent < size:
            self._pending += bytes(min(size - sent, _CHUNK))
            sent = min(sent + _CHUNK, size)
            self._flush()
        self._pending += bytes(-size % _BLOCK)

    def finish(self) -> None:
        self._pending += bytes(2 * _BLOCK)
        self._flush()


def _xattr(path: str, name: str) -> str:
    try:
        return os.getxattr(path, name, follow_symlinks=False).decode("utf-8", "surrogateescape")
    except OSError:
        return ""


def _write(out: int, data: bytes | bytearray) -> None:
    view = memoryview(data)
    while view:
        written = os.write(out, view)
        view = view[written:]
    view.release()
