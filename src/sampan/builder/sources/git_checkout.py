"""The files of a commit, written by hand: a repository is hostile until proven otherwise.

Every directory is made by us and entered by its descriptor, every file is new: a tree that lists a name twice
(a link first, then what is to be written through it) fails. No hook, filter, or configuration of it runs.
"""

import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sampan.errors import Failed, NotFound

if TYPE_CHECKING:
    from dulwich.objects import Commit, Tree

Store = Any  # dulwich.object_store.BaseObjectStore, asked with plain bytes

DEEPEST = 256  # directories
LARGEST = 4 << 30  # bytes of a file
DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
GITLINK = 0o160000


@dataclass
class CheckedOut:
    """`links`: commits of submodules by path. `files`: what was written, for an index."""

    size: int = 0
    links: dict[bytes, bytes] = field(default_factory=dict)
    files: list[tuple[bytes, int, bytes]] = field(default_factory=list)  # path, git's mode, object id


def commit_of(store: Store, id: bytes) -> "Commit":
    """The commit that `id`, which may be an annotated tag, means. Raises Failed."""
    from dulwich.objects import Commit, Tag

    for _ in range(8):
        found = store[id]
        if isinstance(found, Commit):
            return found
        if not isinstance(found, Tag):
            break
        id = found.object[1]
    raise Failed(f"{id.decode()} is no commit")


def tree_at(store: Store, commit: "Commit", subdir: str) -> "Tree":
    """The directory `subdir` of the commit. Raises NotFound; links are not followed."""
    from dulwich.objects import Tree

    found = store[commit.tree]
    for part in [os.fsencode(part) for part in subdir.split("/") if part not in ("", ".")]:
        if not isinstance(found, Tree) or part == b".." or part not in found:
            raise NotFound(f"path {subdir} not found in the repository")
        mode, id = found[part]
        if not stat.S_ISDIR(mode):
            raise NotFound(f"path {subdir} is no directory in the repository")
        found = store[id]
    if not isinstance(found, Tree):
        raise Failed("the commit has no tree")
    return found


def check_out(
    store: Store, tree: "Tree", directory: str, seconds: int, goes_on: Callable[[], None]
) -> CheckedOut:
    """Write the tree into an empty directory, all of it as old as `seconds`. Raises Failed, OSError.

    `goes_on` is called between files and raises when nobody waits any more.
    """
    writer = _Writer(store, max(0, seconds) * 10**9, goes_on)
    root = os.open(directory, DIRECTORY)
    try:
        writer.tree(root, tree, b"", 0)
    finally:
        os.close(root)
    return writer.result


class _Writer:
    def __init__(self, store: Store, time: int, goes_on: Callable[[], None]) -> None:
        self._store = store
        self._time = time
        self._goes_on = goes_on
        self.result = CheckedOut()

    def tree(self, directory: int, tree: "Tree", prefix: bytes, depth: int) -> None:
        if depth > DEEPEST:
            raise Failed(f"more than {DEEPEST} directories deep: {os.fsdecode(prefix)}")
        for name, mode, id in _entries(tree):
            self._goes_on()
            path = prefix + name
            if stat.S_ISDIR(mode):
                self._directory(directory, name, id, path, depth)
            elif mode == GITLINK:
                os.mkdir(name, 0o755, dir_fd=directory)
                os.chmod(name, 0o755, dir_fd=directory)
                self.result.links[path] = id
            else:
                self._file(directory, name, mode, id, path)
        os.utime(directory, ns=(self._time, self._time))

    def _directory(self, parent: int, name: bytes, id: bytes, path: bytes, depth: int) -> None:
        from dulwich.objects import Tree

        found = self._store[id]
        if not isinstance(found, Tree):
            raise Failed(f"{os.fsdecode(path)} is no directory")
        os.mkdir(name, 0o755, dir_fd=parent)
        fd = os.open(name, DIRECTORY, dir_fd=parent)
        try:
            os.fchmod(fd, 0o755)
            self.tree(fd, found, path + b"/", depth + 1)
        finally:
            os.close(fd)

    def _file(self, directory: int, name: bytes, mode: int, id: bytes, path: bytes) -> None:
        from dulwich.objects import Blob

        found = self._store[id]
        if not isinstance(found, Blob):
            raise Failed(f"{os.fsdecode(path)} is no file")
        data = found.as_raw_string()
        if stat.S_ISLNK(mode):
            os.symlink(data, name, dir_fd=directory)
        else:
            fd = os.open(name, FILE, 0o600, dir_fd=directory)
            with open(fd, "wb", buffering=0) as file:
                file.write(data)
                os.fchmod(file.fileno(), 0o755 if mode & 0o100 else 0o644)
        os.utime(name, ns=(self._time, self._time), dir_fd=directory, follow_symlinks=False)
        self.result.size += len(data)
        self.result.files.append((path, mode, id))


def _entries(tree: "Tree") -> Iterator[tuple[bytes, int, bytes]]:
    for entry in tree.iteritems():
        name = entry.path
        if name in (b"", b".", b"..") or b"/" in name or b"\0" in name or name.lower() == b".git":
            raise Failed(f"the repository has a file called {os.fsdecode(name)!r}")
        yield name, entry.mode, entry.sha
