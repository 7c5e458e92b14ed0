"""Which form new layers get: tried once at start, on the very file system."""

import errno
import logging
import os
import tempfile
from pathlib import Path

from sampan.errors import Unsupported
from sampan.images.erofs import empty_image
from sampan.linux import erofs
from sampan.storage.layers import LayerStore

log = logging.getLogger("sampan.images")

_REASONS = {
    errno.ENODEV: "the kernel has no EROFS",
    errno.ENOTBLK: "mounting image files takes Linux 6.12 and a file system such as ext4, XFS or btrfs",
    errno.EINVAL: "the kernel's EROFS takes no blocks of 512 bytes",
}


def choose(layers: LayerStore, tmp: Path, wanted: str) -> None:
    """Set the store's form: the tar with an index wherever it can be mounted, unless `wanted` says else.

    Raises Unsupported when what is wanted cannot be.
    """
    problem = try_erofs(tmp)
    layers.mountable = not problem
    if wanted == "erofs" and problem:
        raise Unsupported(f"storage-opt sampan.layers=erofs: {problem}")
    layers.form = "directory" if problem or wanted == "directory" else "erofs"
    log.info("layers are kept as %s%s", layers.form, f": {problem}" if problem else "")


def try_erofs(directory: Path) -> str:
    """Why a layer below `directory` could not be mounted; "" when it can. Nothing is attached anywhere."""
    with tempfile.TemporaryDirectory(dir=directory, prefix="form-") as made:
        index, tar = Path(made, "index.erofs"), Path(made, "layer.tar")
        index.write_bytes(empty_image())
        tar.write_bytes(bytes(512))
        try:
            os.close(erofs.mount(str(index), str(tar)))
        except OSError as error:
            return _REASONS.get(error.errno or 0, f"mounting an EROFS image: {error.strerror}")
    return ""
