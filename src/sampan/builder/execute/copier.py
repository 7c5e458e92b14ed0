"""What COPY, ADD, WORKDIR and heredocs do to a file system: the rules of BuildKit and fsutil's copy."""

import os
import stat
from collections.abc import Iterator
from typing import Protocol

from sampan.builder.execute.changes import ROOT, Changes, Content, Item, Owner, Place, text
from sampan.builder.execute.contents import Bytes, Source
from sampan.builder.execute.modes import changed
from sampan.builder.execute.owners import Owners
from sampan.builder.execute.untar import unpack
from sampan.builder.plan.graph import Copy, MakeDirectory, WriteFile
from sampan.builder.trees import Entry, Selected, Tree
from sampan.errors import Failed


class Archives(Protocol):
    """The archives among the files of a tree on the host."""

    def is_archive(self, path: str) -> bool: ...

    def spool(self, path: str) -> tuple[int, Iterator[bytes]]:
        """A file that holds the plain tar, once the stream, which is the same bytes, has been read."""
        ...


class Copier:
    """One Files step's actions, one after the other."""

    def __init__(self, changes: Changes, owners: Owners) -> None:
        self._changes = changes
        self._owners = owners

    def make_directory(self, action: MakeDirectory) -> None:
        self._changes.make_directories(os.fsencode(action.path), self._owners.resolve(action.owner))

    def write_file(self, action: WriteFile) -> None:
        owner = self._owners.resolve(action.chown)
        parent, name = self._target(os.fsencode(action.dest), os.fsencode(action.name), owner)
        mode = changed(stat.S_IFREG | 0o644, action.chmod)
        self._put(parent, name, _file(mode, owner, self._changes.now, Bytes(action.data)))

    def copy(
        self,
        action: Copy,
        tree: Tree,
        selected: Selected,
        source: Source,
        archives: Archives | None,
    ) -> None:
        """Raises Failed, Invalid."""
        _Copy(self, self._changes, action, tree, source, archives, self._owners).run(selected)

    # What a heredoc and a copied file have in common

    def _target(self, dest: bytes, name: bytes, owner: Owner) -> tuple[Place, bytes]:
        """Where a file goes: into dest if that is a directory, or it is dest itself. Its parents are made."""
        changes = self._changes
        head, _, tail = dest.rpartition(b"/")
        changes.make_directories(dest if not tail else head, owner)
        place, missing = changes.resolve(dest)
        if missing:
            for part in missing[:-1]:
                place = changes.make_directories(place.path + b"/" + part, owner)
            return place, missing[-1]
        if place.is_directory:
            return place, name
        assert place.parent is not None
        return place.parent, place.name

    def _put(self, parent: Place, name: bytes, item: Item) -> Place:
        found = self._changes.child(parent, name)
        if found is not None and found.is_directory:
            raise Failed(f"cannot replace to directory {text(found.path)} with file")
        return self._changes.put(parent, name, item)


class _Copy:
    def __init__(
        self,
        copier: Copier,
        changes: Changes,
        action: Copy,
        tree: Tree,
        source: Source,
        archives: Archives | None,
        owners: Owners,
    ) -> None:
        self._copier = copier
        self._changes = changes
        self._action = action
        self._tree = tree
        self._source = source
        self._archives = archives if action.unpack else None
        self._owner = owners.resolve(action.chown) if action.chown else None
        self._dest = os.fsencode(action.dest)
        self._directories: dict[str, Place] = {}  # below dest
        self._times: list[tuple[Item, int]] = []  # set last: whatever is put into a directory changes them
        self._links: dict[object, Item] = {}

    def run(self, selected: Selected) -> None:
        entries = self._tree.entries
        for path, below in selected.pairs:
            entry = entries.get(path)
            if not below:
                self._take_root(entry)
            elif entry is None:
                raise Failed(f"failed to copy files: /{path}: not listed")
            elif "/" not in below and "" not in self._directories and not stat.S_ISDIR(entry.mode):
                self._take_file(path, below, entry)
            else:
                self._take(path, below, entry)
        for item, mtime_ns in self._times:
            item.mtime_ns = mtime_ns

    def _take_root(self, entry: Entry | None) -> None:
        """A directory whose content is copied: dest is one, too."""
        place, missing = self._changes.resolve(self._dest)
        if not missing and not place.is_directory and not self._dest.endswith(b"/"):
            raise Failed(f"cannot copy to non-directory: {text(place.path)}")
        place = self._changes.make_directories(self._dest, self._owner or ROOT)
        if missing and entry is not None:
            self._times.append((self._changes.copy_up(place), self._time(entry)))
        self._directories[""] = place

    def _take_file(self, path: str, name: str, entry: Entry) -> None:
        if self._archives is not None and stat.S_ISREG(entry.mode) and self._archives.is_archive(path):
            place = self._changes.make_directories(self._dest, self._owner or ROOT)
            descriptor, stream = self._archives.spool(path)
            unpack(self._changes, place, descriptor, stream)
            return
        owner = self._owner or ROOT
        parent, target = self._copier._target(self._dest, os.fsencode(name), owner)
        self._copier._put(parent, target, self._item(path, entry))

    def _take(self, path: str, below: str, entry: Entry) -> None:
        above, _, name = below.rpartition("/")
        parent = self._parent(above)
        if not stat.S_ISDIR(entry.mode):
            self._copier._put(parent, os.fsencode(name), self._item(path, entry))
            return
        found = self._changes.child(parent, os.fsencode(name))
        if found is None:
            place = self._changes.put(parent, os.fsencode(name), self._item(path, entry))
            self._times.append((self._changes.copy_up(place), self._time(entry)))
        elif not found.is_directory:
            raise Failed(f"cannot copy to non-directory: {text(found.path)}")
        else:
            place = found
            self._dress(self._changes.copy_up(place), entry)
        self._directories[below] = place

    def _parent(self, below: str) -> Place:
        found = self._directories.get(below)
        if found is None:
            path = self._dest.rstrip(b"/") + b"/" + os.fsencode(below)
            found = self._directories[below] = self._changes.make_directories(path, self._owner or ROOT)
        return found

    def _dress(self, item: Item, entry: Entry) -> None:
        """A directory that was there gets what the source has; parents of a match get its mode only."""
        item.mode = changed(entry.mode, self._action.chmod)
        if self._action.parents:
            return
        item.uid, item.gid = self._owner or (entry.uid, entry.gid)
        item.xattrs |= _xattrs(entry)
        self._times.append((item, self._time(entry)))

    def _item(self, path: str, entry: Entry) -> Item:
        regular = stat.S_ISREG(entry.mode)
        identity = self._source.identity(path) if regular else None
        if identity is not None and identity in self._links:
            return self._links[identity]
        owner = self._owner or (entry.uid, entry.gid)
        item = Item(changed(entry.mode, self._action.chmod), owner, self._time(entry))
        item.keeps_time = self._tree.published
        item.xattrs = _xattrs(entry)
        if regular:
            item.content = self._source.content(path, entry)
        elif stat.S_ISLNK(entry.mode):
            item.target = os.fsencode(entry.digest)
        else:
            item.rdev = entry.rdev
        if identity is not None:
            self._links[identity] = item
        return item

    def _time(self, entry: Entry) -> int:
        """What is in no cache key is in no layer: a context's files are as old as their checkout."""
        return entry.mtime_ns if self._tree.dated else self._changes.now


def _xattrs(entry: Entry) -> dict[bytes, bytes]:
    return {os.fsencode(name): value for name, value in entry.xattrs}


def _file(mode: int, owner: Owner, mtime_ns: int, content: Content) -> Item:
    item = Item(mode, owner, mtime_ns)
    item.content = content
    return item
