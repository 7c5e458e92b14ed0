"""List the files of a snapshot, with the digests of their bytes: what keys and copies from it are made of."""

import hashlib
import os
import re
import stat
from collections.abc import Iterator, Sequence

from sampan.builder.execute.cancellation import Stop
from sampan.builder.trees import Entry, Snapshot, SnapshotRoot, Tree
from sampan.specs.golang.match import compile_match as compiled
from sampan.specs.golang.match import has_wildcards
from sampan.storage.layerfiles import Node
from sampan.storage.merged import Directory, Found, Merged

MAX_LINKS = 255


class Digests:
    """Of files of layers, which never change: remembered by inode, for as long as the layers stay open."""

    def __init__(self) -> None:
        self._known: dict[object, str] = {}

    def of(self, node: Node) -> str:
        key = node.identity
        found = self._known.get(key)
        if found is None:
            digest = hashlib.sha256()
            for chunk in node.chunks():
                digest.update(chunk)
            found = self._known[key] = digest.hexdigest()
        return found


def scan(
    merged: Merged, snapshot: Snapshot, paths: Sequence[str], digests: Digests, stop: Stop | None = None
) -> Tree:
    """Blocks. `paths` (none: everything): what lies at and below them, wildcards and links followed."""
    scanner = _Scanner(merged, digests, stop or Stop())
    if merged.root is not None:
        for path in paths or ("",):
            scanner.take(path)
    entries = dict(sorted(scanner.entries.items()))
    return Tree(SnapshotRoot(snapshot.layers), entries)


class _Scanner:
    def __init__(self, merged: Merged, digests: Digests, stop: Stop) -> None:
        self.entries: dict[str, Entry] = {}
        self._merged = merged
        self._digests = digests
        self._stop = stop
        self._done: set[str] = set()

    def take(self, path: str) -> None:
        parts = [part for part in path.split("/") if part not in ("", ".")]
        fixed = next((n for n, part in enumerate(parts) if has_wildcards(part)), len(parts))
        self._walk([_unescaped(part) for part in parts[:fixed]], parts[fixed:])

    def _walk(self, parts: Sequence[str], pattern: Sequence[str]) -> None:
        """List every directory and link on the way: whoever reads the tree follows the same way."""
        assert self._merged.root is not None
        above: list[tuple[str, Directory]] = []
        name, current = "", self._merged.root
        left = list(parts)[::-1]
        links = 0
        self._list("", current)
        while left:
            part = left.pop()
            if part in ("", "."):
                continue
            if part == "..":
                if above:
                    name, current = above.pop()
                continue
            found = self._merged.child(current, os.fsencode(part))
            if found is None:
                return
            path = f"{name}/{part}" if name else part
            if isinstance(found, Node) and found.is_link:
                self._list(path, found)
                links += 1
                if links > MAX_LINKS:
                    return
                target = os.fsdecode(found.target)
                if target.startswith("/"):
                    above.clear()
                    name, current = "", self._merged.root
                left += target.split("/")[::-1]
                continue
            self._list(path, found)
            if isinstance(found, Node):
                return
            above.append((name, current))
            name, current = path, found
        self._matching(name, current, pattern)

    def _matching(self, name: str, directory: Directory, pattern: Sequence[str]) -> None:
        """Only what the pattern's next part matches; "**" matches what lies anywhere below."""
        if not pattern or "**" in pattern[0]:
            self._below(name, directory)
            return
        regex, more = compiled(pattern[0]), pattern[1:]
        for child, found in self._entries(directory):
            if not regex.fullmatch(child):
                continue
            path = f"{name}/{child}" if name else child
            self._list(path, found)
            if isinstance(found, Directory):
                self._matching(path, found, more)
            elif found.is_link and not more:
                self._walk(path.split("/"), ())

    def _below(self, name: str, directory: Directory) -> None:
        if name in self._done:
            return
        # Directories may be nested deeper than calls may.
        pending = [(name, self._entries(directory))]
        self._done.add(name)
        while pending:
            path, entries = pending[-1]
            if (entry := next(entries, None)) is None:
                pending.pop()
                continue
            child, found = entry
            path = f"{path}/{child}" if path else child
            self._list(path, found)
            if isinstance(found, Directory) and path not in self._done:
                self._done.add(path)
                pending.append((path, self._entries(found)))

    def _entries(self, directory: Directory) -> Iterator[tuple[str, Found]]:
        for name, found in self._merged.entries(directory):
            yield os.fsdecode(name), found

    def _list(self, path: str, found: Found) -> None:
        if path in self.entries:
            return
        self._stop.check()
        node = found.top if isinstance(found, Directory) else found
        digest = ""
        if stat.S_ISREG(node.mode):
            digest = self._digests.of(node)
        elif node.is_link:
            digest = os.fsdecode(node.target)
        elif stat.S_ISSOCK(node.mode):
            return
        xattrs = tuple(sorted((os.fsdecode(name), value) for name, value in node.xattrs.items()))
        self.entries[path] = Entry(
            node.mode, node.uid, node.gid, node.size, node.mtime_ns, digest, node.rdev, xattrs
        )


def _unescaped(part: str) -> str:
    return re.sub(r"\\(.)", r"\1", part)
