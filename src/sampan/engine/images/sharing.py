"""Images offered to, and taken from, a registry that shares our content store: files are linked, not copied.

The registry is another process on this machine with files on the same filesystem. It links the blobs it is
told of; for an image pushed to it, we link the ones it tells us of. A hard link keeps a blob alive for each
side by itself, so neither has to ask the other before it removes something.
"""

import asyncio
import os
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from sampan.engine.images import manifests
from sampan.engine.images.ingest import add_blob_layer, staging
from sampan.engine.images.manager import Images
from sampan.engine.images.store import Image, ImageStore, NewImage, Staging
from sampan.errors import Failed, Invalid
from sampan.images import config as image_config
from sampan.images.registry.manifests import identify, parse_image
from sampan.specs.oci import digest as digests
from sampan.specs.oci.image import DOCKER_INDEX, INDEX
from sampan.specs.oci.reference import Reference


def offers(images: Images, registry: str, repository: str = "") -> list[dict[str, Any]]:
    """What may be pulled: by the names people use, or as what was pushed to `registry` (HOST:PORT).

    With `repository` only its tags.
    """
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for image in images.all():
        for reference in image.references:
            name = repository_of(reference, registry)
            if not reference.tag or (repository and name != repository):
                continue
            if (name, reference.tag) in found and reference.domain != registry:
                continue
            found[name, reference.tag] = _offer(images, image, name, reference.tag)
    return [found[key] for key in sorted(found)]


def repository_of(reference: Reference, registry: str) -> str:
    return reference.path if reference.domain == registry else reference.familiar_name


def _offer(images: Images, image: Image, repository: str, tag: str) -> dict[str, Any]:
    store = images.store
    blobs = store.blobs
    media_type, data = images.manifest_of(image)
    named = [image.id, *(layer.digest for layer in parse_image(data).layers)]
    if not all(blobs.exists(digest) for digest in named):
        # Of a layer that came twice, differently compressed, one form is kept.
        layers = [manifests.kept(store.layers[diff_id]) for diff_id in image.diff_ids]
        media_type, data = manifests.build(store, image, layers)
        named = [image.id, *(layer.digest for layer in layers)]
    return {
        "Repository": repository,
        "Tag": tag,
        "Digest": digests.of(data),
        "MediaType": media_type,
        "Manifest": data.decode(),
        "Blobs": {digest: str(blobs.path(digest)) for digest in named},
    }


async def adopt(images: Images, name: Reference, manifest: bytes, files: Mapping[str, str]) -> Image:
    """Make a manifest whose blobs are `files` (digest to path) an image called `name`.

    Raises Invalid for what is no image, Failed for files that do not fit it or cannot be linked.
    """
    if identify(manifest, "") in (INDEX, DOCKER_INDEX):
        raise Invalid("an index is no image")
    parsed = parse_image(manifest)
    if not parsed.is_image:
        raise Invalid("an artifact is no image")
    store = images.store
    async with staging(store) as staged:
        config = await _take(store, staged, parsed.config.digest, files)
        diff_ids = image_config.parse(config)["rootfs"].get("diff_ids") or []
        if len(diff_ids) != len(parsed.layers):
            raise Failed("layers from manifest don't match image configuration")
        for diff_id, layer in zip(diff_ids, parsed.layers, strict=True):
            if diff_id not in store.layers:
                await _link(store, staged, layer.digest, files)
            await add_blob_layer(store, staged, diff_id, layer.digest)
        digest = store.blobs.write(manifest, sync=False)
        store.pin(staged, digest)
        image = (await store.commit(staged, [NewImage(config, [name], manifest=digest)]))[0]
    images.log("tag", image.id, name.familiar)
    return image


async def _take(store: ImageStore, staged: Staging, digest: str, files: Mapping[str, str]) -> bytes:
    """A small blob, checked: what it says decides what runs."""
    await _link(store, staged, digest, files)
    data = store.blobs.read(digest)
    if digests.of(data) != digest:
        raise Failed(f"{files.get(digest)} is not {digest}")
    return data


async def _link(store: ImageStore, staged: Staging, digest: str, files: Mapping[str, str]) -> None:
    digests.parse(digest)
    store.pin(staged, digest)
    if store.blobs.exists(digest):
        return
    source = files.get(digest)
    if source is None:
        raise Failed(f"blob {digest} is neither here nor offered")
    try:
        with suppress(FileExistsError):
            await asyncio.to_thread(os.link, source, store.blobs.path(digest), follow_symlinks=False)
    except OSError as error:
        raise Failed(f"cannot link {source}: {error.strerror}") from error
