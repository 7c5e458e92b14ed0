"""`docker pull`: from a name to an image whose manifest, config and layers are here, each byte checked."""

import asyncio
import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sampan.engine.images import progress
from sampan.engine.images.artifacts import Artifacts
from sampan.engine.images.blobrecords import BlobRecords
from sampan.engine.images.downloads import Downloads, short_id
from sampan.engine.images.ingest import staging
from sampan.engine.images.lines import Put
from sampan.engine.images.registries import Registries, Resolved
from sampan.engine.images.store import Image, ImageStore, NewImage, Staging
from sampan.errors import Denied, Failed, Invalid, NotFound, SampanError, Unauthorized
from sampan.http.bearer import NO_CREDENTIALS, Credentials
from sampan.http.transport import Refused
from sampan.images import config as image_config
from sampan.images.registry.auth import ANONYMOUS
from sampan.images.registry.client import Repository
from sampan.images.registry.errors import RegistryError
from sampan.images.registry.manifests import (
    MAX_MANIFEST,
    Fetched,
    ImageManifest,
    parse_image,
    parse_index,
)
from sampan.specs.oci import platform as platforms
from sampan.specs.oci import reference as references
from sampan.specs.oci.platform import Platform
from sampan.specs.oci.reference import DEFAULT_DOMAIN, Reference

MAX_CONFIG = 8 << 20
MAX_DEPTH = 3  # of indexes in indexes
NEAREST = 5  # tags named when one is not there
TAGS_WAIT = 10.0  # seconds to look for them
NO_MANIFEST = ("MANIFEST_UNKNOWN", "NOT_FOUND")


@dataclass(frozen=True)
class Pull:
    """What to pull. Neither tag nor digest in `reference`: every tag. `platform` None: this machine's."""

    reference: Reference
    platform: Platform | None = None
    credentials: Credentials = ANONYMOUS


def parse(image: str, tag: str) -> Reference:
    """POST /images/create?fromImage=&tag=, where tag may be a digest. Raises Invalid, Denied as Docker."""
    reference = references.parse(image)
    if reference.path == "library/scratch" and reference.domain == DEFAULT_DOMAIN:
        raise Denied("'scratch' is a reserved name")
    if not tag:
        return reference
    return reference.with_digest(tag) if ":" in tag else reference.with_tag(tag)


class Puller:
    """`emit(action, id, name)` tells of an image event."""

    def __init__(
        self,
        store: ImageStore,
        registries: Registries,
        downloads: Downloads,
        records: BlobRecords,
        artifacts: Artifacts,
        emit: Callable[[str, str, str], None],
        host: Platform,
    ) -> None:
        self._store = store
        self._registries = registries
        self._downloads = downloads
        self._records = records
        self._artifacts = artifacts
        self._emit = emit
        self._host = host

    async def pull(self, what: Pull, put: Put) -> None:
        """Raises what the registry says, in Docker's words."""
        reference = what.reference
        repositories = await self._registries.repositories(reference, "pull", what.credentials)
        if reference.tag or reference.digest:
            newer = await self._one(what, reference, repositories, put)
        else:
            newer = False
            for tag in await self._tags(repositories, reference):
                newer |= await self._one(what, reference.with_tag(tag), repositories, put)
        text = "Downloaded newer image for" if newer else "Image is up to date for"
        put(progress.status(f"Status: {text} {reference.familiar}"))
        self._emit("pull", reference.familiar, reference.familiar_name)
        self._check_platform(what)

    async def _tags(self, repositories: Sequence[Repository], reference: Reference) -> list[str]:
        error: SampanError | None = None
        for repository in repositories:
            try:
                return await repository.tags()
            except SampanError as failure:
                error = failure
        assert error is not None
        raise explain(error, reference) from None

    async def _one(
        self, what: Pull, reference: Reference, repositories: Sequence[Repository], put: Put
    ) -> bool:
        """One tag or digest; whether it brought anything."""
        name = reference.digest or reference.tag or ""
        if await self._is_current(what, reference, repositories):
            digest = self._known_digest(reference)
            put(progress.status(f"Pulling from {reference.path}", id_of(reference)))
            put(progress.status(f"Digest: {digest}"))
            return False
        try:
            resolved = await self._registries.resolve(repositories, name, reference)
        except SampanError as error:
            raise await self._explained(error, repositories, reference) from None
        put(progress.status(f"Pulling from {reference.path}", id_of(reference)))
        manifest = await self._chosen(resolved, what.platform or self._host)
        newer = await self._take(reference, resolved, manifest, put)
        put(progress.status(f"Digest: {resolved.fetched.digest}"))
        return newer

    async def _is_current(self, what: Pull, reference: Reference, repositories: Sequence[Repository]) -> bool:
        """Ask for the digest only, when an answer could tell that all is here."""
        digest = self._known_digest(reference)
        image = self._store.images.get(self._store.references.get(str(reference), ""))
        if not digest or image is None:
            return False
        if not platforms.matches(dict(image.config), what.platform or self._host):
            return False
        for repository in repositories:
            try:
                return await repository.manifest_digest(reference.digest or reference.tag or "") == digest
            except SampanError:
                continue  # the way that reports it comes next
        return False

    def _known_digest(self, reference: Reference) -> str:
        """The digest by which the image that has this name was pulled from this repository."""
        if reference.digest:
            return reference.digest
        image = self._store.images.get(self._store.references.get(str(reference), ""))
        found = [item.digest for item in image.references if item.name == reference.name] if image else []
        digests = [digest for digest in found if digest]
        return digests[0] if len(digests) == 1 and digests[0] else ""

    async def _explained(
        self, error: SampanError, repositories: Sequence[Repository], reference: Reference
    ) -> SampanError:
        if isinstance(error, RegistryError) and error.code in NO_MANIFEST and reference.tag:
            try:
                async with asyncio.timeout(TAGS_WAIT):
                    tags = await repositories[-1].tags()
            except (SampanError, TimeoutError):
                tags = []
            if near := nearest(reference.tag, tags):
                error.hint = f"nearest tags: {', '.join(near)}"
        if isinstance(error, Unauthorized):
            # As Docker, whose first question is for the digest; it answers 500, not 401.
            api = repositories[-1].registry.endpoint.api
            name = reference.digest or reference.tag
            return Failed(f'Head "{api}/{reference.path}/manifests/{name}": {error.message}')
        return explain(error, reference)

    async def _chosen(self, resolved: Resolved, wanted: Platform) -> Fetched:
        """The manifest for a platform: the one found, or the one its index has for it."""
        fetched = resolved.fetched
        for _ in range(MAX_DEPTH):
            if not fetched.is_index:
                return fetched
            found = platforms.choose(parse_index(fetched.data), wanted)
            fetched = await self._by_digest(resolved.sources, found["digest"], found["size"])
        raise Refused("the index leads to other indexes only")

    async def _by_digest(self, sources: Sequence[Repository], digest: str, size: int) -> Fetched:
        error: SampanError | None = None
        for source in sources:
            try:
                fetched = await source.manifest(digest)
            except SampanError as failure:
                error = error or failure
                continue
            if len(fetched.data) != size:
                raise Refused(
                    f"size validation failed: manifest {digest} is {len(fetched.data)} bytes long, "
                    f"its descriptor says {size}"
                )
            return fetched
        assert error is not None
        raise error

    async def _take(self, reference: Reference, resolved: Resolved, fetched: Fetched, put: Put) -> bool:
        manifest = parse_image(fetched.data)
        names = [reference.with_digest(resolved.fetched.digest)]
        if reference.tag:
            names.insert(0, reference.without_digest())
        if not manifest.is_image:
            return await self._artifacts.take(names[0], fetched, manifest, resolved.sources, put)
        async with staging(self._store) as staged:
            known = self._store.images.get(manifest.config.digest)
            if known is None:
                config = await self._layers(staged, resolved.sources, manifest, put)
            else:
                config = self._store.blobs.read(known.id)
                for diff_id in known.diff_ids:
                    self._store.reuse(staged, diff_id)
            self._store.pin(staged, self._store.blobs.write(fetched.data, sync=False))
            before = {name: self._store.references.get(str(name)) for name in names}
            image = (await self._store.commit(staged, [NewImage(config, names, manifest=fetched.digest)]))[0]
        self._remember(reference, manifest, image)
        return known is None or any(id != image.id for id in before.values())

    async def _layers(
        self, staged: Staging, sources: Sequence[Repository], manifest: ImageManifest, put: Put
    ) -> bytes:
        """Bring in config and layers; returns the config. Raises Failed when they do not fit together."""
        data = await self._config(sources, manifest)
        config = image_config.parse(data)
        if config.get("os", "linux") not in ("", "linux"):
            raise Failed(
                f'image operating system "{config["os"][:40]}" cannot be used on this platform: '
                "operating system is not supported"
            )
        diff_ids = config["rootfs"].get("diff_ids") or []
        if len(diff_ids) != len(manifest.layers):
            raise Failed("layers from manifest don't match image configuration")
        wanted = dict(zip(diff_ids, manifest.layers, strict=True))
        try:
            async with asyncio.TaskGroup() as group:
                for diff_id, blob in wanted.items():
                    if diff_id in self._store.layers:
                        self._store.reuse(staged, diff_id)
                        line = {"status": "Already exists", "progressDetail": {}, "id": short_id(blob.digest)}
                        put(line)
                    else:
                        group.create_task(self._downloads.layer(staged, put, sources, blob, diff_id))
        except BaseExceptionGroup as failures:
            raise _first(failures) from None
        if any(diff_id not in staged.layers for diff_id in diff_ids):
            raise Failed("layers from manifest don't match image configuration")
        return data

    async def _config(self, sources: Sequence[Repository], manifest: ImageManifest) -> bytes:
        error: SampanError | None = None
        for source in sources:
            try:
                return await source.small_blob(manifest.config.digest, manifest.config.size, MAX_CONFIG)
            except SampanError as failure:
                error = error or failure
        assert error is not None
        raise error

    def _remember(self, reference: Reference, manifest: ImageManifest, image: Image) -> None:
        """Where these blobs are, so that a push to the same registry can have them mounted."""
        pairs = zip(image.diff_ids, manifest.layers, strict=True)
        self._records.learn(reference.name, [(diff_id, blob) for diff_id, blob in pairs])

    def _check_platform(self, what: Pull) -> None:
        """Docker's last word on an image for another platform than the one asked for."""
        image = self._store.images.get(self._store.references.get(str(what.reference), ""))
        if what.platform and image and not platforms.matches(dict(image.config), what.platform):
            actual = platform_text(dict(image.config))
            raise NotFound(
                f"image with reference {what.reference.familiar} was found but does not match the specified "
                f"platform: wanted {what.platform}, actual: {actual}"
            )


def id_of(reference: Reference) -> str:
    return reference.familiar if reference.digest else reference.tag or ""


def platform_text(config: dict[str, Any]) -> str:
    return "/".join(str(config[name]) for name in ("os", "architecture", "variant") if config.get(name))


def nearest(tag: str, tags: Sequence[str]) -> list[str]:
    """Tags somebody may have meant, the likeliest first; the newest-looking when none is like it."""
    near = difflib.get_close_matches(tag, tags[:MAX_MANIFEST], n=NEAREST, cutoff=0.5)
    near += [other for other in tags if other.startswith(tag) and other not in near]
    return (near or sorted(tags, reverse=True))[:NEAREST]


def explain(error: SampanError, reference: Reference) -> SampanError:
    """A registry's refusal as Docker tells it."""
    if isinstance(error, Unauthorized) and error.message == NO_CREDENTIALS:
        return Failed(error.message)  # 401 would make docker's client ask for a name and wait
    if not isinstance(error, RegistryError):
        return error
    code = error.code
    if code == "DENIED" or (code == "UNAUTHORIZED" and error.status == 401):
        return NotFound(
            f"pull access denied for {reference.familiar_name}, repository does not exist or may require "
            f"'docker login': {error.message}",
            hint=error.hint,
        )
    if code in NO_MANIFEST:
        return NotFound(f"manifest for {reference.familiar} not found: {error.message}", hint=error.hint)
    if code == "NAME_UNKNOWN":
        return NotFound(f"repository {reference.familiar_name} not found: {error.message}", hint=error.hint)
    if code == "NAME_INVALID":
        return Invalid(error.message)
    return error


def _first(group: BaseExceptionGroup) -> BaseException:
    """What ended a group: the first failure that is not the cancelling of the others."""
    found = group.exceptions[0]
    return _first(found) if isinstance(found, BaseExceptionGroup) else found
