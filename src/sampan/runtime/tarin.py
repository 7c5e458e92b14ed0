"""Unpacking a tar stream into the root this process lives in, by the rules of Docker's copies.

The stream is hostile and so may be the root's content, changing under our hands; being inside that root, with
few capabilities, is what bounds the damage to the container itself (rootview.py). Sentences are moby's.
"""

from __future__ import annotations

import errno
import io
import os
import posixpath
import shutil
import stat
import tarfile
import zlib

from sampan.errors import Failed, Invalid, NotFound
from sampan.runtime import passwd
from sampan.runtime.failures import reason
from sampan.runtime.inview import absolute
from sampan.specs.golang.path import clean

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, BinaryIO

_COPY = 1 << 20
_BLOCK = 32 << 10  # tarfile copies what is left of its buffer for every header it takes
# Go's archive/tar reads none larger: images/tarread.py.
_MAX_SPECIAL = 1 << 20
_SPECIAL = (
    *(tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK),
    *(tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE),
)
_PATH_MAX = 4096  # limits.h, with the byte that ends it
_PAX_XATTR = "SCHILY.xattr."
# Xattrs that mean something to the kernel outside the container are not a tar's to set.
_XATTRS = ("user.", "security.capability")
_ZSTD = b"\x28\xb5\x2f\xfd"


def load_decompressors() -> None:
    import bz2  # noqa: F401
    import gzip  # noqa: F401
    import lzma  # noqa: F401

    try:
        import zstandard  # noqa: F401
    except ImportError:
        pass


def receive(request: dict[str, Any], source: int) -> None:
    """Unpack the stream on `source` into the directory request["path"]. Raises NotFound, Failed, Invalid."""
    target = _directory(request["path"])
    _check_writable(target, request.get("volumes") or {}, bool(request.get("read_only")))
    owner = _owner(request["user"]) if request.get("user") else None
    stream = Source(source)
    if not stream.peek(1):
        return
    try:
        packed = decompressed(stream)
        with tarfile.open(fileobj=packed, mode="r|", bufsize=_BLOCK, tarinfo=_Member) as archive:
            Unpacker(archive, target, bool(request.get("no_overwrite")), owner).run()
    except tarfile.ReadError as error:
        text = "unexpected EOF" if "unexpected end" in str(error) else "archive/tar: invalid tar header"
        raise Failed(text) from None
    except RecursionError:  # long names of long names, without end
        raise Failed("archive/tar: invalid tar header") from None
    except (EOFError, zlib.error) as error:
        raise Failed(f"unexpected EOF: {error}") from None
    except OSError as error:
        raise Failed(f"{error.filename}: {reason(error)}" if error.filename else reason(error)) from None
    stream.drain()


def _directory(path: str) -> str:
    resolved = os.path.realpath(absolute(path))
    try:
        info = os.lstat(resolved)
    except FileNotFoundError:
        raise NotFound(path) from None
    except OSError as error:
        raise Failed(f"lstat {path}: {reason(error)}") from None
    if not stat.S_ISDIR(info.st_mode):
        raise Failed("extraction point is not a directory")
    return resolved


def _check_writable(target: str, volumes: dict[str, bool], read_only: bool) -> None:
    """`volumes`: mount destination -> writable. The deepest one the target lies in decides."""
    inside = [place for place in volumes if target == place or target.startswith(place.rstrip("/") + "/")]
    if inside:
        if not volumes[max(inside, key=len)]:
            raise Failed("mounted volume is marked read-only")
    elif read_only:
        raise Failed("container rootfs is marked read-only")


def _owner(user: str) -> tuple[int, int]:
    found = passwd.resolve(user, _text("/etc/passwd"), _text("/etc/group"))
    return found.uid, found.gid


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read(1 << 22)
    except OSError:
        return ""


class Source(io.RawIOBase):
    """The descriptor as a file that can be peeked into."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._head = b""

    def readable(self) -> bool:
        return True

    def peek(self, size: int) -> bytes:
        while len(self._head) < size and (data := os.read(self._descriptor, size - len(self._head))):
            self._head += data
        return self._head

    def read(self, size: int = -1) -> bytes:
        if self._head:
            data, self._head = self._head[:size], self._head[size:] if size >= 0 else b""
            return data
        return os.read(self._descriptor, size if size >= 0 else _COPY)

    def readinto(self, buffer: Any) -> int:
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def drain(self) -> None:
        """What follows the archive's end is read too, so that the sender is not cut off."""
        self._head = b""
        while os.read(self._descriptor, _COPY):
            pass


def decompressed(stream: Source) -> BinaryIO:
    """By the first bytes, as Docker does: gzip, bzip2, xz, zstd, or plain. Raises Invalid."""
    head = stream.peek(6)
    plain: Any = io.BufferedReader(stream, _COPY)
    if head.startswith(b"\x1f\x8b"):
        import gzip

        plain = gzip.GzipFile(fileobj=plain)
    elif head.startswith(b"BZh"):
        import bz2

        plain = bz2.BZ2File(plain)
    elif head.startswith(b"\xfd7zXZ\x00"):
        import lzma

        plain = lzma.LZMAFile(plain)  # noqa: SIM115
    elif head.startswith(_ZSTD):
        try:
            import zstandard
        except ImportError:
            raise Invalid("zstd archives need the zstandard library") from None
        plain = io.BufferedReader(zstandard.ZstdDecompressor().stream_reader(plain), _COPY)
    return plain  # type: ignore[no-any-return]


class Unpacker:
    def __init__(
        self, archive: tarfile.TarFile, target: str, no_overwrite: bool, owner: tuple[int, int] | None
    ) -> None:
        self._archive = archive
        self._target = target
        self._no_overwrite = no_overwrite
        self._owner = owner
        self._directories: list[tuple[str, float]] = []  # times are set last: filling changes them

    def run(self) -> None:
        for member in self._archive:
            self._unpack(member)
        for path, mtime in self._directories:
            _ignoring_gone(
                lambda path=path, mtime=mtime: os.utime(path, (mtime, mtime), follow_symlinks=False)
            )

    def _unpack(self, member: tarfile.TarInfo) -> None:
        name = posixpath.normpath(member.name)
        path = self._inside(name)
        if path is None:
            raise Failed(f'"{member.name}" is outside of "{self._target}"')
        if len(os.fsencode(path)) >= _PATH_MAX:
            raise Failed(f"{path[:100]}...: file name too long")  # before half of it is made
        _make_directories(os.path.dirname(path))
        if not self._make_room(path, name, member):
            return
        self._create(path, member)
        if member.islnk():
            return
        os.chown(path, *(self._owner or (member.uid, member.gid)), follow_symlinks=False)
        _set_xattrs(path, member)
        if member.issym():
            _ignoring_gone(lambda: os.utime(path, (member.mtime, member.mtime), follow_symlinks=False))
            return
        os.chmod(path, member.mode & 0o7777)
        if member.isdir():
            self._directories.append((path, member.mtime))
        else:
            os.utime(path, (member.mtime, member.mtime), follow_symlinks=False)

    def _inside(self, name: str) -> str | None:
        path = clean(f"{self._target}/{name}")
        root = self._target.rstrip("/") + "/"
        return path if path == self._target or path.startswith(root) else None

    def _make_room(self, path: str, name: str, member: tarfile.TarInfo) -> bool:
        """Remove what is in the way; false when there is nothing to do."""
        try:
            there = stat.S_ISDIR(os.lstat(path).st_mode)
        except FileNotFoundError:
            return True
        if name == "." and there:
            return False
        if self._no_overwrite and there and not member.isdir():
            raise Failed(f'cannot overwrite directory "{path}" with non-directory "{self._target}"')
        if self._no_overwrite and not there and member.isdir():
            raise Failed(f'cannot overwrite non-directory "{path}" with directory "{self._target}"')
        if there and not member.isdir():
            shutil.rmtree(path)
        elif not there:
            os.unlink(path)
        return True

    def _create(self, path: str, member: tarfile.TarInfo) -> None:
        if member.isdir():
            try:
                os.mkdir(path, 0o700)
            except FileExistsError:
                pass
        elif member.isreg():
            self._write(path, member)
        elif member.issym():
            place = clean(f"{os.path.dirname(path)}/{member.linkname}")
            root = self._target.rstrip("/") + "/"
            if not (place == self._target or place.startswith(root)):
                raise Failed(f'invalid symlink "{path}" -> "{member.linkname}"')
            os.symlink(member.linkname, path)
        elif member.islnk():
            other = self._inside(posixpath.normpath(member.linkname))
            if other is None:
                wrong = clean(f"{self._target}/{member.linkname}")
                raise Failed(f'invalid hardlink "{wrong}" -> "{member.linkname}"')
            os.link(other, path, follow_symlinks=False)
        elif member.isfifo():
            os.mkfifo(path, 0o600)
        elif member.ischr() or member.isblk():
            kind = stat.S_IFCHR if member.ischr() else stat.S_IFBLK
            os.mknod(path, kind | 0o600, os.makedev(member.devmajor, member.devminor))
        else:
            raise Failed(f"unhandled tar header type {member.type!r}")

    def _write(self, path: str, member: tarfile.TarInfo) -> None:
        content = self._archive.extractfile(member)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with open(descriptor, "wb", buffering=0) as file:
            if content is not None:
                shutil.copyfileobj(content, file, _COPY)


def _set_xattrs(path: str, member: tarfile.TarInfo) -> None:
    for key, value in member.pax_headers.items():
        name = key.removeprefix(_PAX_XATTR)
        if name == key or not name.startswith(_XATTRS):
            continue
        try:
            os.setxattr(path, name, value.encode("utf-8", "surrogateescape"), follow_symlinks=False)
        except OSError as error:
            if error.errno not in (errno.ENOTSUP, errno.EPERM):
                raise


def _make_directories(path: str) -> None:
    """What is missing of it. os.makedirs calls itself for each, as deep as the stream says."""
    missing = []
    while not os.path.isdir(path):
        missing.append(path)
        path = os.path.dirname(path)
    for path in reversed(missing):
        os.mkdir(path, 0o755)


class _Member(tarfile.TarInfo):
    """tarfile takes a long name or pax header into memory, whatever its size."""

    def _proc_member(self, archive: tarfile.TarFile) -> tarfile.TarInfo:
        if self.type in _SPECIAL and self.size > _MAX_SPECIAL:
            raise Failed("archive/tar: header field too long")
        return super()._proc_member(archive)  # type: ignore[misc, no-any-return]


def _ignoring_gone(call: Any) -> None:
    try:
        call()
    except FileNotFoundError:
        pass
