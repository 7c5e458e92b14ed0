"""How much a container's own layer holds. Counted in a thread: a big tree takes seconds."""

import asyncio
from dataclasses import dataclass

from sampan.engine.containers.record import ContainerRecord
from sampan.engine.images import Images
from sampan.paths import Paths
from sampan.storage.sizes import tree_size


@dataclass(frozen=True)
class Size:
    rw: int  # bytes the container wrote
    root: int  # with its image


@dataclass(frozen=True)
class Sizes:
    paths: Paths
    images: Images

    async def of(self, record: ContainerRecord) -> Size:
        written = await asyncio.to_thread(tree_size, str(self.paths.container(record.id).upper))
        image = self.images.find(record.image_id)
        return Size(written, written + (image.size if image is not None else 0))
