"""A layer in the making: what is to be added over a stack of layers, in memory, like an overlay's upper.

Paths are resolved as in a chroot of the whole: links are followed inside, ".." stops at the root. A directory
that is changed is "copied up" with its mode, owner and attributes, as overlayfs does it.
"""

import stat
from collections.abc import Iterator
from typing import Protocol

from sampan.errors import Failed
from sampan.storage.layerfiles import Node
from sampan.storage.merged import MAX_LINKS, Directory, Merged

Owner = tuple[int, int]
ROOT: Owner = (0, 0)


class Content(Protocol):
    """A regular file's bytes."""

    size: int

    def chunks(self) -> Iterator[bytes]: ...


class Item:
    """An inode of the new layer. The same item under several names is a file with hard links."""

    __slots__ = (
        "children", "content", "gid", "keeps_time", "mode", "mtime_ns", "opaque", "rdev", "target", "uid",
        "xattrs",
    )  # fmt: skip

    def __init__(self, mode: int, owner: Owner, mtime_ns: int) -> None:
        self.mode = mode
        self.uid, self.gid = owner
        self.mtime_ns = mtime_ns
        self.keeps_time = False  # however late it is
        self.rdev = 0
        self.target = b""
        self.content: Content | None = None
        self.xattrs: dict[bytes, bytes] = {}
        self.children: dict[bytes, Item] | None = {} if stat.S_ISDIR(mode) else None
        self.opaque = False  # hides a directory of lower layers


class Place:
    """Something that is there, in the new layer, below it, or (directories) in both."""

    __slots__ = ("below", "item", "name", "parent")

    def __init__(
        self, parent: "Place | None", name: bytes, item: Item | None, below: Directory | Node | None
    ) -> None:
        self.parent = parent
        self.name = name
        self.item = item
        self.below = below

    @property
    def mode(self) -> int:
        if self.item is not None:
            return self.item.mode
        assert self.below is not None
        return (self.below.top if isinstance(self.below, Directory) else self.below).mode

    @property
    def is_directory(self) -> bool:
        return stat.S_ISDIR(self.mode)

    @property
    def target(self) -> bytes:
        if self.item is not None:
            return self.item.target
        assert isinstance(self.below, Node)
        return self.below.target

    @property
    def path(self) -> bytes:
        """From the root, for messages."""
        names = []
        place: Place = self
        while place.parent is not None:
            names.append(place.name)
            place = place.parent
        return b"/" + b"/".join(reversed(names))


class Changes:
    def __init__(self, merged: Merged, now_ns: int) -> None:
        self.now = now_ns
        self._merged = merged
        # The root itself gets no entry in the layer: its mode and owner stay those of the layers below.
        self.top = Item(stat.S_IFDIR | 0o755, ROOT, now_ns)
        self.root = Place(None, b"", self.top, merged.root)

    # Looking

    def child(self, place: Place, name: bytes) -> Place | None:
        item = self._item(place)
        found = item.children.get(name) if item is not None and item.children is not None else None
        below: Directory | Node | None = None
        hidden = item is not None and item.opaque
        if isinstance(place.below, Directory) and not hidden:
            if found is None or (found.children is not None and not found.opaque):
                below = self._merged.child(place.below, name)
            if found is not None and not isinstance(below, Directory):
                below = None
        return Place(place, name, found, below) if found is not None or below is not None else None

    def _item(self, place: Place) -> Item | None:
        """It may have been copied up since the place was looked up."""
        for below in _from_above(place):
            parent = below.parent.item if below.parent is not None else None
            if parent is not None and parent.children is not None:
                below.item = parent.children.get(below.name)
        return place.item

    def resolve(self, path: bytes, *, follow: bool = True) -> tuple[Place, list[bytes]]:
        """The last thing there is on the way, and the names that are not there. Raises Failed.

        `follow`: a link at the end is followed too.
        """
        place, links = self.root, 0
        missing: list[bytes] = []
        left = path.split(b"/")[::-1]
        while left:
            part = left.pop()
            if part in (b"", b"."):
                continue
            if part == b"..":
                if missing:
                    missing.pop()
                elif place.parent is not None:
                    place = place.parent
                continue
            found = None if missing or not place.is_directory else self.child(place, part)
            if found is None:
                missing.append(part)
            elif stat.S_ISLNK(found.mode) and (follow or any(left)):
                links += 1
                if links > MAX_LINKS:
                    raise Failed("too many links")
                target = found.target
                if target.startswith(b"/"):
                    place = self.root
                left += target.split(b"/")[::-1]
            else:
                place = found
        return place, missing

    # Changing

    def copy_up(self, place: Place) -> Item:
        """The directory as part of the new layer."""
        item = self._item(place)
        for missing in _from_above(place):
            item = self._copy_directory(missing)
        assert item is not None
        return item

    def _copy_directory(self, place: Place) -> Item:
        """Whose parent is part of the new layer."""
        assert isinstance(place.below, Directory) and place.parent is not None
        parent = place.parent.item
        assert parent is not None and parent.children is not None
        node = place.below.top
        item = Item(node.mode, (node.uid, node.gid), node.mtime_ns)
        item.xattrs = node.xattrs
        parent.children[place.name] = item
        place.item = item
        return item

    def copy_up_file(self, place: Place) -> Item:
        """Anything but a directory as part of the new layer, its content with it."""
        item = self._item(place)
        if item is not None:
            return item
        assert place.parent is not None and isinstance(place.below, Node)
        node = place.below
        item = Item(node.mode, (node.uid, node.gid), node.mtime_ns)
        item.xattrs = node.xattrs
        if node.is_link:
            item.target = node.target
        elif stat.S_ISREG(node.mode):
            item.content = node
        else:
            item.rdev = node.rdev
        parent = self.copy_up(place.parent)
        assert parent.children is not None
        parent.children[place.name] = item
        return item

    def put(self, parent: Place, name: bytes, item: Item) -> Place:
        """Whatever has the name is replaced."""
        above = self.copy_up(parent)
        assert above.children is not None
        if item.children is not None and self.child(parent, name) is not None:
            item.opaque = True
        above.children[name] = item
        above.mtime_ns = self.now
        return Place(parent, name, item, None)

    def make_directories(self, path: bytes, owner: Owner = ROOT) -> Place:
        """All that is missing of it, 0755. Raises Failed, worded as BuildKit words it."""
        place, missing = self.resolve(path)
        if not place.is_directory:
            if missing:
                shown = b"/".join([place.path, missing[0]])
                raise Failed(f"lstat {text(shown)}: not a directory")
            raise Failed(f"mkdir {text(place.path)}: not a directory")
        for name in missing:
            place = self.put(place, name, Item(stat.S_IFDIR | 0o755, owner, self.now))
        return place


def _from_above(place: Place) -> list[Place]:
    """Those on the way to a place, and itself, that are not known to be in the new layer; from outside."""
    found: list[Place] = []
    current: Place | None = place
    while current is not None and current.item is None and current.parent is not None:
        found.append(current)
        current = current.parent
    return found[::-1]


def text(path: bytes) -> str:
    return path.decode("utf-8", "surrogateescape")
