"""The image manager: one method per thing that can be asked of images."""

import logging
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sampan.db.sqlite import Store
from sampan.engine.events import Events
from sampan.engine.images import create
from sampan.engine.images.store import Image, ImageStore
from sampan.images.references import Reference
from sampan.paths import Paths
from sampan.specs.oci_image import ContainerConfig

log = logging.getLogger("sampan.images")


@dataclass(frozen=True)
class Use:
    """A container that uses an image."""

    id: str
    running: bool
    image: str  # the reference it was made from


class Images:
    """`in_use` tells which containers use an image; the container manager sets it."""

    def __init__(self, paths: Paths, store: Store, events: Events, **_: Any) -> None:
        self.paths = paths
        self.store = ImageStore(store, paths)
        self._events = events
        self.in_use: Callable[[str], Iterable[Use]] = lambda image: ()

    async def start(self) -> None:
        for problem in self.store.start():
            log.error("%s", problem)

    async def stop(self) -> None:
        return None

    def get(self, text: str) -> Image:
        """By reference, ID, or the beginning of an ID. Raises NotFound or Invalid in Docker's words."""
        return self.store.get(text)

    def lower_dirs(self, image: Image) -> list[str]:
        """The image's layers as overlayfs takes them: absolute, top-most first."""
        return [str(self.store.layer_files.path(diff_id)) for diff_id in reversed(image.diff_ids)]

    async def import_(
        self,
        chunks: AsyncIterator[bytes],
        *,
        name: Reference | None = None,
        changes: Sequence[str] = (),
        message: str = "",
        platform: str = "",
    ) -> Image:
        """An image of one layer from a tar stream. Raises Invalid for bad changes or a bad archive."""
        image = await create.import_image(
            self.store, chunks, name=name, changes=changes, message=message, platform=platform
        )
        self.log("import", image)
        return image

    async def commit(
        self, base: Image | None, diff: Iterable[bytes], *, config: ContainerConfig, **options: Any
    ) -> Image:
        """The child of `base` with the layer whose tar is `diff`; options as `create.commit_image`."""
        return await create.commit_image(self.store, base, diff, config=config, **options)

    def log(self, action: str, image: Image, name: str = "") -> None:
        """Emit an image event as Docker does: labels, and the name it was known by."""
        attributes = {**image.labels}
        if name or image.repo_tags:
            attributes["name"] = name or image.repo_tags[0]
        self._events.emit("image", action, image.id, attributes)

    def layer_directory(self, diff_id: str) -> Path:
        return self.store.layer_files.path(diff_id)
