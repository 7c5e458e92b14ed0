"""Mounts of layers that containers share: one super block, and so one page cache, however many containers.

A mount is a descriptor, attached nowhere; a container's overlay makes a copy of it. It ends with the layer,
with the daemon, or when too many are held; containers keep what they have.
"""

import errno
import os
from collections.abc import Sequence

from sampan.linux import erofs
from sampan.linux import mount as m

HELD = 200  # SCM_MAX_FD is 253, and there are others to pass


class LayerMounts:
    """Owned by the event loop."""

    def __init__(self) -> None:
        self._held: dict[str, int] = {}  # by the layer's directory, the longest unused first
        self._possible = True

    def get(self, lowers: Sequence[str]) -> dict[int, int]:
        """Position among `lowers` -> descriptor, for as many as can be had; they stay this object's.

        What is missing, whoever needs it mounts for itself, and says what is wrong.
        """
        found: dict[int, int] = {}
        for position, lower in enumerate(lowers):
            parsed = erofs.parse_lower(lower)
            if parsed is None or not self._possible or len(found) >= HELD:
                continue
            place = os.path.dirname(parsed[0])
            fd = self._held.pop(place, -1)
            if fd < 0:
                fd = self._mount(*parsed)
            if fd >= 0:
                self._held[place] = found[position] = fd
        while len(self._held) > HELD:
            self.drop(next(iter(self._held)))
        return found

    def _mount(self, index: str, tar: str) -> int:
        try:
            fd = erofs.mount(index, tar)
        except OSError:
            return -1
        try:
            os.close(m.clone("", at=fd))
            return fd
        except OSError as error:
            os.close(fd)
            # Before Linux 6.15 what is attached nowhere could not be copied.
            self._possible = error.errno != errno.EINVAL
            return -1

    def drop(self, place: str) -> None:
        """Let go of the layer in that directory, whose space would not be free otherwise."""
        fd = self._held.pop(place, -1)
        if fd >= 0:
            os.close(fd)

    def close(self) -> None:
        for place in list(self._held):
            self.drop(place)
