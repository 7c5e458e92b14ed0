"""Listings of files with digests: what cache keys and copies are made of. Plain data.

A Tree lists a directory of the host, or the files of a snapshot below a path; where the bytes are is `root`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple


class Entry(NamedTuple):
    """One file. Times are carried along, but count in no key, unless the tree is `published`."""

    mode: int  # st_mode, with the type
    uid: int
    gid: int
    size: int
    mtime_ns: int
    digest: str  # of a regular file's bytes: hex sha256; of a symlink: its target; else ""
    rdev: int = 0
    xattrs: tuple[tuple[str, bytes], ...] = ()


@dataclass(frozen=True)
class HostRoot:
    """A directory of the host. Files are opened below it without following links."""

    path: str


@dataclass(frozen=True)
class SnapshotRoot:
    """A snapshot's file system, to be mounted by a task."""

    layers: tuple[str, ...]  # diff IDs, bottom first


@dataclass(frozen=True)
class Tree:
    """`entries` by path relative to the root ("a/b", never "/a"; "" is the root itself), sorted."""

    root: HostRoot | SnapshotRoot
    entries: Mapping[str, Entry]
    dated: bool = True  # False: times are not the files' own, but of when somebody put them there
    published: bool = False  # times are the server's word, the same for everybody: layers keep them


@dataclass(frozen=True)
class Selected:
    """What one Copy takes from a tree: pairs (path in the tree, path below dest), parents first.

    `key`: hex sha256 over the names, modes, owners, link targets and bytes of all of it.
    """

    pairs: tuple[tuple[str, str], ...]
    key: str


@dataclass(frozen=True)
class Snapshot:
    """A file system that a step has left: layers by diff ID, bottom first."""

    layers: tuple[str, ...] = ()
