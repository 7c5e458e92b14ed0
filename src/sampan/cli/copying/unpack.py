"""A tar stream from a container onto this machine. The stream is not trusted: nothing leaves the directory.

Every directory on the way to an entry is opened with O_NOFOLLOW from the one above, so that a symlink in the
archive cannot lead out, whatever order its entries have.
"""

from __future__ import annotations

import os
import stat
import tarfile

from sampan.cli.errors import CliError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sampan.cli.copying.paths import Rename

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class ChunkReader:
    """File-like, over an iterable of blocks; counts what was read."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._buffer = b""
        self.count = 0

    def read(self, size: int = -1) -> bytes:
        parts = [self._buffer]
        have = len(self._buffer)
        while size < 0 or have < size:
            block = next(self._chunks, b"")
            if not block:
                break
            parts.append(block)
            have += len(block)
        data = b"".join(parts)
        size = len(data) if size < 0 else size
        self._buffer = data[size:]
        self.count += min(size, len(data))
        return data[:size]

    def drain(self) -> None:
        self._buffer = b""
        for block in self._chunks:
            self.count += len(block)


def unpack(reader: ChunkReader, directory: str, renames: list[Rename]) -> None:
    """Raises CliError for an entry that cannot be put where it says."""
    root = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    finished: list[tuple[str, tarfile.TarInfo]] = []
    try:
        with tarfile.open(fileobj=reader, mode="r|", errorlevel=1) as archive:  # type: ignore[call-overload]
            for member in archive:
                name = _checked(member.name, renames)
                if member.islnk():
                    member.linkname = _checked(member.linkname, renames)
                _put(archive, member, name, root, directory)
                if member.isdir():
                    finished.append((name, member))
        # Directories last: writing into one changes its time, and its mode may forbid writing.
        for name, member in reversed(finished):
            _finish_directory(root, name, member)
    except tarfile.TarError as error:
        raise CliError(f"reading the archive: {error}") from None
    finally:
        os.close(root)
    reader.drain()


def _checked(shown: str, renames: list[Rename]) -> str:
    name = shown
    for rename in renames:
        name = rename.apply(name)
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise CliError(f'"{shown}" is outside of the destination')
    return "/".join(parts)


def _open_parent(root: int, name: str) -> tuple[int, str]:
    """(descriptor of the entry's directory, entry); missing directories are made."""
    *parents, entry = name.split("/")
    current = os.dup(root)
    for part in parents:
        try:
            below = _open_below(current, part)
        finally:
            os.close(current)
        current = below
    return current, entry


def _open_below(directory: int, part: str) -> int:
    try:
        return os.open(part, _DIRECTORY, dir_fd=directory)
    except FileNotFoundError:
        os.mkdir(part, 0o777, dir_fd=directory)
        return os.open(part, _DIRECTORY, dir_fd=directory)


def _put(archive: tarfile.TarFile, member: tarfile.TarInfo, name: str, root: int, directory: str) -> None:
    if not name:
        return  # the directory itself
    full = os.path.join(directory, name)
    try:
        parent, entry = _open_parent(root, name)
    except OSError as error:
        raise CliError(f"open {full}: {(error.strerror or '').lower()}") from None
    try:
        if _make_room(parent, entry, member, full, directory):
            _create(archive, member, parent, entry, root)
    except OSError as error:
        raise CliError(f"{full}: {(error.strerror or str(error)).lower()}") from None
    finally:
        os.close(parent)


def _make_room(parent: int, entry: str, member: tarfile.TarInfo, full: str, directory: str) -> bool:
    """Remove what the entry replaces; False when it is a directory that is already there."""
    try:
        there = os.stat(entry, dir_fd=parent, follow_symlinks=False)
    except FileNotFoundError:
        return True
    if stat.S_ISDIR(there.st_mode):
        if member.isdir():
            return False
        raise CliError(f'cannot overwrite directory "{full}" with non-directory "{directory}"')
    if member.isdir():
        raise CliError(f'cannot overwrite non-directory "{full}" with directory "{directory}"')
    os.unlink(entry, dir_fd=parent)
    return True


def _create(archive: tarfile.TarFile, member: tarfile.TarInfo, parent: int, entry: str, root: int) -> None:
    if member.isdir():
        os.mkdir(entry, 0o700, dir_fd=parent)
        return
    if member.issym():
        os.symlink(member.linkname, entry, dir_fd=parent)
        _set_times(member, parent, entry)
        return
    if member.islnk():
        target, target_entry = _open_parent(root, member.linkname)
        try:
            os.link(target_entry, entry, src_dir_fd=target, dst_dir_fd=parent, follow_symlinks=False)
        finally:
            os.close(target)
        return
    if member.isreg():
        _write(archive, member, parent, entry)
        return
    kind = {tarfile.FIFOTYPE: stat.S_IFIFO, tarfile.CHRTYPE: stat.S_IFCHR, tarfile.BLKTYPE: stat.S_IFBLK}.get(
        member.type
    )
    if kind is None:
        return  # a type only newer tars know
    os.mknod(entry, kind | 0o600, os.makedev(member.devmajor, member.devminor), dir_fd=parent)
    os.chmod(entry, stat.S_IMODE(member.mode), dir_fd=parent)
    _set_times(member, parent, entry)


def _write(archive: tarfile.TarFile, member: tarfile.TarInfo, parent: int, entry: str) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(entry, flags, 0o600, dir_fd=parent)
    with open(descriptor, "wb", buffering=0) as file:
        for block in _content(archive, member):
            file.write(block)
        for name, value in member.pax_headers.items():
            if name.startswith("SCHILY.xattr."):
                _set_attribute(descriptor, name.removeprefix("SCHILY.xattr."), value)
        os.fchmod(descriptor, stat.S_IMODE(member.mode))
    _set_times(member, parent, entry)


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> Iterator[bytes]:
    source = archive.extractfile(member)
    assert source is not None
    while block := source.read(1 << 17):
        yield block


def _set_attribute(descriptor: int, name: str, value: str) -> None:
    try:
        os.setxattr(descriptor, name, value.encode("utf-8", "surrogateescape"))
    except OSError:
        pass  # not every filesystem, and not every user, can hold every attribute


def _set_times(member: tarfile.TarInfo, parent: int, entry: str) -> None:
    moment = int(member.mtime * 10**9)
    os.utime(entry, ns=(moment, moment), dir_fd=parent, follow_symlinks=False)


def _finish_directory(root: int, name: str, member: tarfile.TarInfo) -> None:
    if not name:
        return
    parent, entry = _open_parent(root, name)
    try:
        os.chmod(entry, stat.S_IMODE(member.mode), dir_fd=parent)
        _set_times(member, parent, entry)
    finally:
        os.close(parent)
