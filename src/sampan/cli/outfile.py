"""Where a tar stream goes: a file that appears once it is whole, or stdout."""

from __future__ import annotations

import os
import stat
import sys

from sampan.cli.errors import CliError
from sampan.cli.streams import write_all

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


def check(path: str, what: str) -> None:
    """Raises CliError where output cannot go: a terminal, a missing directory, a device."""
    if not path:
        if os.isatty(1):
            raise CliError("cowardly refusing to save to a terminal. Use the -o flag or redirect")
        return
    problem = _problem(path)
    if problem:
        raise CliError(f"failed to {what}: invalid output path: {problem}")


def _problem(path: str) -> str:
    directory = os.path.dirname(os.path.normpath(path))
    if directory not in ("", ".") and not os.path.exists(directory):
        return f"stat {directory}: no such file or directory"
    try:
        mode = os.stat(path).st_mode
    except OSError:
        return ""
    if stat.S_ISDIR(mode):
        return f'"{path}" must be a regular file'
    if (stat.S_ISCHR(mode) and path != os.devnull) or stat.S_ISBLK(mode):
        return "got a device"
    return ""


def save(path: str, chunks: Iterable[bytes]) -> None:
    """Write the stream to `path`, or to stdout when it is empty."""
    if not path:
        sys.stdout.flush()
        for data in chunks:
            write_all(1, data)
        return
    if path == os.devnull:
        for _ in chunks:
            pass
        return
    beside = f"{path}.{os.getpid()}.partial"
    try:
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            for data in chunks:
                write_all(descriptor, data)
        finally:
            os.close(descriptor)
        os.rename(beside, path)
    except BaseException as error:
        if os.path.exists(beside):
            os.unlink(beside)
        if isinstance(error, OSError):
            raise CliError(f"open {path}: {(error.strerror or str(error)).lower()}") from None
        raise
