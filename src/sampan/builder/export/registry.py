"""`--output type=registry`: a result goes where its name says, with what the requester may do there."""

import asyncio
from collections.abc import Sequence
from typing import Any

from sampan.builder.credentials import credentials_for
from sampan.builder.export import manifests
from sampan.builder.export.archives import Result, index_of
from sampan.builder.export.attributes import Attributes, Compression
from sampan.builder.export.layers import LayerBlobs
from sampan.builder.export.manifests import Document
from sampan.builder.export.vertex import ExportVertex
from sampan.builder.requester import Requester
from sampan.engine.images import Images
from sampan.engine.images import progress as lines
from sampan.engine.images.manifests import kept
from sampan.engine.images.pipes import pieces
from sampan.engine.images.push import explain, first
from sampan.engine.images.store import Staging
from sampan.engine.images.upload import Upload, send_blob
from sampan.images.registry.client import Repository
from sampan.images.registry.errors import RegistryError
from sampan.images.registry.manifests import Descriptor
from sampan.specs.oci.image import CONFIG, LAYER
from sampan.specs.oci.reference import Reference

PARALLEL = 5  # uploads, as many as `docker push` has by default


async def push(
    images: Images,
    requester: Requester,
    staging: Staging,
    results: Sequence[Result],
    attributes: Attributes,
    name: Reference,
    vertex: ExportVertex,
    blobs: LayerBlobs,
) -> dict[str, Any]:
    """The descriptor of what the name stands for now. Raises what the registry says.

    `staging` keeps the layers, and the configs, meanwhile.
    """
    credentials = await credentials_for(requester, name)
    remote = images.remote
    repositories = await remote.registries.repositories(name, "push", credentials)
    repository = await remote.registries.first(repositories)
    try:
        with vertex.doing("pushing layers"):
            made = [
                await _image(images, repository, staging, result, attributes, name, blobs)
                for result in results
            ]
        top = made[0] if len(made) == 1 else index_of(results, made, attributes)
        tag = "" if attributes.push_by_digest else name.tag or ""
        with vertex.doing(f"pushing manifest for {name}@{top.digest}"):
            if len(made) > 1:
                for document in made:
                    await repository.put_manifest(document.digest, document.data, document.media_type)
            await repository.put_manifest(tag or top.digest, top.data, top.media_type)
    except RegistryError as error:
        raise explain(error, name) from None
    if len(results) == 1 and results[0].id in images.store.images:
        images.store.name([(name.with_digest(top.digest), results[0].id)])
    images.log("push", name.familiar, name.familiar_name)
    return top.descriptor()


async def _image(
    images: Images,
    repository: Repository,
    staging: Staging,
    result: Result,
    attributes: Attributes,
    name: Reference,
    blobs: LayerBlobs,
) -> Document:
    """Its blobs are there afterwards; its manifest is not yet."""
    store = images.store
    slots = asyncio.Semaphore(PARALLEL)
    how = attributes.compression

    async def send(diff_id: str) -> Descriptor:
        layer = store.reuse(staging, diff_id) if diff_id in store.layers else staging.layers[diff_id]
        async with slots:
            if how.force or how.level is not None or not how.type:
                return await _exactly(repository, blobs, diff_id, how)
            # As it came, or as it was pushed before; what was made here is compressed while it is sent.
            own = kept(layer) if layer.media_type != LAYER else None
            upload = Upload(store, images.remote.records, repository, name, layer, own, how.type, _drop)
            return await upload.run()

    try:
        async with asyncio.TaskGroup() as group:
            tasks = {diff_id: group.create_task(send(diff_id)) for diff_id in dict.fromkeys(result.layers)}
    except BaseExceptionGroup as failures:
        raise first(failures) from None
    sent = {diff_id: task.result() for diff_id, task in tasks.items()}
    config = Descriptor(CONFIG, result.id, len(result.config))
    if await repository.blob_size(result.id) is None:
        store.pin(staging, store.blobs.write(result.config, sync=False))
        await send_blob(store, repository, config, lambda count: None)
    images.remote.records.learn(name.name, list(sent.items()))
    return manifests.manifest(
        config,
        [sent[diff_id] for diff_id in result.layers],
        oci=attributes.oci,
        annotations=attributes.annotations.of_manifest(result.platform),
    )


async def _exactly(repository: Repository, blobs: LayerBlobs, diff_id: str, how: Compression) -> Descriptor:
    """The layer in the form that was asked for, whatever other the registry may have."""
    blob = await blobs.run(lambda: blobs.blob(diff_id, how))
    found = blob.descriptor
    if await repository.blob_size(found.digest) is None:
        location = await repository.start_upload()
        await repository.upload(location, found.digest, found.size, pieces(blobs.chunks(blob)))
    return found


def _drop(line: lines.Line) -> None:
    """BuildKit's progress has no line a layer."""
