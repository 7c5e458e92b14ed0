"""Which paths a client needs to look at for what is copied: patterns, and what links on their way name.

As fsutil's FollowLinks. All steps are taken below the root, whatever changes meanwhile.
"""

import os
import stat
from collections.abc import Iterable

from sampan.errors import Invalid
from sampan.linux.openat2 import RESOLVE_IN_ROOT, openat2
from sampan.specs.golang.match import compile_match, has_wildcards
from sampan.specs.golang.path import clean

MAX_LINKS = 255


def follow(root: int, paths: Iterable[str]) -> tuple[str, ...]:
    """Patterns that include `paths` and all that lies behind links in them; (): everything.

    As with BuildKit's clients, a directory in which a wildcard finds nothing is not among it.
    `root` is the directory's descriptor. Raises Invalid for a bad pattern.
    """
    resolver = _Resolver(root)
    for path in paths:
        try:
            resolver.add(path)
        except Invalid as error:
            raise Invalid(f"invalid includepatterns: [{path}]: {error.message}") from None
    found: list[str] = []
    for path in sorted(resolver.resolved):
        if path == ".":
            return ()
        if not (found and path.startswith(found[-1] + "/")):
            found.append(path)
    return tuple(found)


class _Resolver:
    def __init__(self, root: int) -> None:
        self._root = root
        self._links = 0
        self.resolved: set[str] = set()

    def add(self, path: str) -> None:
        """Walk down component by component; a link makes its target, with what follows, one more path."""
        pending = [clean("/" + path)[1:]]
        while pending:
            rest, current = pending.pop(), "."
            while True:
                part, _, rest = rest.partition("/")
                current = clean(f"{current}/{part}")
                targets = self._targets(current)
                if targets or not rest:
                    if current in self.resolved:
                        break
                    self.resolved.add(current)
                    pending += [clean(f"{target}/{rest}")[1:] for target in targets]
                    self._links += len(targets)
                    if self._links > MAX_LINKS * 16:
                        raise Invalid(f"too many links in {path}")
                    break

    def _targets(self, path: str) -> list[str]:
        directory, _, base = path.rpartition("/")
        if not has_wildcards(base):
            return self._target(path)
        pattern = compile_match(base)
        found: list[str] = []
        for name in self._names(directory):
            if pattern.fullmatch(name):
                found += self._target(f"{directory}/{name}" if directory else name)
        return found

    def _names(self, directory: str) -> list[str]:
        try:
            fd = self._open(directory or ".", os.O_RDONLY | os.O_DIRECTORY)
        except OSError:
            return []
        try:
            return sorted(os.listdir(fd))
        finally:
            os.close(fd)

    def _target(self, path: str) -> list[str]:
        try:
            fd = self._open(path, os.O_PATH | os.O_NOFOLLOW)
        except (OSError, ValueError):
            return []
        try:
            if not stat.S_ISLNK(os.fstat(fd).st_mode):
                return []
            link = os.readlink("", dir_fd=fd)
        finally:
            os.close(fd)
        return [clean(link if link.startswith("/") else f"/{os.path.dirname(path)}/{link}")]

    def _open(self, path: str, flags: int) -> int:
        return openat2(self._root, os.fsencode(path), flags, RESOLVE_IN_ROOT)
