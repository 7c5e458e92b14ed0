"""`docker push`: what the registry lacks, in parallel, then the manifest that names it."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sampan.engine.images import manifests, progress
from sampan.engine.images.artifacts import Artifact, Artifacts
from sampan.engine.images.blobrecords import BlobRecords
from sampan.engine.images.ingest import staging
from sampan.engine.images.lines import Put
from sampan.engine.images.registries import Registries
from sampan.engine.images.store import Image, ImageStore, Layer, Staging
from sampan.engine.images.upload import Upload, send_blob
from sampan.errors import Invalid, NotFound, SampanError
from sampan.http.bearer import Credentials
from sampan.images.registry.auth import ANONYMOUS
from sampan.images.registry.client import Repository
from sampan.images.registry.errors import RegistryError
from sampan.images.registry.manifests import Descriptor, identify, parse_image
from sampan.specs.oci import digest as digests
from sampan.specs.oci.reference import Reference


@dataclass(frozen=True)
class Push:
    """What to push. No tag in `reference`: all tags of the repository."""

    reference: Reference
    credentials: Credentials = ANONYMOUS


class Pusher:
    """`emit(action, id, name)` tells of an image event."""

    def __init__(
        self,
        store: ImageStore,
        registries: Registries,
        records: BlobRecords,
        artifacts: Artifacts,
        emit: Callable[[str, str, str], None],
    ) -> None:
        self._store = store
        self._registries = registries
        self._records = records
        self._artifacts = artifacts
        self._emit = emit
        self.configure(5, "gzip")

    def configure(self, parallel: int, compression: str) -> None:
        """For pushes that start from now on."""
        self._parallel = parallel or 1000
        self._slots = asyncio.Semaphore(self._parallel)
        self._compression = compression

    async def push(self, what: Push, put: Put) -> None:
        """Raises NotFound for what is not here, and what the registry says."""
        reference = what.reference
        put(progress.status(f"The push refers to repository [{reference.name}]"))
        names = [reference] if reference.tag else self._tags(reference)
        found = [(name, self._find(name)) for name in names]
        repositories = await self._registries.repositories(reference, "push", what.credentials)
        repository = await self._registries.first(repositories)
        for name, item in found:
            try:
                if isinstance(item, Image):
                    await self._image(repository, name, item, put)
                else:
                    await self._artifact(repository, name, item, put)
            except RegistryError as error:
                raise explain(error, name) from None
        self._emit("push", reference.familiar, reference.familiar_name)

    def _tags(self, reference: Reference) -> list[Reference]:
        found = [
            other
            for image in self._store.images.values()
            for other in image.references
            if other.tag and other.name == reference.name
        ]
        if not found:
            raise NotFound(f"An image does not exist locally with the tag: {reference.familiar_name}")
        return sorted(found, key=str)

    def _find(self, name: Reference) -> Image | Artifact:
        id = self._store.references.get(str(name))
        if id is not None:
            return self._store.images[id]
        artifact = self._artifacts.find(name)
        if artifact is None:
            raise NotFound(f"An image does not exist locally with the tag: {name.familiar_name}")
        return artifact

    async def _image(self, repository: Repository, name: Reference, image: Image, put: Put) -> None:
        async with staging(self._store) as staged:
            self._store.pin(staged, image.id)
            layers = [self._store.reuse(staged, diff_id) for diff_id in image.diff_ids]
            stored = self._stored(staged, image)
            sent = await self._layers(repository, name, layers, stored, put)
            size = self._store.blobs.size(image.id)
            await self._quietly(repository, Descriptor("", image.id, size))
            media_type, data = self._manifest(image, stored, sent)
            await self._finish(repository, name, media_type, data, put)
            digest = digests.of(data)
            self._store.name([(name.with_digest(digest), image.id)])
            self._records.learn(name.name, list(zip(image.diff_ids, sent, strict=True)))

    def _stored(self, staged: Staging, image: Image) -> list[Descriptor] | None:
        """The layers of the manifest it was pulled by; None when its blobs are not the ones here."""
        if not image.manifest or not self._store.blobs.exists(image.manifest):
            return None
        self._store.pin(staged, image.manifest)
        layers = list(parse_image(self._store.blobs.read(image.manifest)).layers)
        return layers if len(layers) == len(image.diff_ids) else None

    def _manifest(
        self, image: Image, stored: list[Descriptor] | None, sent: list[Descriptor]
    ) -> tuple[str, bytes]:
        if stored is not None and [item.digest for item in stored] == [item.digest for item in sent]:
            data = self._store.blobs.read(image.manifest)
            return identify(data, ""), data
        return manifests.build(self._store, image, sent)

    async def _layers(
        self,
        repository: Repository,
        name: Reference,
        layers: Sequence[Layer],
        stored: list[Descriptor] | None,
        put: Put,
    ) -> list[Descriptor]:
        """Have every layer there; returns the blobs it has them as, bottom first."""
        shown = list(dict.fromkeys(layer.diff_id for layer in reversed(layers)))
        for diff_id in shown:
            put(_line("Preparing", diff_id))
        # A layer of the manifest that is not here in that very form may still be in the registry.
        wanted = {layer.diff_id: stored[i] if stored else None for i, layer in enumerate(layers)}
        known = {layer.diff_id: layer for layer in layers}
        tasks: dict[str, asyncio.Task[Descriptor]] = {}
        try:
            async with asyncio.TaskGroup() as group:
                for number, diff_id in enumerate(shown):
                    if number >= self._parallel:
                        put(_line("Waiting", diff_id))
                    upload = Upload(
                        self._store, self._records, repository, name, known[diff_id], wanted[diff_id],
                        self._compression, put,
                    )  # fmt: skip
                    tasks[diff_id] = group.create_task(self._limited(upload))
        except BaseExceptionGroup as failures:
            raise first(failures) from None
        return [tasks[layer.diff_id].result() for layer in layers]

    async def _limited(self, upload: Upload) -> Descriptor:
        async with self._slots:
            return await upload.run()

    async def _quietly(self, repository: Repository, blob: Descriptor) -> None:
        """A blob that Docker shows no line for."""
        if await repository.blob_size(blob.digest) is None:
            await send_blob(self._store, repository, blob, lambda sent: None)

    async def _artifact(self, repository: Repository, name: Reference, artifact: Artifact, put: Put) -> None:
        async with staging(self._store) as staged:
            for digest in (artifact.manifest, *artifact.blobs):
                self._store.pin(staged, digest)
            for digest in artifact.blobs:
                blob = Descriptor("", digest, self._store.blobs.size(digest))
                await self._quietly(repository, blob)
                put(_line("Pushed", digest))
            data = self._store.blobs.read(artifact.manifest)
            await self._finish(repository, name, artifact.media_type, data, put)

    async def _finish(
        self, repository: Repository, name: Reference, media_type: str, data: bytes, put: Put
    ) -> None:
        tag = name.tag or ""
        await repository.put_manifest(tag, data, media_type)
        digest = digests.of(data)
        put(progress.status(f"{tag}: digest: {digest} size: {len(data)}"))
        put({"progressDetail": {}, "aux": {"Tag": tag, "Digest": digest, "Size": len(data)}})


def explain(error: RegistryError, name: Reference) -> SampanError:
    """A registry's refusal of a push as Docker tells it."""
    if error.code in ("MANIFEST_INVALID", "NAME_INVALID"):
        return Invalid(error.message)
    return error


def _line(text: str, diff_id: str) -> progress.Line:
    return {"status": text, "progressDetail": {}, "id": diff_id.removeprefix("sha256:")[:12]}


def first(group: BaseExceptionGroup) -> BaseException:
    """A failure of those that ended a group of tasks."""
    found = group.exceptions[0]
    return first(found) if isinstance(found, BaseExceptionGroup) else found
