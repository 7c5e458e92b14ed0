"""inotify(7): being told that files change."""

import ctypes
import os
import struct

from sampan.linux.syscalls import c_char_p, c_int, libc

IN_MODIFY = 0x2
IN_ATTRIB = 0x4
IN_CLOSE_WRITE = 0x8
IN_MOVED_FROM = 0x40
IN_MOVED_TO = 0x80
IN_CREATE = 0x100
IN_DELETE = 0x200
IN_DELETE_SELF = 0x400
IN_MOVE_SELF = 0x800
IN_Q_OVERFLOW = 0x4000
IN_ONLYDIR = 0x1000000

_EVENT = struct.Struct("iIII")

_inotify_init1 = libc("inotify_init1", c_int)
_inotify_add_watch = libc("inotify_add_watch", c_int, c_char_p, ctypes.c_uint32)


class Inotify:
    """One instance, non-blocking; `fileno` becomes readable when something happened."""

    def __init__(self) -> None:
        self._fd = _inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)

    def fileno(self) -> int:
        return self._fd

    def watch(self, path: str | os.PathLike[str], mask: int) -> int:
        """Raises OSError."""
        return _inotify_add_watch(self._fd, os.fsencode(path), mask)

    def read(self) -> list[tuple[int, int, str]]:
        """What happened since: (watch, mask, name in a watched directory); empty when nothing did."""
        try:
            data = os.read(self._fd, 64 << 10)
        except BlockingIOError:
            return []
        events, at = [], 0
        while at < len(data):
            watch, mask, _, length = _EVENT.unpack_from(data, at)
            at += _EVENT.size
            events.append((watch, mask, os.fsdecode(data[at : at + length].rstrip(b"\0"))))
            at += length
        return events

    def close(self) -> None:
        os.close(self._fd)

    def __enter__(self) -> "Inotify":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
