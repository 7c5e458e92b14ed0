"""Mounts of layers that containers share: one super block, and so one page cache, however many containers.

A mount is a descriptor, attached nowhere; a container's overlay makes a copy of it. It ends with the layer,
with the daemon, or when too many are held; containers keep what they have.
"""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from sampan.linux import erofs
from sampan.linux import mount as m

HELD = 200  # SCM_MAX_FD is 253, and there are others to pass


class LayerMounts:
    """Owned by the event loop."""

    def __init__(self) -> None:
        self._held: dict[str, int] = {}  # by the layer's directory, the longest unused first
        self._possible: bool | None = None  # not known before the first one
        # The end of a mount waits for RCU, and the end of a super block for its pages: milliseconds.
        self._closer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="layers")

    def get(self, lowers: Sequence[str]) -> dict[int, int]:
        """Position among `lowers` -> descriptor, the caller's to close, for as many as can be had.

        What is missing, whoever needs it mounts for itself, and says what is wrong.
        """
        found: dict[int, int] = {}
        for position, lower in enumerate(lowers):
            parsed = erofs.parse_lower(lower)
            if parsed is None or self._possible is False or len(found) >= HELD:
                continue
            place = os.path.dirname(parsed[0])
            fd = self._held.pop(place, -1)
            if fd < 0:
                fd = self._mount(*parsed)
            if fd >= 0:
                self._held[place] = fd
                found[position] = os.dup(fd)
        while len(self._held) > HELD:
            self.drop(next(iter(self._held)))
        return found

    def _mount(self, index: str, tar: str) -> int:
        try:
            fd = erofs.mount(index, tar)
        except OSError:
            return -1
        if self._possible is None:
            self._possible = self._can_be_copied(fd)
        if not self._possible:
            self._closer.submit(os.close, fd)
            return -1
        return fd

    def _can_be_copied(self, fd: int) -> bool:
        """Before Linux 6.15 what is attached nowhere could not."""
        try:
            self._closer.submit(os.close, m.clone("", at=fd))
        except OSError:
            return False
        return True

    def drop(self, place: str) -> None:
        """Let go of the layer in that directory, whose space would not be free otherwise."""
        fd = self._held.pop(place, -1)
        if fd >= 0:
            self._closer.submit(os.close, fd)

    def close(self) -> None:
        """Let go of all; not to be used afterwards."""
        for place in list(self._held):
            self.drop(place)
        self._closer.shutdown()
