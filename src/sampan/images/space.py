"""How much of the disk downloads may take: never the last of it, which everything else needs."""

import os
from pathlib import Path

from sampan.errors import Failed

RESERVE = 1 << 30  # bytes; of a small disk
RESERVE_SHARE = 50  # a fiftieth


class DiskFull(Failed):
    """But for the reserve."""


def spare(directory: Path) -> int:
    """Bytes that may still be written on its disk. Raises Failed."""
    try:
        disk = os.statvfs(directory)
    except OSError as error:
        raise Failed(f"{directory}: {error.strerror}") from error
    reserve = min(RESERVE, disk.f_blocks * disk.f_frsize // RESERVE_SHARE)
    return max(0, disk.f_bavail * disk.f_frsize - reserve)


def check(directory: Path, wanted: int, what: str) -> None:
    """Raises DiskFull."""
    if wanted > (found := spare(directory)):
        raise DiskFull(
            f"no space left on device: {what} needs {wanted} bytes, but only {found} are available"
        )
