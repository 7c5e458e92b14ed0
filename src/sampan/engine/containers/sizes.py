"""How much a container's own layer holds. Counted in a thread: a big tree takes seconds."""

import asyncio
from dataclasses import dataclass

from sampan.engine.containers.container import Container
from sampan.engine.containers.services import Services
from sampan.storage.sizes import tree_size


@dataclass(frozen=True)
class Size:
    rw: int  # bytes the container wrote
    root: int  # with its image


async def size_of(services: Services, container: Container) -> Size:
    written = await asyncio.to_thread(tree_size, str(services.paths_of(container).upper))
    image = services.image(container.record.image_id)
    return Size(written, written + (image.size if image is not None else 0))
