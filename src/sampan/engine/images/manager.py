"""The image manager: one method per thing that can be asked of images."""

import logging
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sampan.db.sqlite import Store
from sampan.engine.events import Events
from sampan.engine.images import create
from sampan.engine.images.create import Import
from sampan.engine.images.store import Image, ImageStore
from sampan.errors import Invalid
from sampan.images.references import Reference
from sampan.paths import Paths
from sampan.specs.oci_image import ContainerConfig
from sampan.storage.init_layer import make_init_layer

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
        make_init_layer(self.paths.init_layer)
        for problem in self.store.start():
            log.error("%s", problem)

    async def stop(self) -> None:
        return None

    def get(self, text: str) -> Image:
        """By reference, ID, or the beginning of an ID. Raises NotFound or Invalid in Docker's words."""
        return self.store.get(text)

    def lower_dirs(self, image: Image) -> list[str]:
        """The image's layers as overlayfs takes them: absolute, top-most first, the init layer last."""
        layers = [str(self.store.layer_files.path(diff_id)) for diff_id in reversed(image.diff_ids)]
        return [*layers, str(self.paths.init_layer)]

    async def import_(self, chunks: AsyncIterator[bytes] | Iterable[bytes], how: Import) -> Image:
        """An image of one layer from a tar stream. Raises Invalid for bad changes or a bad archive."""
        image = await create.import_image(self.store, chunks, how)
        self.log("import", image)
        return image

    def tag(self, image: Image, reference: Reference) -> None:
        """Give the image a name, taking it from whichever had it. Raises Invalid for a digest."""
        if reference.digest:
            raise Invalid("refusing to create a tag with a digest reference")
        reference = reference.with_default_tag()
        self.store.name([(reference, image.id)])
        self.log("tag", self.store.images[image.id], reference.familiar)

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
