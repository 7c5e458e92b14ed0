"""Image layers on disk, in their directory form: layers/<hex of diff ID>/fs, ready to be an overlayfs lower.

A layer is prepared under tmp/, filled by whoever unpacks it, and committed by a rename, so a directory with a
layer's name is whole. Which layers exist is the database's to say: `reconcile` removes the others. A layer is
never changed once committed.
"""

import ctypes
import errno
import os
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from sampan.errors import Failed

_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Prepared:
    """A layer in the making. `fs` is where its files go."""

    path: Path

    @property
    def fs(self) -> Path:
        return self.path / "fs"


class LayerStore:
    """The layers of one data root. `throw` moves trees away at once, as removal must take effect at once."""

    def __init__(self, layers: Path, tmp: Path, throw: Callable[..., None]) -> None:
        self._layers = layers
        self._tmp = tmp
        self._throw = throw

    def path(self, diff_id: str) -> Path:
        """Where the layer's files are, or would be."""
        return self._directory(diff_id) / "fs"

    def exists(self, diff_id: str) -> bool:
        return self.path(diff_id).is_dir()

    def prepare(self) -> Prepared:
        """An empty layer, to be committed or discarded."""
        self._tmp.mkdir(parents=True, exist_ok=True)
        prepared = Prepared(Path(tempfile.mkdtemp(prefix="layer-", dir=self._tmp)))
        prepared.path.chmod(0o755)
        prepared.fs.mkdir()
        prepared.fs.chmod(0o755)
        return prepared

    def commit(self, prepared: Prepared, diff_id: str) -> Path:
        """Make it the layer `diff_id`; one that is there already stays.

        Durable only after `sync`, which several layers, and their blobs, share.
        """
        self._layers.mkdir(parents=True, exist_ok=True)
        try:
            os.rename(prepared.path, self._directory(diff_id))
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
            self.discard(prepared)
        return self.path(diff_id)

    def sync(self) -> None:
        """Make all layers committed so far durable: syncfs(2), one call for thousands of small files.

        Raises Failed when the disk reports an error.
        """
        fd = os.open(self._layers, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            if _libc.syncfs(fd) != 0:
                raise Failed(f"sync {self._layers}: {os.strerror(ctypes.get_errno())}")
        finally:
            os.close(fd)

    def discard(self, prepared: Prepared) -> None:
        self._throw(prepared.path)

    def remove(self, diff_ids: Iterable[str]) -> None:
        """Take layers away at once; their files go in the background."""
        self._throw(*(self._directory(diff_id) for diff_id in diff_ids))

    def reconcile(self, known: set[str]) -> set[str]:
        """Remove what is not in `known`; returns those of `known` that are missing."""
        self._layers.mkdir(parents=True, exist_ok=True)
        found = {entry.name for entry in os.scandir(self._layers)}
        wanted = {self._directory(diff_id).name: diff_id for diff_id in known}
        self._throw(*(self._layers / name for name in found - wanted.keys()))
        return {diff_id for name, diff_id in wanted.items() if name not in found}

    def _directory(self, diff_id: str) -> Path:
        return self._layers / diff_id.removeprefix("sha256:")
