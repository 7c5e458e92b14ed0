"""Image layers on disk, each in one of two forms, ready to be overlayfs lowers.

    layers/<hex of diff ID>/fs             directory: the layer's files
    layers/<hex of diff ID>/layer.tar      erofs: its tar, if it can be the very file of a blob,
                            index.erofs    and an EROFS image whose files lie in the tar

A layer is prepared under tmp/, filled by whoever unpacks it, and committed by a rename, so a directory with a
layer's name is whole. Which layers exist is the database's to say: `reconcile` removes the others. A layer is
never changed once committed. Both forms may lie side by side.
"""

import errno
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sampan.errors import Failed
from sampan.linux import durable, erofs
from sampan.storage.mounts import LayerMounts

Form = Literal["directory", "erofs"]
_FILES, _TAR, _INDEX = "fs", "layer.tar", "index.erofs"


@dataclass(frozen=True)
class Prepared:
    """A layer in the making: either `files` is filled, or a tar and `put_index`."""

    path: Path

    @property
    def tar(self) -> Path:
        return self.path / _TAR

    def files(self) -> Path:
        """The directory form's root, made."""
        fs = self.path / _FILES
        fs.mkdir()
        fs.chmod(0o755)
        return fs

    def link_tar(self, blob: Path) -> None:
        """Make a blob the layer's tar: one file with two names where the file system can."""
        try:
            os.link(blob, self.tar)
        except OSError as error:
            if error.errno not in (errno.EXDEV, errno.EMLINK, errno.EPERM):
                raise Failed(f"link {blob}: {error.strerror}") from error
            self._copy(blob)

    def _copy(self, blob: Path) -> None:
        try:
            shutil.copyfile(blob, self.tar)
        except OSError as error:
            raise Failed(f"copy {blob}: {error.strerror}") from error

    def put_index(self, image: bytes) -> None:
        (self.path / _INDEX).write_bytes(image)


class LayerStore:
    """The layers of one data root. `throw` moves trees away at once, as removal must take effect at once.

    `form` is what new layers are made in; `mountable` says whether the kernel can use the erofs form at all.
    """

    def __init__(self, layers: Path, tmp: Path, throw: Callable[..., None]) -> None:
        self.form: Form = "directory"
        self.mountable = False
        self.mounts = LayerMounts()
        self._layers = layers
        self._tmp = tmp
        self._throw = throw

    def lower(self, diff_id: str) -> str:
        """The layer in a list of lowers: see linux/erofs.py. For one that is missing, its directory form."""
        place = self._directory(diff_id)
        index = f"{place}/{_INDEX}"
        return erofs.lower(index, f"{place}/{_TAR}") if os.path.exists(index) else f"{place}/{_FILES}"

    def tar(self, diff_id: str) -> Path | None:
        """Its tar, where the layer's form keeps one."""
        path = self._directory(diff_id) / _TAR
        return path if path.exists() else None

    def current(self, lower: str) -> str:
        """A lower told earlier, as it is now: a layer may have been made anew in the other form."""
        place = Path(erofs.directory(lower) if lower.startswith("erofs:") else os.path.dirname(lower))
        return self.lower(place.name) if place.parent == self._layers else lower

    def diff_id(self, lower: str) -> str | None:
        """Whose layer a lower is, if it is one."""
        place = Path(erofs.directory(lower) if lower.startswith("erofs:") else os.path.dirname(lower))
        return f"sha256:{place.name}" if place.parent == self._layers else None

    def exists(self, diff_id: str) -> bool:
        """Whether it is there in a form that can be used."""
        place = self._directory(diff_id)
        if (place / _FILES).is_dir():
            return True
        return self.mountable and (place / _INDEX).exists() and (place / _TAR).exists()

    def prepare(self) -> Prepared:
        """An empty layer, to be committed or discarded."""
        self._tmp.mkdir(parents=True, exist_ok=True)
        prepared = Prepared(Path(tempfile.mkdtemp(prefix="layer-", dir=self._tmp)))
        prepared.path.chmod(0o755)
        return prepared

    def commit(self, prepared: Prepared, diff_id: str) -> str:
        """Make it the layer `diff_id`; one that is there already stays. Returns the lower.

        Durable only after `sync`, which several layers, and their blobs, share.
        """
        self._layers.mkdir(parents=True, exist_ok=True)
        try:
            os.rename(prepared.path, self._directory(diff_id))
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
            self.discard(prepared)
        return self.lower(diff_id)

    def sync(self) -> None:
        """Make all layers committed so far durable. Raises Failed when the disk reports an error."""
        durable.sync_filesystem(self._layers)

    def discard(self, prepared: Prepared) -> None:
        self._throw(prepared.path)

    def remove(self, diff_ids: Iterable[str]) -> None:
        """Take layers away at once; their files go in the background."""
        places = [self._directory(diff_id) for diff_id in diff_ids]
        for place in places:
            self.mounts.drop(str(place))
        self._throw(*places)

    def reconcile(self, known: set[str]) -> set[str]:
        """Remove what is not in `known`, or cannot be used; returns those of `known` that are missing."""
        self._layers.mkdir(parents=True, exist_ok=True)
        missing = {diff_id for diff_id in known if not self.exists(diff_id)}
        wanted = {self._directory(diff_id).name for diff_id in known - missing}
        found = {entry.name for entry in os.scandir(self._layers)}
        self._throw(*(self._layers / name for name in found - wanted))
        return missing

    def _directory(self, diff_id: str) -> Path:
        return self._layers / diff_id.removeprefix("sha256:")
