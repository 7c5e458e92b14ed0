"""Look into a container's layers from outside, whatever their form: nothing is mounted, no link followed.

A directory is only read where the daemon may: layers are the daemon's own and never change.
"""

import os
import stat
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Protocol

from sampan.errors import Failed
from sampan.linux import erofs
from sampan.storage.indexes import Index, Inode

OPAQUE_XATTR = "trusted.overlay.opaque"


class Facts(Protocol):
    """What os.stat_result and a file in an index both tell, in the first one's words."""

    @property
    def st_mode(self) -> int: ...
    @property
    def st_uid(self) -> int: ...
    @property
    def st_gid(self) -> int: ...
    @property
    def st_mtime_ns(self) -> int: ...
    @property
    def st_rdev(self) -> int: ...


class Place(Protocol):
    """A file or directory of one layer."""

    @property
    def facts(self) -> Facts: ...
    def child(self, name: str) -> "Place | None": ...
    def is_opaque(self) -> bool: ...


@dataclass(frozen=True)
class OnDisk:
    path: str
    facts: os.stat_result

    def child(self, name: str) -> "OnDisk | None":
        if not stat.S_ISDIR(self.facts.st_mode):
            return None
        path = f"{self.path}/{name}"
        try:
            return OnDisk(path, os.lstat(path))
        except FileNotFoundError:
            return None

    def is_opaque(self) -> bool:
        try:
            return os.getxattr(self.path, OPAQUE_XATTR, follow_symlinks=False) == b"y"
        except OSError:
            return False


@dataclass(frozen=True)
class Indexed:
    index: Index
    inode: Inode

    @property
    def facts(self) -> Inode:
        return self.inode

    def child(self, name: str) -> "Indexed | None":
        found = self.index.child(self.inode, os.fsencode(name))
        return None if found is None else Indexed(self.index, found)

    def is_opaque(self) -> bool:
        return self.index.xattrs(self.inode).get(OPAQUE_XATTR.encode()) == b"y"


def roots(lowers: list[str], stack: ExitStack) -> list[Place]:
    """The layers' roots, open until the stack ends. Raises Failed when one is gone."""
    return [_root(lower, stack) for lower in lowers]


def _root(lower: str, stack: ExitStack) -> Place:
    parsed = erofs.parse_lower(lower)
    try:
        if parsed is None:
            return OnDisk(lower, os.lstat(lower))
        index = stack.enter_context(Index(parsed[0]))
        return Indexed(index, index.root)
    except OSError as error:
        raise Failed(f"open layer {erofs.directory(lower)}: {error.strerror}") from None


def has_name(lower: str, name: str) -> bool:
    """Whether a layer says anything about a name in its root."""
    with ExitStack() as stack:
        (root,) = roots([lower], stack)
        return root.child(name) is not None


def is_whiteout(facts: Facts) -> bool:
    return stat.S_ISCHR(facts.st_mode) and facts.st_rdev == 0
