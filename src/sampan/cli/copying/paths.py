"""What `cp` means by its two paths: where the archive is unpacked, and which name in it is replaced by which.

The rules are Docker's (moby/go-archive, copy.go): a trailing "/" asserts a directory, a trailing "/." means a
directory's content, a copy onto an existing directory goes into it.
"""

from __future__ import annotations

import os
import posixpath

from sampan.cli.errors import CliError


class Info:
    """One end of a copy. `rebase` is the name the user typed where a symlink led to another one."""

    def __init__(self, path: str, exists: bool = False, is_dir: bool = False, rebase: str = "") -> None:
        self.path = path
        self.exists = exists
        self.is_dir = is_dir
        self.rebase = rebase


class Rename:
    """The first `old` in an entry's name becomes `new`."""

    def __init__(self, old: str, new: str) -> None:
        self.old = "" if old == "/" else old
        self.new = new

    def apply(self, name: str) -> str:
        return name.replace(self.old, self.new, 1)


def base(path: str) -> str:
    """Go's filepath.Base: trailing slashes do not count, "." for nothing."""
    return posixpath.basename(path.rstrip("/")) or ("/" if path else ".")


def split(path: str) -> tuple[str, str]:
    """(directory, entry); the entry is "." where the path names a directory's content."""
    clean = posixpath.normpath(path) if path else "."
    if clean.startswith("//"):
        clean = clean[1:]
    if base(path) == "." and clean != ".":
        return clean, "."
    directory, entry = posixpath.split(clean)
    return directory or ".", entry or "/" if clean == "/" else entry


def asserts_directory(path: str) -> bool:
    return path.endswith("/") or base(path) == "."


def place(source: Info, destination: Info) -> tuple[str, Rename | None]:
    """(directory to unpack in, renaming of entries); raises CliError where the kinds do not fit."""
    if destination.exists and destination.is_dir:
        return destination.path, None
    if destination.exists and source.is_dir:
        raise CliError("cannot copy directory")
    if not destination.exists and not source.is_dir and asserts_directory(destination.path):
        raise CliError("no such directory")
    directory, new = split(destination.path)
    return directory, Rename(source.rebase or split(source.path)[1], new)


def absolute(path: str) -> str:
    """An absolute local path that keeps what its end asserts."""
    full = os.path.abspath(path)
    if base(path) == ".":
        return full if full == "/" else full + "/."
    return full + "/" if path.endswith("/") and full != "/" else full


def local_source(path: str, follow: bool) -> Info:
    """Raises CliError where there is nothing."""
    path = absolute(path)
    try:
        if follow:
            resolved, rebase = rebased(path, os.path.realpath(path, strict=True))
        else:
            trailing = path.endswith("/") and path != "/"
            directory, entry = posixpath.split(path.rstrip("/") if trailing else path)
            resolved = posixpath.join(os.path.realpath(directory, strict=True), entry)
            resolved += "/" if trailing else ""
            rebase = ""
        mode = os.lstat(resolved).st_mode
    except OSError as error:
        raise CliError(f"lstat {path.rstrip('/') or '/'}: {(error.strerror or '').lower()}") from None
    return Info(resolved, True, (mode & 0o170000) == 0o040000, rebase)


def rebased(path: str, resolved: str) -> tuple[str, str]:
    """The resolved path with the end the typed one had, and the typed name where it differs."""
    if base(path) == "." and base(resolved) != ".":
        resolved += "/."
    if path.endswith("/") and not resolved.endswith("/"):
        resolved += "/"
    return resolved, base(path) if base(path) != base(resolved) else ""


_MAX_LINKS = 10


def local_destination(path: str) -> Info:
    """Follows symlinks, whose target need not exist but whose directory must; raises CliError."""
    path = absolute(path)
    original = path
    for _ in range(_MAX_LINKS):
        try:
            mode = os.lstat(path).st_mode & 0o170000
        except FileNotFoundError:
            break
        except NotADirectoryError:
            raise CliError(f"lstat {path}: not a directory") from None
        if mode != 0o120000:
            return Info(path, True, mode == 0o040000)
        target = os.readlink(path)
        path = target if target.startswith("/") else posixpath.join(split(path)[0], target)
    else:
        raise CliError(f'too many symlinks in "{original}"')
    parent = split(path)[0]
    try:
        mode = os.stat(parent).st_mode & 0o170000
    except OSError as error:
        raise CliError(f"lstat {parent}: {(error.strerror or '').lower()}") from None
    if mode != 0o040000:
        raise CliError("not a directory")
    return Info(path)


def check_output(path: str) -> None:
    """Raises CliError where a copy cannot be put: a missing directory, a device."""
    directory = os.path.dirname(path.rstrip("/") or path)
    if directory not in ("", ".") and not os.path.exists(directory):
        raise CliError(f'invalid output path: directory "{directory}" does not exist')
    try:
        mode = os.stat(path).st_mode & 0o170000
    except OSError:
        return
    if mode in (0o020000, 0o060000):
        raise CliError(f'invalid output path: "{path}" must be a directory or a regular file: got a device')
