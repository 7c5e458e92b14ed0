"""Disk space that pushes leave free, so that deletes can be recorded: SQLite needs some for that.

    full when   free + held <= 2 * size       for pushes, the cache and /readyz alike

Half of it is simply not used. The other half is held by a file, which other programs on the disk cannot take:
it is given up when a delete or a collection finds next to nothing left, and taken again once there is room.
"""

import errno
import os
from contextlib import suppress

from sampan.registry.errors import DiskFull
from sampan.registry.layout import Layout

SIZE = 16 << 20
SHARE = 16  # of a small disk it is that part


class Reserve:
    def __init__(self, layout: Layout) -> None:
        self._root = layout.root
        self._file = layout.reserve

    def room(self) -> int:
        """How many bytes pushes may use. Raises OSError."""
        free, size = self._disk()
        return free + self._held() - 2 * size

    def check(self, adding: int = 0) -> None:
        """Raises DiskFull when so much more is too much."""
        room = self.room()
        if room <= 0 or adding > room:
            more = f": {adding} bytes do not fit" if adding else ""
            raise DiskFull(f"the registry's disk is full{more}")

    def spend(self) -> None:
        """For a write that will free room: see that there is some for it."""
        free, size = self._disk()
        if free < size // 2:
            with suppress(FileNotFoundError):
                os.unlink(self._file)

    def fill(self) -> bool:
        """Hold it again, if there is room; whether it is held. Blocks."""
        _, size = self._disk()
        if self._held() >= size:
            return True
        if self.room() <= 0:
            return False
        descriptor = os.open(self._file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(descriptor, 0, size)
        except OSError as error:
            with suppress(FileNotFoundError):
                os.unlink(self._file)
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            return False
        finally:
            os.close(descriptor)
        return True

    def _disk(self) -> tuple[int, int]:
        """Free bytes, and the reserve's size."""
        found = os.statvfs(self._root)
        return found.f_bavail * found.f_frsize, min(SIZE, found.f_blocks * found.f_frsize // SHARE)

    def _held(self) -> int:
        try:
            return os.stat(self._file).st_blocks * 512
        except FileNotFoundError:
            return 0
