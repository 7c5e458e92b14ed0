"""`--cache-to`: what a build has used or made, for other machines. portable.py has the form.

type=inline goes into the image's config, registry and local are things of their own. mode=min is what the
result itself consists of, mode=max every step; mounts=true adds what cache mounts hold.
"""

import asyncio
import os
import shutil
import stat
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from sampan.builder.credentials import credentials_for
from sampan.builder.execute.cachemounts import CacheMounts
from sampan.builder.export.attributes import Compression, compression_of, flag
from sampan.builder.export.layers import LayerBlob, LayerBlobs
from sampan.builder.options import CacheOption
from sampan.builder.plan.graph import Plan, Run
from sampan.builder.progress import Progress
from sampan.builder.requester import FIRST_CACHE, Requester
from sampan.builder.solve.cache import portable
from sampan.builder.solve.cache.locations import HasBlobs
from sampan.builder.solve.cache.portable import Document, Portable, PortableMount
from sampan.builder.solve.cache.records import Record
from sampan.builder.solve.vertices import Counter, VertexProgress, vertex_progress
from sampan.builder.trees import Snapshot
from sampan.engine.images import Images
from sampan.engine.images.ingest import add_local_layer
from sampan.engine.images.manifests import kept
from sampan.engine.images.pipes import pieces
from sampan.engine.images.push import explain, first
from sampan.engine.images.store import Staging
from sampan.engine.images.upload import Upload, send_blob
from sampan.errors import Failed, Invalid, SampanError
from sampan.images.pack import diff_tar
from sampan.images.registry.client import Repository
from sampan.images.registry.errors import RegistryError
from sampan.images.registry.manifests import Descriptor
from sampan.specs.oci import digest as digests
from sampan.specs.oci import reference as references
from sampan.specs.oci.image import INDEX, LAYER, MANIFEST, REF_NAME
from sampan.specs.oci.reference import Reference

PARALLEL = 5


class Exports:
    """All of one build's `--cache-to`. `known`: the records of its steps, with the keys of this build."""

    def __init__(
        self,
        images: Images,
        requester: Requester,
        progress: Progress,
        staging: Staging,
        mounts: CacheMounts,
        known: Sequence[tuple[Record, tuple[str, ...]]],
    ) -> None:
        self._images = images
        self._requester = requester
        self._progress = progress
        self._staging = staging
        self._mounts = mounts
        self._known = known

    def inline(self, snapshot: Snapshot) -> bytes:
        """For the config of an image of these layers."""
        records = self._records([snapshot], "min")
        # The image's own layers are what the indexes count.
        return portable.dump(Document(tuple(dict.fromkeys(snapshot.layers)), tuple(records)))

    async def run(
        self,
        options: Sequence[CacheOption],
        results: Sequence[Snapshot],
        plan: Plan,
        salt: str,
    ) -> dict[str, str]:
        """All but inline. Raises what went wrong, unless ignore-error is said.

        Returns what BuildKit's clients want to know of it.
        """
        response: dict[str, str] = {}
        for number, option in enumerate(options):
            if option.type == "inline":
                continue
            name = option.attrs.get("ref") or option.attrs.get("dest") or option.type
            vertex = vertex_progress(
                self._progress, f"{salt}/{number}", f"exporting cache to {_kind(option)}"
            )
            vertex.announce()
            try:
                with vertex.running():
                    mode = option.attrs.get("mode", "min")
                    if mode not in ("min", "max"):
                        raise Invalid(f"invalid cache mode {mode[:40]!r}: it is min or max")
                    records = self._records(results, mode)
                    mounts: list[PortableMount] = []
                    if flag(option.attrs, "mounts", False):
                        mounts = await self._pack_mounts(plan)
                    document = portable.document(records, mounts)
                    made = await self._one(number, option, document, vertex, name)
                    response["cache.manifest"] = orjson.dumps(_plain(made)).decode()
            except SampanError:
                if not flag(option.attrs, "ignore-error", False):
                    raise
        return response

    def _records(self, results: Sequence[Snapshot], mode: str) -> list[Portable]:
        found = []
        for record, keys in self._known:
            part = any(result.layers[: len(record.layers)] == record.layers for result in results)
            if keys and (mode == "max" or part):
                found.append(
                    Portable(
                        keys=keys,
                        layers=record.layers,
                        description=record.description,
                        instruction=record.instruction,
                        place=record.place,
                    )
                )
        return found

    async def _one(
        self, number: int, option: CacheOption, document: Document, vertex: VertexProgress, name: str
    ) -> Descriptor:
        """The manifest."""
        how = compression_of(option.attrs)
        if option.type == "registry":
            return await self._push(references.parse(name).with_default_tag(), document, how, vertex)
        if option.type == "local":
            return await self._send(number, option, document, how, vertex)
        raise Invalid(f"unknown cache exporter: {option.type}")

    # Cache mounts

    async def _pack_mounts(self, plan: Plan) -> list[PortableMount]:
        """What the mounts that this build uses hold now, each as a layer in the staging."""
        runs = [step.operation for step in plan.steps if isinstance(step.operation, Run)]
        ids = {mount.id for run in runs for mount in run.mounts if mount.type == "cache"}
        found = []
        for record in self._mounts.records():
            if record.id not in ids or record.in_use:
                continue
            chunks = diff_tar(str(record.directory))
            layer = await add_local_layer(self._images.store, self._staging, chunks)
            status = os.stat(record.directory)
            found.append(
                PortableMount(
                    key=self._mounts.key(record.name),
                    id=record.id,
                    layer=layer.diff_id,
                    mode=stat.S_IMODE(status.st_mode),
                    uid=status.st_uid,
                    gid=status.st_gid,
                )
            )
        return found

    # A directory

    async def _send(
        self, number: int, option: CacheOption, document: Document, how: Compression, vertex: VertexProgress
    ) -> Descriptor:
        directory = Path(tempfile.mkdtemp(prefix="cache-", dir=self._images.paths.tmp))
        try:
            blobs = LayerBlobs(self._images.store, self._staging, directory)
            layers = await asyncio.to_thread(
                lambda: [blobs.blob(diff_id, how) for diff_id in document.layers]
            )
            counter = vertex.counter()
            if isinstance(self._requester, HasBlobs):
                manifest = await self._offer(option, document, blobs, layers, counter)
            else:
                tree = directory / "layout"
                manifest = await asyncio.to_thread(_write, tree, document, blobs, layers, option.attrs)
                counter("sending cache", 0)
                await self._requester.send_directory(FIRST_CACHE + number, tree, option.attrs)
            counter.done()
            return manifest
        finally:
            await asyncio.to_thread(shutil.rmtree, directory, ignore_errors=True)

    async def _offer(
        self,
        option: CacheOption,
        document: Document,
        blobs: LayerBlobs,
        layers: Sequence[LayerBlob],
        counter: Counter,
    ) -> Descriptor:
        """Into the store of the client's session, which makes the index itself."""
        assert isinstance(self._requester, HasBlobs)
        store = f"local:{option.attrs.get('dest', '')}"
        for blob in layers:
            found = blob.descriptor
            counter(f"writing layer {found.digest}", 0)
            await self._requester.put_blob(store, found.digest, found.size, pieces(blobs.chunks(blob)))
        config, manifest = _documents(document, [blob.descriptor for blob in layers])
        for what, data in (("config", config), ("cache image manifest", manifest)):
            counter(f"writing {what} {digests.of(data)}", 0)
            await self._requester.put_blob(store, digests.of(data), len(data), pieces(iter((data,))))
        return Descriptor(MANIFEST, digests.of(manifest), len(manifest))

    # A registry

    async def _push(
        self, reference: Reference, document: Document, how: Compression, vertex: VertexProgress
    ) -> Descriptor:
        credentials = await credentials_for(self._requester, reference)
        remote = self._images.remote
        repositories = await remote.registries.repositories(reference, "push", credentials)
        repository = await remote.registries.first(repositories)
        try:
            counter = vertex.counter()
            for diff_id in document.layers:
                counter(f"writing layer {diff_id}", 0)
            layers = await self._upload(repository, reference, document, how)
            counter.done()
            config, manifest = _documents(document, layers)
            if await repository.blob_size(digests.of(config)) is None:
                store = self._images.store
                store.pin(self._staging, store.blobs.write(config, sync=False))
                blob = Descriptor(portable.CONFIG_TYPE, digests.of(config), len(config))
                await send_blob(store, repository, blob, lambda sent: None)
            await repository.put_manifest(reference.tag or digests.of(manifest), manifest, MANIFEST)
            return Descriptor(MANIFEST, digests.of(manifest), len(manifest))
        except RegistryError as error:
            raise explain(error, reference) from None

    async def _upload(
        self, repository: Repository, reference: Reference, document: Document, how: Compression
    ) -> list[Descriptor]:
        store, records = self._images.store, self._images.remote.records
        slots = asyncio.Semaphore(PARALLEL)

        async def send(diff_id: str) -> Descriptor:
            layer = self._staging.layers[diff_id]
            own = kept(layer)
            wanted = own if own.media_type != LAYER or not how.type else None
            async with slots:
                upload = Upload(
                    store, records, repository, reference, layer, wanted, how.type, lambda line: None
                )
                return await upload.run()

        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(send(diff_id)) for diff_id in document.layers]
        except BaseExceptionGroup as failures:
            raise first(failures) from None
        return [task.result() for task in tasks]


def _write(
    tree: Path,
    document: Document,
    blobs: LayerBlobs,
    layers: Sequence[LayerBlob],
    attrs: Mapping[str, str],
) -> Descriptor:
    """An OCI layout. Blocks."""
    place = tree / "blobs" / "sha256"
    place.mkdir(parents=True)
    for blob in layers:
        with open(place / _name(blob.descriptor.digest), "wb") as file:
            for piece in blobs.chunks(blob):
                file.write(piece)
    config, manifest = _documents(document, [blob.descriptor for blob in layers])
    for data in (config, manifest):
        (place / _name(digests.of(data))).write_bytes(data)
    made = Descriptor(MANIFEST, digests.of(manifest), len(manifest))
    entry = {**_plain(made), "annotations": {REF_NAME: attrs.get("tag", "") or "latest"}}
    index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [entry]}
    (tree / "index.json").write_bytes(orjson.dumps(index))
    (tree / "oci-layout").write_bytes(b'{"imageLayoutVersion":"1.0.0"}')
    return made


def _plain(blob: Descriptor) -> dict[str, Any]:
    return {"mediaType": blob.media_type, "digest": blob.digest, "size": blob.size}


def _kind(option: CacheOption) -> str:
    """As BuildKit's progress calls it."""
    return {"registry": "registry", "local": "client directory"}.get(option.type, option.type)


def _documents(document: Document, layers: Sequence[Descriptor]) -> tuple[bytes, bytes]:
    """(config, manifest)."""
    if len(layers) != len(document.layers):
        raise Failed("a layer of the cache is missing")
    config = portable.dump(document)
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": _plain(Descriptor(portable.CONFIG_TYPE, digests.of(config), len(config))),
        "layers": [_plain(blob) for blob in layers],
    }
    return config, orjson.dumps(manifest, option=orjson.OPT_INDENT_2)


def _name(digest: str) -> str:
    return digest.removeprefix("sha256:")
