"""Images made here: imported from a tar, committed from a container."""

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass

import sampan
from sampan.engine.images.ingest import add_layer, add_local_layer, staging
from sampan.engine.images.store import Image, ImageStore, NewImage
from sampan.errors import Invalid
from sampan.images import config as image_config
from sampan.images.config import empty_container_config
from sampan.specs.golang import time as times
from sampan.specs.oci.image import ContainerConfig
from sampan.specs.oci.platform import Platform, machine, parse
from sampan.specs.oci.reference import Reference

# A new config with instructions of a Dockerfile applied in order, which are the builder's to read. Raises
# Invalid in Docker's words.
ApplyChanges = Callable[[ContainerConfig, Sequence[str]], ContainerConfig]


@dataclass(frozen=True)
class Import:
    """How a tar becomes an image. `created` is now unless given; `version` goes into docker_version."""

    name: Reference | None = None
    changes: Sequence[str] = ()
    message: str = ""
    platform: str = ""
    created: str = ""
    version: str = sampan.__version__


async def import_image(
    store: ImageStore,
    chunks: AsyncIterator[bytes] | Iterable[bytes],
    how: Import,
    apply_changes: ApplyChanges,
) -> Image:
    """An image of one layer from a tar stream. Raises Invalid for bad changes or a bad archive.

    What is not asynchronous is consumed in a thread.
    """
    config = empty_container_config()
    if how.changes:
        config = apply_changes(config, how.changes)
    platform = parse(how.platform) if how.platform else Platform("linux", *machine())
    if platform.os != "linux":
        raise Invalid("operating system is not supported")
    async with staging(store) as staged:
        if isinstance(chunks, AsyncIterator):
            layer = await add_layer(store, staged, chunks)
        else:
            layer = await add_local_layer(store, staged, chunks)
        document = image_config.imported(
            config,
            layer.diff_id,
            created=how.created or times.now(),
            message=how.message,
            version=how.version,
            platform=(platform.os, platform.architecture, platform.variant),
        )
        new = NewImage(image_config.dump(document), [how.name] if how.name else [])
        return (await store.commit(staged, [new]))[0]


async def commit_image(
    store: ImageStore,
    base: Image | None,
    diff: Iterable[bytes],
    *,
    config: ContainerConfig,
    created_by: str = "",
    author: str = "",
    comment: str = "",
    name: Reference | None = None,
    container: str = "",
    container_config: ContainerConfig | None = None,
    created: str = "",
) -> Image:
    """The child of `base` with the layer whose tar is `diff`, which is consumed in a thread."""
    async with staging(store) as staged:
        for diff_id in base.diff_ids if base else ():
            store.reuse(staged, diff_id)  # the base may be removed meanwhile
        layer = await add_local_layer(store, staged, diff)
        document = image_config.committed(
            base.config if base else None,
            config,
            layer.diff_id,
            created=created or times.now(),
            created_by=created_by,
            author=author,
            comment=comment,
            version=sampan.__version__,
            container=container,
            container_config=container_config,
        )
        new = NewImage(image_config.dump(document), [name] if name else [], base.id if base else "")
        return (await store.commit(staged, [new]))[0]
