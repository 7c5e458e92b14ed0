"""The image manager: one method per thing that can be asked of images."""

import logging
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from typing import Any

from sampan.db.sqlite import Store
from sampan.engine.daemon.config import DaemonConfig
from sampan.engine.daemon.configfile import layer_form
from sampan.engine.events import Event, Events, Subscription
from sampan.engine.images import create, documents, forms, listing, manifests
from sampan.engine.images.create import ApplyChanges, Import
from sampan.engine.images.documents import Version
from sampan.engine.images.ingest import restore_layers, staging
from sampan.engine.images.listing import Filters
from sampan.engine.images.load import load
from sampan.engine.images.pipes import pieces
from sampan.engine.images.progress import Send
from sampan.engine.images.remote import Remote
from sampan.engine.images.remove import Removal, Use
from sampan.engine.images.save import archive, choose, for_platform
from sampan.engine.images.store import Image, ImageStore
from sampan.errors import Invalid, SampanError
from sampan.paths import Paths
from sampan.specs.oci.image import ContainerConfig
from sampan.specs.oci.platform import Platform
from sampan.specs.oci.reference import Reference
from sampan.storage.init_layer import make_init_layer
from sampan.tasks import Tasks

log = logging.getLogger("sampan.images")


class Images:
    """All images of one engine.

    `in_use`: which containers use an image. Who needs layers beside images and containers says so to
    `store.keep_for`.
    """

    def __init__(
        self,
        *,
        config: DaemonConfig,
        paths: Paths,
        store: Store,
        events: Events,
        in_use: Callable[[str], Iterable[Use]],
        apply_changes: ApplyChanges,
    ) -> None:
        self.paths = paths
        self.apply_changes = apply_changes
        self.store = ImageStore(store, paths)
        self.store.keep_for(self.held_by_containers)
        self._in_use = in_use
        self._layer_form = layer_form(config.storage_opts)
        self._rows = store
        self._events = events
        self._tasks = Tasks()
        self.remote = Remote(config, store, self.store, self.log)

    async def start(self) -> None:
        """Bring rows and disk together. A broken image is left out, and logged."""
        make_init_layer(self.paths.init_layer)
        forms.choose(self.store.layer_files, self.paths.tmp, self._layer_form)
        if missing := self.store.start():
            log.warning("%d layers are missing: unpacking them again", len(missing))
            await restore_layers(self.store, missing)
        self.remote.start()
        for problem in self.store.load():
            log.error("%s", problem)
        subscription = self._events.subscribe(_container_destroyed)
        self._tasks.spawn(self._collect(subscription))

    async def stop(self) -> None:
        await self.remote.stop()
        self.store.layer_files.mounts.close()
        await self._tasks.stop()

    async def _collect(self, subscription: Subscription) -> None:
        """A container may outlive its image; the layers go with the container then."""
        try:
            while await subscription.get() is not None:
                self.store.collect()
        finally:
            self._events.unsubscribe(subscription)

    def held_by_containers(self) -> set[str]:
        """Diff IDs of the layers containers were made from."""
        lowers = [lower for _, row in self._rows.list("containers/") for lower in row.get("lower") or []]
        return {found for lower in lowers if (found := self.store.layer_files.diff_id(lower))}

    # Asking

    def get(self, text: str) -> Image:
        """By reference, ID, or the beginning of an ID. Raises NotFound or Invalid in Docker's words."""
        return self.store.get(text)

    def find(self, text: str) -> Image | None:
        """As `get`; None for what cannot be found."""
        try:
            return self.store.get(text)
        except SampanError:
            return None

    def all(self) -> list[Image]:
        return list(self.store.images.values())

    def lower_dirs(self, image: Image) -> list[str]:
        """The image's layers, top-most first, the init layer last: directories and linux/erofs.py's.

        Each once: overlayfs refuses to have one twice, and a layer hides all that it holds itself, so what
        lies further down under the same diff ID is never seen.
        """
        found = dict.fromkeys(reversed(image.diff_ids))
        return [*map(self.store.layer_files.lower, found), str(self.paths.init_layer)]

    def layer_mounts(self, lowers: Sequence[str]) -> dict[int, int]:
        """Mounts that containers share, by position in what `lower_dirs` told; the caller closes them."""
        return self.store.layer_files.mounts.get(lowers)

    def current_lowers(self, lowers: Iterable[str]) -> list[str]:
        """What `lower_dirs` once told, as it is now: a layer may have changed its form since."""
        return [self.store.layer_files.current(lower) for lower in lowers]

    def is_layer(self, lower: str) -> bool:
        """Whether a lower is an image's layer: the init layer is none."""
        return self.store.layer_files.diff_id(lower) is not None

    def select(
        self, filters: Filters, *, all: bool = False, shared_size: bool = False, version: Version = (1, 51)
    ) -> list[dict[str, Any]]:
        """GET /images/json. Raises Invalid, NotFound."""
        return listing.list_images(
            self.store,
            filters,
            all=all,
            shared_size=shared_size,
            version=version,
            containers=lambda id: len(list(self._in_use(id))),
        )

    def inspect(self, text: str, version: Version = (1, 51)) -> dict[str, Any]:
        """GET /images/{name}/json. Raises NotFound, Invalid."""
        return documents.inspect(self.store, self.get(text), version)

    def history(self, text: str) -> list[dict[str, Any]]:
        """GET /images/{name}/history. Raises NotFound, Invalid."""
        return documents.history(self.store, self.get(text))

    def layers_size(self) -> int:
        """Bytes of all layers, each counted once: what `docker system df` calls the images' size."""
        return sum(layer.size for layer in self.store.layers.values())

    # Changing

    def tag(self, image: Image, reference: Reference) -> None:
        """Give the image a name, taking it from whichever had it. Raises Invalid for a digest."""
        if reference.digest:
            raise Invalid("refusing to create a tag with a digest reference")
        reference = reference.with_default_tag()
        self.store.name([(reference, image.id)])
        self.log("tag", image.id, reference.familiar)

    def remove(self, text: str, *, force: bool = False, prune: bool = True) -> list[dict[str, str]]:
        """`docker rmi`; returns what was untagged and deleted. Raises NotFound, Conflict."""
        if self.store.find(text) is None and (records := self.remote.artifacts.untag(text)):
            return records
        removal = self._removal()
        removal.remove(text, force=force, prune=prune)
        return removal.records

    def prune(self, filters: Filters) -> dict[str, Any]:
        """`docker image prune`. Raises Invalid for bad filters."""
        removal = self._removal()
        removal.prune(filters)
        removal.freed += self.remote.downloads.forget_partials()
        self._events.emit("image", "prune", "", {"reclaimed": str(removal.freed)})
        return removal.document()

    def _removal(self) -> Removal:
        return Removal(self.store, self._in_use, self.log)

    async def import_(self, chunks: AsyncIterator[bytes] | Iterable[bytes], how: Import) -> Image:
        """An image of one layer from a tar. Raises Invalid for bad changes, Failed for a bad archive."""
        image = await create.import_image(self.store, chunks, how, self.apply_changes)
        self._log_tag(image, how.name)
        self.log("import", image.id)
        return image

    async def commit(
        self, base: Image | None, diff: Iterable[bytes], *, config: ContainerConfig, **options: Any
    ) -> Image:
        """The child of `base` with the layer whose tar is `diff`; options as `create.commit_image`."""
        image = await create.commit_image(self.store, base, diff, config=config, **options)
        self._log_tag(image, options.get("name"))
        return image

    async def load(
        self, chunks: AsyncIterator[bytes], *, platform: Platform, quiet: bool, send: Send
    ) -> list[Image]:
        """`docker load`. Raises Failed for a bad archive; then nothing of it stays."""
        images = await load(self.store, chunks, platform=platform, quiet=quiet, send=send)
        for image in images:
            self.log("load", image.id)
        return images

    async def save(self, names: Sequence[str], platform: Platform | None = None) -> AsyncIterator[bytes]:
        """`docker save` as a stream of pieces. Raises NotFound or Invalid before the first one."""
        saved = choose(self.store, names)
        for_platform(saved, platform)
        async with staging(self.store) as staged:
            for item in saved:
                # An image removed meanwhile stays until it is written.
                self.store.pin(staged, item.image.id)
                for diff_id in item.image.diff_ids:
                    self.store.reuse(staged, diff_id)
                self.log("save", item.image.id)
            yield b""
            async for piece in pieces(
                archive(self.store.blobs, self.store.layer_files, dict(staged.layers), saved)
            ):
                yield piece

    def manifest_of(self, image: Image) -> tuple[str, bytes]:
        """(media type, bytes) of the image's manifest: as it was pulled, or made of the blobs kept here."""
        return manifests.manifest_of(self.store, image)

    def reconfigure(self, config: DaemonConfig) -> None:
        """SIGHUP: mirrors, insecure registries and limits of what starts from now on."""
        self.remote.configure(config)

    def _log_tag(self, image: Image, name: Reference | None) -> None:
        if name is not None:
            self.log("tag", image.id, name.familiar)

    def log(self, action: str, id: str, name: str = "") -> None:
        """Emit an image event as Docker does: the image's labels, and a name, by default its ID."""
        image = self.store.images.get(id)
        self._events.emit("image", action, id, {**(image.labels if image else {}), "name": name or id})


def _container_destroyed(event: Event) -> bool:
    return (event["Type"], event["Action"]) == ("container", "destroy")
