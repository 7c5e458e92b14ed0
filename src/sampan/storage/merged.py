"""What a container would see of a stack of layers, worked out as overlayfs does. overlayfs.rst.

Nothing is mounted: looking up a path reads a few entries of the layers' indexes.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager

from sampan.errors import Failed
from sampan.storage.layerfiles import Layer, Node, open_layer

MAX_LINKS = 255  # what BuildKit's continuity/fs follows


class Directory:
    """Directories of one name, the top-most first, whose contents are seen as one."""

    __slots__ = ("parts",)

    def __init__(self, parts: list[Node]) -> None:
        self.parts = parts

    @property
    def top(self) -> Node:
        return self.parts[0]


Found = Directory | Node


class Merged:
    """The layers remain the caller's to close; without any, `root` is None and nothing is found."""

    def __init__(self, layers: Sequence[Layer]) -> None:
        """`layers`: top-most first."""
        self.root: Directory | None = _collect(layer.root for layer in layers)

    def child(self, directory: Directory, name: bytes) -> Found | None:
        first: Node | None = None
        parts: list[Node] = []
        for part in directory.parts:
            found = part.layer.child(part, name)
            if found is None:
                continue
            if found.is_whiteout:
                break
            if not found.is_directory:
                first = found if not parts else None
                break
            parts.append(found)
            if found.layer.is_opaque(found):
                break
        return Directory(parts) if parts else first

    def entries(self, directory: Directory) -> Iterator[tuple[bytes, Found]]:
        """Sorted by name."""
        below: dict[bytes, list[Node]] = {}
        ended: set[bytes] = set()
        for part in directory.parts:
            for name, found in part.layer.entries(part):
                if name in ended:
                    continue
                if found.is_directory:
                    below.setdefault(name, []).append(found)
                    if found.layer.is_opaque(found):
                        ended.add(name)
                    continue
                ended.add(name)
                if name not in below:
                    below[name] = [found]
        for name in sorted(below):
            nodes = below[name]
            if nodes[0].is_whiteout:
                continue
            yield name, Directory(nodes) if nodes[0].is_directory else nodes[0]

    def has(self, path: bytes) -> bool:
        """Whether there is something at `path`, in which no link is followed."""
        current: Found | None = self.root
        for name in path.split(b"/"):
            if name and isinstance(current, Directory):
                current = self.child(current, name)
            elif name:
                return False
        return current is not None

    def resolve(self, path: bytes) -> Found | None:
        """What `path` leads to, links followed inside the root. Raises Failed for links without end."""
        if self.root is None:
            return None
        return follow(self.root, path, self.child)


@contextmanager
def opened(lowers: Sequence[str]) -> Iterator[Merged]:
    """`lowers`: top-most first, as LayerStore.lower writes them. Raises Failed when one is gone."""
    with ExitStack() as stack:
        yield Merged([stack.enter_context(closing(open_layer(lower))) for lower in lowers])


def follow(root: Directory, path: bytes, child: Callable[[Directory, bytes], Found | None]) -> Found | None:
    above: list[Directory] = []
    current: Found = root
    left = path.split(b"/")[::-1]
    links = 0
    while left:
        part = left.pop()
        if part in (b"", b"."):
            continue
        if not isinstance(current, Directory):
            return None
        if part == b"..":
            current = above.pop() if above else current
            continue
        found = child(current, part)
        if found is None:
            return None
        if isinstance(found, Node) and found.is_link:
            links += 1
            if links > MAX_LINKS:
                raise Failed("too many links")
            target = found.target
            if target.startswith(b"/"):
                current = root
                above.clear()
            left += target.split(b"/")[::-1]
            continue
        above.append(current)
        current = found
    return current


def _collect(roots: Iterator[Node]) -> Directory | None:
    parts = []
    for root in roots:
        parts.append(root)
        if root.layer.is_opaque(root):
            break
    return Directory(parts) if parts else None
