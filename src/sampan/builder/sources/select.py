"""What COPY and ADD take from a tree: BuildKit's rules. Pure.

How `pairs` (path in the tree, path below dest) are to be carried out, one after the other:

- below dest ""      dest itself is made a directory, root's or chown's and 0755, if it is not there: a source
                     that is a directory gives its content, never its own mode or owner
- below dest "name"  if dest is a directory by now, or ends with "/": dest/name; else dest is the file itself
- below dest "a/b"   dest/a/b; directories get the source's mode and owner, also those that are there

A later pair of the same name wins. No pairs (a wildcard that matches nothing): not even dest is made.
"""

import hashlib
import stat
from bisect import bisect_left
from collections.abc import Sequence

from sampan.builder.plan.graph import Copy
from sampan.builder.trees import Entry, Selected, Tree
from sampan.errors import Invalid, NotFound
from sampan.specs.docker.ignore.patterns import Matcher
from sampan.specs.golang.match import compile_match, has_wildcards
from sampan.specs.golang.path import inside

MAX_LINKS = 255
Pairs = list[tuple[str, str]]


def select(tree: Tree, copy: Copy, ref: str = "") -> Selected:
    """What `copy` takes. Raises NotFound with BuildKit's words (`ref` names the tree in them), Invalid.

    Links in the sources' parents, and sources that are links themselves, are resolved inside the tree; links
    below them are copied as such. With `unpack`, archives are pairs like other files: `archives.is_archive`.
    """
    selection = _Selection(tree, copy, ref)
    for source in copy.sources:
        if copy.parents:
            selection.take_with_parents(source)
        else:
            selection.take(source)
    key = key_of(tree, selection.pairs, owners=not copy.chown, modes=not _is_octal(copy.chmod))
    return Selected(tuple(selection.pairs), key)


def select_mount(tree: Tree, source: str, ref: str = "") -> Selected:
    """All below `source`, for the key of a `RUN --mount=type=bind`. Raises NotFound."""
    walk = _Walk(tree, ref)
    path = walk.existing(inside(source))
    pairs = [(path, "")]
    pairs += [(name, name[len(path) + 1 if path else 0 :]) for name in walk.below(path)]
    return Selected(tuple(pairs), key_of(tree, pairs, owners=True, modes=True))


def _is_octal(chmod: str) -> bool:
    return bool(chmod) and all(char in "01234567" for char in chmod)


def key_of(tree: Tree, pairs: Sequence[tuple[str, str]], *, owners: bool, modes: bool) -> str:
    """Hex sha256 over all that a copy of these pairs would look at."""
    digest = hashlib.sha256()
    entries, lines = tree.entries, []
    heads: dict[tuple[int, int, int], str] = {}  # most files share a few
    for path, below in pairs:
        if not below and path not in entries:
            lines.append("root\0")
            continue
        mode, uid, gid, _, mtime_ns, content, rdev, xattrs = entries[path]
        if not below and stat.S_ISDIR(mode):
            lines.append("directory\0")
            continue
        head = heads.get((mode, uid, gid))
        if head is None:
            shown = mode if modes and not stat.S_ISLNK(mode) else stat.S_IFMT(mode)
            owner = f"{uid}:{gid}" if owners else ""
            head = heads[mode, uid, gid] = f"{shown:o}\0{owner}\0"
        lines.append(f"{head}{content}\0{below}\0")
        if tree.published:
            lines.append(f"{mtime_ns}\0")
        if rdev or xattrs:
            lines.append(f"{rdev}\0{xattrs!r}\0")
        if len(lines) >= 4096:
            digest.update("".join(lines).encode("utf-8", "surrogateescape"))
            lines.clear()
    digest.update("".join(lines).encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


class _Walk:
    """Looking things up in a tree, links resolved inside it."""

    def __init__(self, tree: Tree, ref: str) -> None:
        self.entries = tree.entries
        self._names = list(tree.entries)
        self._ref = ref or hashlib.sha256(repr(tree.root).encode()).hexdigest()[:25]

    def resolve(self, path: str) -> tuple[str, Entry | None]:
        """Where `path` leads, and what is there. Raises Invalid when links go round in circles."""
        found = self.entries.get(path)
        if found is not None and not stat.S_ISLNK(found.mode):
            return path, found
        current, rest, links = "", path, 0
        while rest:
            part, _, rest = rest.partition("/")
            current = inside(f"{current}/{part}")
            found = self.entries.get(current)
            if found is not None and stat.S_ISLNK(found.mode):
                links += 1
                if links > MAX_LINKS:
                    raise Invalid(self._failed(f"too many symlinks: /{path}"))
                current = "" if found.digest.startswith("/") else current.rpartition("/")[0]
                rest = f"{found.digest}/{rest}"
        return current, self.entries.get(current)

    def existing(self, path: str) -> str:
        """Raises NotFound, Invalid."""
        resolved, entry = self.resolve(path)
        if entry is None and resolved:
            raise self.missing(path)
        return resolved

    def missing(self, path: str) -> NotFound:
        """As BuildKit says it: with the path as it was asked for, or as a link at its end has it."""
        for _ in range(MAX_LINKS):
            directory, _, name = path.rpartition("/")
            parent = self.resolve(directory)[0]
            found = self.entries.get(f"{parent}/{name}" if parent else name)
            if found is None or not stat.S_ISLNK(found.mode):
                break
            target = found.digest
            path = inside(target if target.startswith("/") else f"{directory}/{target}")
        quoted = path.replace("\\", "\\\\").replace('"', '\\"')
        return NotFound(self._failed(f'"/{quoted}": not found'))

    def _failed(self, why: str) -> str:
        return f"failed to compute cache key: failed to calculate checksum of ref {self._ref}: {why}"

    def below(self, directory: str) -> list[str]:
        """Everything in a directory, parents first."""
        names = self._names
        if not directory:
            return names[1:] if names and not names[0] else names
        # "0" is what comes after "/": all names between begin with it.
        return names[bisect_left(names, directory + "/") : bisect_left(names, directory + "0")]

    def matches(self, pattern: str) -> list[str]:
        """Paths that match, in the order in which a walk through sorted directories comes by."""
        parts = pattern.split("/")
        fixed = next(index for index, part in enumerate(parts) if has_wildcards(part))
        base, entry = self.resolve(_unescaped("/".join(parts[:fixed])))
        if entry is None and base:
            # Nothing need match, but there must be a place to look at. BuildKit's words.
            raise NotFound(f"lstat /{base}: no such file or directory")
        try:
            regex = compile_match("/".join(parts[fixed:]))
        except Invalid as error:
            raise Invalid(self._failed(error.message)) from None
        start = len(base) + 1 if base else 0
        found = [name for name in self.below(base) if regex.fullmatch(name, start)]
        return sorted(found, key=lambda name: name.split("/"))


def _unescaped(path: str) -> str:
    out, position = "", 0
    while position < len(path):
        position += path[position] == "\\" and position + 1 < len(path)
        out += path[position]
        position += 1
    return out


class _Selection:
    def __init__(self, tree: Tree, copy: Copy, ref: str) -> None:
        self.pairs: Pairs = []
        self._walk = _Walk(tree, ref)
        self._copy = copy
        self._exclude = Matcher(copy.exclude) if copy.exclude else None

    def take(self, source: str) -> None:
        path = inside(source)
        if self._copy.file_name or not has_wildcards(path):  # a download's name is no pattern
            self._take_path(path)
            return
        for name in self._walk.matches(path):
            if self._exclude is None or not self._exclude.matches(name.rpartition("/")[2]):
                self._take_path(name)

    def _take_path(self, path: str) -> None:
        resolved, entry = self._walk.resolve(path)
        if entry is None and resolved:
            raise self._walk.missing(path)
        if entry is None or stat.S_ISDIR(entry.mode):
            self.pairs.append((resolved, ""))
            self._take_below(resolved, None)
        else:
            name = path.rpartition("/")[2] or resolved.rpartition("/")[2]
            self.pairs.append((resolved, self._copy.file_name or name))

    def take_with_parents(self, source: str) -> None:
        """What matches is copied with its path below the pivot ("/./", or the root), directories included."""
        base, pivot, pattern = source.partition("/./")
        if not pivot:
            base, pattern = "", source
        base, pattern = inside(base), inside(pattern)
        if not has_wildcards(base) and not has_wildcards(pattern):
            self._walk.existing(f"{base}/{pattern}" if base else pattern)
        starts = self._walk.matches(base) if has_wildcards(base) else [base]
        for start in starts:
            resolved, entry = self._walk.resolve(start)
            if entry is None and resolved:
                raise self._walk.missing(start)
            if entry is not None and not stat.S_ISDIR(entry.mode):
                self.pairs.append((resolved, start.rpartition("/")[2]))
                continue
            found = len(self.pairs)
            self._take_below(resolved, Matcher([pattern]) if pattern else None)
            if len(self.pairs) > found or not pattern:
                self.pairs.insert(found, (resolved, ""))

    def _take_below(self, directory: str, include: Matcher | None) -> None:
        """The content of a directory; directories that do not match come along if something in them does."""
        start = len(directory) + 1 if directory else 0
        exclude = self._exclude
        if include is None and exclude is None:
            names = self._walk.below(directory)
            self.pairs += (
                [(name, name[start:]) for name in names] if start else zip(names, names, strict=True)
            )
            return
        entries = self._walk.entries
        included: dict[str, int] = {}
        excluded: dict[str, int] = {}
        held: dict[str, str] = {}
        for name in self._walk.below(directory):
            below = name[start:]
            parent = below.rpartition("/")[0]
            wanted = True
            if include is not None:
                wanted, included[below] = include.below(below, included.get(parent, 0))
            if exclude is not None:
                hidden, excluded[below] = exclude.below(below, excluded.get(parent, 0))
                wanted = wanted and not hidden
            if wanted:
                self._release(held, parent)
                self.pairs.append((name, below))
            elif stat.S_ISDIR(entries[name].mode):
                held[below] = name

    def _release(self, held: dict[str, str], parent: str) -> None:
        waiting: Pairs = []
        while parent:
            if parent in held:
                waiting.append((held.pop(parent), parent))
            parent = parent.rpartition("/")[0]
        self.pairs += reversed(waiting)
