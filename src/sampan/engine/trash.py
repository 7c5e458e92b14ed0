"""Deleting trees without anyone waiting: a rename into the trash, then a thread that empties it."""

import os
import shutil
import threading
import uuid
from contextlib import suppress
from pathlib import Path

from sampan.paths import Paths


def discard(paths: Paths, *trees: Path) -> None:
    """Move trees out of sight at once; their bytes go in the background. Missing ones are fine."""
    moved = False
    for tree in trees:
        with suppress(FileNotFoundError):
            os.rename(tree, paths.trash / uuid.uuid4().hex)
            moved = True
    if moved:
        empty(paths)


def empty(paths: Paths) -> None:
    threading.Thread(target=_empty, args=(paths.trash,), name="trash", daemon=True).start()


def _empty(trash: Path) -> None:
    for entry in os.scandir(trash):
        if entry.is_dir(follow_symlinks=False):
            # Several of these threads may meet on one tree: whoever comes second finds less.
            shutil.rmtree(entry.path, ignore_errors=True)
        else:
            with suppress(OSError):
                os.unlink(entry.path)


def remove_tree(tree: Path) -> None:
    """For small trees beside the data root, such as those in memory under the exec root."""
    shutil.rmtree(tree, ignore_errors=True)
