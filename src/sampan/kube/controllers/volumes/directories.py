"""Directories of hostPath volumes that are deleted with them, on the machine of the controllers."""

import asyncio
import os
import shutil

from sampan.kube.client.recorder import WARNING
from sampan.kube.controllers.events import Event


async def delete_directory(path: str) -> Event | None:
    """None: it has gone. The event of what went wrong."""
    try:
        await asyncio.to_thread(_remove, path)
    except OSError as error:
        return Event(WARNING, "VolumeFailedDelete", f"{error.filename or path}: {error.strerror}")
    return None


def _remove(path: str) -> None:
    """A link goes itself, not where it leads."""
    try:
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path)
        else:
            os.unlink(path)
    except FileNotFoundError:
        pass
