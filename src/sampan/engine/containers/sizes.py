"""How much a container's own layer holds. Counted in a thread: a big tree takes seconds."""

import asyncio
import os
from dataclasses import dataclass

from sampan.engine.containers.container import Container
from sampan.engine.containers.services import Services


@dataclass(frozen=True)
class Size:
    rw: int  # bytes the container wrote
    root: int  # with its image


async def size_of(services: Services, container: Container) -> Size:
    written = await asyncio.to_thread(tree_size, str(services.paths_of(container).upper))
    image = services.image(container.record.image_id)
    return Size(written, written + (image.size if image is not None else 0))


def tree_size(path: str) -> int:
    """Sum of the sizes of files, a hard-linked one once, as Docker counts; what vanishes meanwhile is 0."""
    total = 0
    seen: set[tuple[int, int]] = set()
    pending = [path]
    while pending:
        try:
            entries = list(os.scandir(pending.pop()))
        except OSError:
            continue
        for entry in entries:
            try:
                info = entry.stat(follow_symlinks=False)
            except OSError:
                continue
            if entry.is_dir(follow_symlinks=False):
                pending.append(entry.path)
            elif info.st_nlink < 2 or (info.st_dev, info.st_ino) not in seen:
                seen.add((info.st_dev, info.st_ino))
                total += info.st_size if entry.is_file(follow_symlinks=False) else 0
    return total
