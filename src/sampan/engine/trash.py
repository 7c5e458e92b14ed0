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
    with suppress(OSError):
        if not tree.is_dir() or tree.is_symlink():
            tree.unlink()
            return
        with suppress(RecursionError):
            shutil.rmtree(tree, ignore_errors=True)
        if tree.exists():
            _remove_deep(tree)


def _remove_deep(tree: Path) -> None:
    """Nested deeper than rmtree's calls and descriptors go: what is inside comes up."""
    pending = [tree]
    while pending:
        directory = pending.pop()
        for entry in os.scandir(directory):
            if not entry.is_dir(follow_symlinks=False):
                os.unlink(entry.path)
                continue
            up = tree / uuid.uuid4().hex
            os.rename(entry.path, up)
            pending.append(up)
        if directory != tree:
            directory.rmdir()
    tree.rmdir()
