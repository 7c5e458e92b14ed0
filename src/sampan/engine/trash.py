"""Deleting trees without anyone waiting: a rename into the trash, then a thread that empties it.

The daemon may exit at any moment without waiting for that thread: the next start goes on with the trash.
"""

import os
import shutil
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from sampan.paths import Paths

# One for the whole process: starting a thread per tree cost more than most trees, and two would only meet.
_worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="trash")


def discard(paths: Paths, *trees: Path) -> None:
    """Move trees out of sight at once; their bytes go in the background. Missing ones are fine."""
    for tree in trees:
        away = paths.trash / uuid.uuid4().hex
        with suppress(FileNotFoundError):
            os.rename(tree, away)
            _worker.submit(_remove, away)


def empty(paths: Paths) -> None:
    """What an earlier daemon left."""
    for entry in os.scandir(paths.trash):
        _worker.submit(_remove, Path(entry.path))


def remove_later(tree: Path) -> None:
    """For a tree nobody looks at any more, on another filesystem than the trash."""
    _worker.submit(_remove, tree)


def wait_emptied() -> None:
    """Until everything thrown away so far is gone."""
    _worker.submit(int).result()


def _remove(tree: Path) -> None:
    if tree.is_dir() and not tree.is_symlink():
        shutil.rmtree(tree, ignore_errors=True)
    else:
        with suppress(OSError):
            tree.unlink()
