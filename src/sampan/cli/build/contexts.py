"""Where a build's files are: a directory, stdin, or a URL; and the Dockerfile.

A directory is named to a daemon that is reached by a unix socket, with its device and inode numbers so that
the daemon can tell whether it sees the same one; else, or when the daemon says it does not, it is sent.
"""

from __future__ import annotations

import os
import stat

from sampan.cli.errors import CliError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# What a stream that is an archive begins with: gzip, bzip2, xz, zstd.
_MAGIC = (b"\x1f\x8b\x08", b"BZh", b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd")
_PEEK = 512
DOCKERFILE_LIMIT = 2 << 20  # bytes of one from stdin


class Files:
    """What a build is made from. `directories`: absolute paths by the name that the request gives them."""

    def __init__(self) -> None:
        self.directories: dict[str, str] = {}
        self.request: dict[str, Any] = {}
        self.stdin: bytes | None = None  # an archive's beginning; the rest is still to be read


def prepare(where: str, dockerfile: str, named: list[str]) -> Files:
    """Raises CliError when something is not there."""
    files = Files()
    if where == "-":
        _from_stdin(files, dockerfile)
    elif os.path.isdir(where):
        _local(files, where, dockerfile)
    elif is_url(where):
        files.request["Context"] = {"URL": where}
        files.request["Dockerfile"] = {"Name": dockerfile or "Dockerfile"}
    else:
        raise CliError(f'ERROR: unable to prepare context: path "{where}" not found')
    if dockerfile == "-":
        if where == "-":
            raise CliError("ERROR: invalid argument: can't use stdin for both build context and dockerfile")
        files.request["Dockerfile"] = {"Text": _text(_read_all(b""))}
    for text in named:
        _named(files, text)
    return files


def is_url(text: str) -> bool:
    lower = text.lower()
    return lower.startswith(("http://", "https://", "git://", "ssh://", "git@", "github.com/"))


def _local(files: Files, where: str, dockerfile: str) -> None:
    context = os.path.abspath(where)
    files.directories["context"] = context
    if dockerfile == "-":
        return
    if dockerfile.startswith(("http://", "https://")):
        files.request["Dockerfile"] = {"URL": dockerfile}
        return
    path = os.path.abspath(dockerfile) if dockerfile else os.path.join(context, "Dockerfile")
    if dockerfile and not os.path.exists(path) and not os.path.isabs(dockerfile):
        inside = os.path.join(context, dockerfile)  # as the classic client finds it
        path = inside if os.path.exists(inside) else path
    files.request["Dockerfile"] = {"Name": os.path.basename(path)}
    files.directories["dockerfile"] = os.path.dirname(path)


def _from_stdin(files: Files, dockerfile: str) -> None:
    if os.isatty(0):
        raise CliError("ERROR: stdin is a terminal: a tar archive or a Dockerfile is expected on it")
    start = _read_up_to(_PEEK)
    if is_archive(start):
        files.stdin = start
        files.request["Dockerfile"] = {"Name": dockerfile or "Dockerfile"}
        return
    if dockerfile and dockerfile != "-":
        raise CliError("ERROR: ambiguous Dockerfile source: both stdin and flag correspond to Dockerfiles")
    data = _read_all(start)
    if not data.strip():
        raise CliError("ERROR: failed to solve: dockerfile: file with no instructions")
    files.request["Dockerfile"] = {"Text": _text(data)}


def is_archive(start: bytes) -> bool:
    return start.startswith(_MAGIC) or start[257:262] == b"ustar" or _is_old_tar(start)


def _is_old_tar(header: bytes) -> bool:
    """A header of tar from before POSIX has no magic, only its checksum."""
    if len(header) < _PEEK:
        return False
    field = header[148:156].strip(b" \0")
    if not field or set(field) - set(b"01234567"):
        return False
    return int(field, 8) == sum(header[:148]) + 8 * 32 + sum(header[156:512])


def _read_up_to(size: int) -> bytes:
    data = b""
    while len(data) < size and (block := os.read(0, size - len(data))):
        data += block
    return data


def _read_all(start: bytes) -> bytes:
    parts, size = [start], len(start)
    while block := os.read(0, 1 << 16):
        parts.append(block)
        size += len(block)
        if size > DOCKERFILE_LIMIT:
            raise CliError(f"ERROR: the Dockerfile on stdin has more than {DOCKERFILE_LIMIT >> 20}MB")
    return b"".join(parts)


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _named(files: Files, text: str) -> None:
    """--build-context name=value."""
    name, equals, value = text.partition("=")
    if not equals or not name or not value:
        raise CliError(f"ERROR: invalid context value: {text}, expected key=value")
    contexts = files.request.setdefault("Contexts", {})
    if value.startswith("oci-layout://"):
        path, reference = _split_layout(value.removeprefix("oci-layout://"))
        files.directories[f"context-{name}"] = _directory(path, name)
        contexts[name] = {"Layout": reference}
    elif value.startswith(("docker-image://", "target:", "input:")) or is_url(value):
        contexts[name] = {"URL": value}
    else:
        files.directories[f"context-{name}"] = _directory(value, name)
        contexts[name] = {}


def _directory(path: str, name: str) -> str:
    try:
        found = os.stat(path)
    except OSError:
        raise CliError(
            f"ERROR: failed to get build context {name}: stat {path}: no such file or directory"
        ) from None
    if not stat.S_ISDIR(found.st_mode):
        raise CliError(f"ERROR: failed to get build context {name}: {path}: not a directory")
    return os.path.abspath(path)


def _split_layout(text: str) -> tuple[str, str]:
    """(path, what is taken from it) of PATH[:TAG][@DIGEST]."""
    path, at, digest = text.partition("@")
    base, colon, tag = path.rpartition(":")
    if colon and "/" not in tag:
        path = base
        return path, f"@{digest}" if at else f":{tag}"
    return path, f"@{digest}" if at else ""


def in_place(path: str) -> dict[str, Any]:
    """A directory as the daemon is told of it; raises CliError."""
    try:
        found = os.stat(path)
    except OSError as error:
        raise CliError(f"ERROR: stat {path}: {(error.strerror or str(error)).lower()}") from None
    return {"Path": path, "Device": found.st_dev, "Inode": found.st_ino}
