"""--chown: names looked up in the files of a snapshot. BuildKit's solver/llbsolver/file/user_linux.go."""

import stat

from sampan.builder.execute.changes import ROOT, Owner
from sampan.runtime.passwd import parse_group, parse_passwd
from sampan.storage.layerfiles import Node
from sampan.storage.merged import Merged

MAX_ID = (1 << 31) - 1
LIMIT = 4 << 20  # bytes read of passwd and group


class Owners:
    """Reads each file once."""

    def __init__(self, merged: Merged) -> None:
        self._merged = merged
        self._texts: dict[bytes, str] = {}

    def resolve(self, chown: str) -> Owner:
        """As BuildKit: a number is its own group unless one is named, a name that is not there means root."""
        if not chown:
            return ROOT
        user, _, group = chown.partition(":")
        uid, gid = self._user(user)
        if group:
            number = _number(group)
            gid = number if number is not None else self._group(group, gid)
        return uid, gid

    def _user(self, name: str) -> Owner:
        number = _number(name)
        if number is not None:
            return number, number
        for found, uid, gid, _ in parse_passwd(self._text(b"/etc/passwd")):
            if found == name and name:
                return uid, gid
        return ROOT

    def _group(self, name: str, default: int) -> int:
        for found, gid, _ in parse_group(self._text(b"/etc/group")):
            if found == name:
                return gid
        return default

    def _text(self, path: bytes) -> str:
        if path not in self._texts:
            self._texts[path] = read_text(self._merged, path)
        return self._texts[path]


def read_text(merged: Merged, path: bytes) -> str:
    """A small file of a snapshot; "" when it is not there."""
    found = merged.resolve(path)
    if not isinstance(found, Node) or not stat.S_ISREG(found.mode):
        return ""
    data = bytearray()
    for chunk in found.chunks():
        data += chunk
        if len(data) >= LIMIT:
            break
    return data.decode("utf-8", "replace")


def _number(text: str) -> int | None:
    if not text.isascii() or not text.isdecimal():
        return None
    number = int(text)
    return number if number <= MAX_ID else None
