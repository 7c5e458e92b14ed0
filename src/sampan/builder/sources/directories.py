"""Directories that are kept between builds, while there is room and as long as a build uses them."""

import os
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, suppress
from pathlib import Path

from sampan.engine.trash import discard
from sampan.paths import Paths

ARRIVING = "arriving-"


class Kept:
    """<root>/<key>/, with the number of bytes in it in a file "size"; used last when its mtime says."""

    def __init__(
        self,
        paths: Paths,
        root: Path,
        kind: str,
        limit: int,
        stale: Callable[[Path], list[Path]] = lambda place: [],
    ) -> None:
        """`stale`: what in a place may go once nobody uses it."""
        self._paths = paths
        self._root = root
        self._kind = kind
        self._stale = stale
        self._limit = limit  # bytes of what no build uses
        self._used: Counter[str] = Counter()

    def use(self, key: str, stack: AsyncExitStack) -> Path:
        """The directory, which stays until `stack` is closed; it need not be there yet."""
        self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._used[key] += 1
        stack.callback(self._release, key)
        place = self._root / key
        with suppress(OSError):
            os.utime(place)
        return place

    def written(self, place: Path, size: int) -> None:
        (place / "size").write_text(str(size))

    def discard(self, path: Path) -> None:
        """Something in a place, and the place if nothing else is in it."""
        discard(self._paths, path)
        with suppress(OSError):
            path.parent.rmdir()

    def _release(self, key: str) -> None:
        self._used[key] -= 1
        if self._used[key] <= 0:
            del self._used[key]
            discard(self._paths, *self._stale(self._root / key))
            total = 0
            for id, size, _ in sorted(self.usage(), key=lambda item: item[2], reverse=True):
                total += size
                if total > self._limit:
                    self.prune([id])

    def places(self) -> list[Path]:
        try:
            return [Path(item.path) for item in os.scandir(self._root) if item.is_dir(follow_symlinks=False)]
        except OSError:
            return []

    def clear(self) -> None:
        """Remove what an interrupted fetch has left."""
        for place in self.places():
            with suppress(OSError):
                for item in list(os.scandir(place)):
                    if item.name.startswith(ARRIVING):
                        self.discard(Path(item.path))

    def usage(self) -> list[tuple[str, int, float]]:
        """(id, bytes, when it was used last)."""
        found = []
        for place in self.places():
            try:
                size = int((place / "size").read_text())
            except (OSError, ValueError):
                size = 0
            with suppress(OSError):
                found.append((f"{self._kind}:{place.name}", size, place.stat().st_mtime))
        return found

    def prune(self, ids: Sequence[str]) -> int:
        """Those that no build uses. Returns the bytes freed."""
        freed = 0
        for id, size, _ in self.usage():
            key = id.removeprefix(f"{self._kind}:")
            if id in ids and not self._used[key]:
                discard(self._paths, self._root / key)
                freed += size
        return freed
