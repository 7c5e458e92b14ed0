"""The images that a Dockerfile names: found here, or pulled with the requester's credentials."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from sampan.builder.credentials import credentials_for
from sampan.builder.plan.bases import Base, NeededBase
from sampan.builder.progress import Progress
from sampan.builder.requester import Requester
from sampan.builder.solve import layouts
from sampan.builder.solve.vertices import Counter, vertex_progress
from sampan.builder.trees import Snapshot
from sampan.engine.images import Image, Images
from sampan.engine.images.progress import Line
from sampan.engine.images.pull import Pull
from sampan.engine.images.store import Staging
from sampan.errors import Denied, Failed, Invalid, NotFound, SampanError, Unauthorized, Unavailable
from sampan.specs.oci import platform as platforms
from sampan.specs.oci import reference as references
from sampan.specs.oci.platform import Platform
from sampan.specs.oci.reference import Reference

DOCKER_IMAGE = "docker-image://"


class Results(Protocol):
    """What earlier builds have made, as far as somebody still holds it."""

    def get(self, id: str) -> tuple[Snapshot, Mapping[str, Any]]: ...  # raises NotFound


@dataclass(eq=False)
class ImageResolver:
    """One build's. Every image is looked up once; its layers stay until the staging ends."""

    images: Images
    requester: Requester
    staging: Staging
    progress: Progress
    results: Results
    pull: bool = False
    salt: str = ""
    snapshots: dict[str, Snapshot] = field(default_factory=dict)
    fetched: set[str] = field(default_factory=set)  # image IDs that were not here before

    async def resolve(self, needed: NeededBase) -> Base:
        """Raises what went wrong, in BuildKit's words."""
        kind, _, rest = needed.source.partition(":")
        if kind == "input":
            snapshot, config = self.results.get(rest)
            self.keep_result(rest, snapshot)
            return Base(reference=rest, image_id="", config=config)
        vertex = vertex_progress(self.progress, f"{self.salt}/{needed.platform}", needed.vertex)
        vertex.announce()
        if needed.source.startswith(layouts.SCHEME):
            with vertex.running():
                return await self._layout(needed)
        with vertex.running():
            image, reference = await self._image(needed, vertex.counter())
        for diff_id in image.diff_ids:
            self._keep(diff_id)
        self.images.store.use(image)
        self.snapshots[image.id] = Snapshot(image.diff_ids)
        return Base(reference=str(reference), image_id=image.id, config=image.config)

    async def _layout(self, needed: NeededBase) -> Base:
        platform = platforms.parse(needed.platform)
        found = await layouts.bring(needed.source, platform, self.requester, self.images.store, self.staging)
        self.snapshots[found.id] = Snapshot(found.diff_ids)
        reference = needed.source.removeprefix(layouts.SCHEME).removeprefix("//")
        return Base(reference=reference, image_id=found.id, config=found.config)

    def keep_result(self, id: str, snapshot: Snapshot) -> None:
        """A result that steps take files from."""
        self.snapshots[f"input:{id}"] = snapshot
        for diff_id in snapshot.layers:
            self._keep(diff_id)

    def _keep(self, diff_id: str) -> None:
        if diff_id not in self.staging.layers:
            self.images.store.reuse(self.staging, diff_id)

    async def _image(self, needed: NeededBase, counter: Counter) -> tuple[Image, Reference]:
        if not needed.source.startswith(DOCKER_IMAGE):
            raise NotFound(f"unsupported context source {needed.source.partition(':')[0]}")
        reference = references.parse(needed.source.removeprefix(DOCKER_IMAGE)).with_default_tag()
        platform = platforms.parse(needed.platform)
        if not self.pull and (found := self._local(reference, platform)):
            return found, reference
        before = set(self.images.store.images)
        try:
            image = await self._pulled(reference, platform, counter)
        except SampanError as error:
            kind = next((kind for kind in _KINDS if isinstance(error, kind)), Failed)
            why = error.message
            if why.startswith(("manifest for ", "repository ")) and isinstance(error, NotFound):
                why = f"{reference}: not found"  # BuildKit's words
            raise kind(
                f"failed to resolve source metadata for {reference}: {why}", hint=error.hint
            ) from error
        if image.id not in before:
            self.fetched.add(image.id)
        return image, reference

    def _local(self, reference: Reference, platform: Platform) -> Image | None:
        image = self.images.store.find(str(reference))
        if image is None or not platforms.matches(dict(image.config), platform):
            return None
        return image

    async def _pulled(self, reference: Reference, platform: Platform, counter: Counter) -> Image:
        """Under its name, as `docker pull`: the next build needs no network."""
        store = self.images.store
        host = platforms.host()
        named = store.references.get(str(reference))
        foreign = platform != host and named is not None
        credentials = await credentials_for(self.requester, reference)

        def put(line: Line) -> None:
            detail = line.get("progressDetail")
            if detail and line.get("id"):
                counter(f"{line['status'].lower()} {line['id']}", detail["current"], detail["total"])

        await self.images.remote.pull(Pull(reference, platform, credentials), put)
        counter.done()
        image = store.get(str(reference))
        if foreign and named in store.images and image.id != named:
            # Another machine's image was wanted for once: whoever runs this name wants this machine's.
            self._keep_all(image)
            store.name([(reference, str(named))])
        return image

    def _keep_all(self, image: Image) -> None:
        for diff_id in image.diff_ids:
            self._keep(diff_id)


_KINDS: tuple[type[SampanError], ...] = (NotFound, Denied, Unauthorized, Unavailable, Invalid)
