"""Small files of a directory that someone else may be changing: the Dockerfile, .dockerignore."""

import os
import stat

from sampan.errors import Failed, NotFound
from sampan.linux.openat2 import RESOLVE_IN_ROOT, openat2

LIMIT = 16 << 20  # bytes of a Dockerfile or an ignore file


def read_below(directory: str | os.PathLike[str], path: str) -> bytes:
    """A regular file's bytes; links are followed as if `directory` were the root.

    Raises NotFound in Go's words ("open Dockerfile: no such file or directory"), Failed.
    """
    root = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        # NONBLOCK: a FIFO would wait for a writer.
        flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY
        fd = openat2(root, os.fsencode(path.lstrip("/") or "."), flags, RESOLVE_IN_ROOT)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NotFound(f"open {path}: {(error.strerror or '').lower()}") from None
    except (OSError, ValueError) as error:
        raise Failed(f"open {path}: {_reason(error)}") from None
    finally:
        os.close(root)
    try:
        info = os.fstat(fd)
        if stat.S_ISDIR(info.st_mode):
            raise Failed(f"read {path}: is a directory")
        if not stat.S_ISREG(info.st_mode):
            raise Failed(f"open {path}: not a regular file")
        return _read(fd, path)
    except OSError as error:
        raise Failed(f"read {path}: {_reason(error)}") from None
    finally:
        os.close(fd)


def _read(fd: int, path: str) -> bytes:
    pieces, size = [], 0
    while data := os.read(fd, 1 << 20):
        pieces.append(data)
        size += len(data)
        if size > LIMIT:
            raise Failed(f"read {path}: larger than {LIMIT >> 20} MiB")
    return b"".join(pieces)


def _reason(error: Exception) -> str:
    return (getattr(error, "strerror", None) or str(error)).lower()
