"""A local file or tree as a tar stream."""

from __future__ import annotations

import os
import stat
import tarfile

from sampan.cli.copying.paths import split
from sampan.cli.errors import CliError
from sampan.cli.streams import file_chunks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from sampan.cli.copying.paths import Rename

_BLOCK = 512
_END = bytes(2 * _BLOCK)


def pack(path: str, renames: list[Rename]) -> Iterator[bytes]:
    """The entry at `path` and all below it, named from its base name; raises CliError for the unreadable."""
    directory, first = split(path)
    seen: dict[tuple[int, int], str] = {}
    for name in _walk(directory, first):
        full = os.path.join(directory, name)
        try:
            for rename in renames:
                name = rename.apply(name)
            yield from entry(full, name, seen=seen)
        except OSError as error:
            raise CliError(f"{full}: {(error.strerror or str(error)).lower()}") from None
    yield _END


def _walk(directory: str, name: str) -> Iterator[str]:
    """Parents before children, in name order."""
    yield name
    full = os.path.join(directory, name)
    if os.path.islink(full) or not os.path.isdir(full):
        return
    for child in sorted(os.listdir(full)):
        yield from _walk(directory, child if name == "." else os.path.join(name, child))


def entry(
    full: str,
    name: str,
    *,
    owner: tuple[int, int] | None = None,
    seen: dict[tuple[int, int], str] | None = None,
) -> Iterator[bytes]:
    """One file; `seen` names the first of each inode, of which later ones are hard links. Raises OSError."""
    status = os.lstat(full)
    mode = status.st_mode
    if stat.S_ISSOCK(mode):
        return  # tar has no sockets
    info = tarfile.TarInfo(name + "/" if stat.S_ISDIR(mode) and not name.endswith("/") else name)
    info.mode = stat.S_IMODE(mode)
    info.uid, info.gid = owner or (status.st_uid, status.st_gid)
    info.mtime = status.st_mtime_ns // 10**9
    info.type = _type(mode)
    if stat.S_ISLNK(mode):
        info.linkname = os.readlink(full)
    elif stat.S_ISCHR(mode) or stat.S_ISBLK(mode):
        info.devmajor, info.devminor = os.major(status.st_rdev), os.minor(status.st_rdev)
    elif stat.S_ISREG(mode):
        key = (status.st_dev, status.st_ino)
        first = seen.setdefault(key, name) if seen is not None and status.st_nlink > 1 else name
        if first != name:
            info.type, info.linkname = tarfile.LNKTYPE, first
        else:
            yield from _file(full, info)
            return
    yield _header(info)


def _type(mode: int) -> bytes:
    for test, kind in (
        (stat.S_ISDIR, tarfile.DIRTYPE),
        (stat.S_ISLNK, tarfile.SYMTYPE),
        (stat.S_ISFIFO, tarfile.FIFOTYPE),
        (stat.S_ISCHR, tarfile.CHRTYPE),
        (stat.S_ISBLK, tarfile.BLKTYPE),
    ):
        if test(mode):
            return kind
    return tarfile.REGTYPE


def _header(info: tarfile.TarInfo) -> bytes:
    return info.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")


def _file(full: str, info: tarfile.TarInfo) -> Iterator[bytes]:
    """Exactly as many bytes as the header promises, however the file changes meanwhile."""
    descriptor = os.open(full, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        info.size = os.fstat(descriptor).st_size
        if capability := _capability(descriptor):
            info.pax_headers = {"SCHILY.xattr.security.capability": capability}
        yield _header(info)
        left = info.size
        for data in file_chunks(descriptor):
            data = data[:left]
            left -= len(data)
            yield data
            if not left:
                break
        while left:
            yield bytes(min(left, 1 << 16))
            left -= min(left, 1 << 16)
    finally:
        os.close(descriptor)
    yield bytes(-info.size % _BLOCK)


def _capability(descriptor: int) -> str:
    try:
        return os.getxattr(descriptor, "security.capability").decode("utf-8", "surrogateescape")
    except OSError:
        return ""
