"""POST /commit: an image from what a container changed."""

from collections.abc import Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, cast

from sampan.engine.containers.documents import CONFIG, normalise
from sampan.engine.containers.manager import Containers
from sampan.engine.containers.merge import merge
from sampan.engine.containers.record import ContainerRecord
from sampan.engine.images import Images
from sampan.engine.images.create import ApplyChanges
from sampan.errors import Conflict, NotFound, SampanError
from sampan.images.pack import Packer
from sampan.paths import Paths
from sampan.specs.oci import reference as references
from sampan.specs.oci.image import ContainerConfig
from sampan.storage import merged


@dataclass(frozen=True)
class CommitRequest:
    """Parameters and body of POST /commit; without `repo` the image has no name, and `changes` are Dockerfile
    instructions.
    """

    container: str
    repo: str = ""
    tag: str = ""
    comment: str = ""
    author: str = ""
    pause: bool = True
    changes: list[str] = field(default_factory=list)
    config: dict[str, Any] | None = None  # None: the container's own


class Commits:
    """Reads what a container wrote from its upper directory; the container itself stays as it is, but for a
    pause.
    """

    def __init__(self, paths: Paths, containers: Containers, images: Images) -> None:
        self._paths = paths
        self._containers = containers
        self._images = images

    async def commit(self, request: CommitRequest) -> str:
        """The new image's ID. Raises NotFound, Invalid, Conflict, Failed."""
        name = image_name(request.repo, request.tag)
        record = self._containers.get(request.container)
        config = committed_config(record, request, self._images.apply_changes)
        _check(record, request.container)
        try:
            base = self._images.get(record.image_id) if record.image_id else None
        except NotFound:
            base = None  # force-removed meanwhile: the layers are gone too
        async with self._paused(record, wanted=request.pause):
            image = await self._images.commit(
                base,
                self._changed(record),
                config=config,
                created_by=" ".join([record.path, *record.args]),
                author=request.author,
                comment=request.comment,
                name=name,
                container=record.id,
                container_config=cast(ContainerConfig, record.config),
            )
        reference = name.with_default_tag().familiar if name else ""
        with suppress(NotFound):  # removed since
            self._containers.emit(
                record, "commit", comment=request.comment, imageID=image.id, imageRef=reference
            )
        return image.id

    def _changed(self, record: ContainerRecord) -> Iterator[bytes]:
        upper = self._paths.container(record.id).upper
        # Without the init layer: what only that has is hidden by no mark in an image's layer.
        below = [lower for lower in self._images.current_lowers(record.lower) if self._images.is_layer(lower)]
        with merged.opened(below) as files:
            try:
                yield from Packer(hides=files.has).pack(str(upper))
            finally:
                # It went with a rename (trash.py): as long as it is there, everything in it was.
                if not upper.exists():
                    raise NotFound(f"No such container: {record.id}")

    @asynccontextmanager
    async def _paused(self, record: ContainerRecord, *, wanted: bool) -> Any:
        if not wanted or not record.state.running or record.state.paused:
            yield
            return
        # It may end, or be killed, at any moment, and an ended one needs no pause: as dockerd, which goes on.
        try:
            await self._containers.pause(record.id)
        except SampanError:
            yield
            return
        try:
            yield
        finally:
            with suppress(SampanError):
                await self._containers.unpause(record.id)


def image_name(repo: str, tag: str) -> references.Reference | None:
    """Raises Invalid."""
    if not repo:
        return None
    name = references.parse(repo)
    return name.with_tag(tag) if tag else name.with_default_tag()


def committed_config(
    record: ContainerRecord, request: CommitRequest, apply_changes: ApplyChanges
) -> ContainerConfig:
    """The request's config, changed by its instructions, and filled from the container's. Raises Invalid."""
    own = record.config if request.config is None else normalise(request.config, CONFIG, "Config")
    changed = {**own}
    if request.changes:
        changed = cast(dict[str, Any], apply_changes(cast(ContainerConfig, changed), request.changes))
    merge(changed, record.config)
    return cast(ContainerConfig, changed)


def _check(record: ContainerRecord, ref: str) -> None:
    if record.state.dead:
        raise Conflict(f"You cannot commit container {ref} which is Dead")
    if record.state.removing:
        raise Conflict(f"You cannot commit container {ref} which is being removed")
