"""How much disk images, containers, volumes and the build cache take: `docker system df`."""

from collections.abc import Collection
from typing import Any

from sampan.engine.containers.listing import ListQuery
from sampan.engine.engine import Engine
from sampan.engine.images.documents import Version
from sampan.engine.images.listing import list_images
from sampan.errors import Invalid, NotFound

TYPES = ("container", "image", "volume", "build-cache")


async def disk_usage(engine: Engine, wanted: Collection[str], version: Version) -> dict[str, Any]:
    """GET /system/df; what is not `wanted` is null. Raises Invalid for a type Docker does not know."""
    for kind in wanted:
        if kind not in TYPES:
            raise Invalid(f"unknown object type: {kind}")
    chosen = set(wanted or TYPES)
    return {
        "LayersSize": layers_size(engine) if "image" in chosen else 0,
        "Images": images(engine, version) if "image" in chosen else None,
        "Containers": await containers(engine) if "container" in chosen else None,
        "Volumes": await volumes(engine) if "volume" in chosen else None,
        "BuildCache": await build_cache(engine, version) if "build-cache" in chosen else None,
    }


def layers_size(engine: Engine) -> int:
    """Of images and containers: what only the build cache keeps counts there."""
    store = engine.images.store
    only_cache = engine.builder.held() - engine.images.held_by_containers()
    only_cache -= {diff_id for image in store.images.values() for diff_id in image.diff_ids}
    return sum(layer.size for layer in store.layers.values() if layer.diff_id not in only_cache)


async def build_cache(engine: Engine, version: Version) -> list[dict[str, Any]]:
    rows = []
    for usage in await engine.builder.du():
        row = usage.document()
        if not usage.parents:
            del row["Parents"]
        elif version < (1, 42):
            row["Parent"] = row.pop("Parents")[0]
        rows.append(row)
    return rows


def images(engine: Engine, version: Version) -> list[dict[str, Any]]:
    counts: dict[str, int] = {}
    for record in engine.containers.all():
        counts[record.image_id] = counts.get(record.image_id, 0) + 1
    rows = list_images(
        engine.images.store,
        {},
        all=False,
        shared_size=True,
        version=version,
        containers=lambda image: counts.get(image, 0),
    )
    return [{**row, "Containers": counts.get(row["Id"], 0)} for row in rows]


async def containers(engine: Engine) -> list[dict[str, Any]]:
    return await engine.containers.list(ListQuery(all=True, size=True))


async def volumes(engine: Engine) -> list[dict[str, Any]]:
    rows = []
    for volume in engine.volumes.select({}):
        size = await engine.volumes.size(volume)
        try:
            engine.volumes.get(volume.name)
        except NotFound:
            continue  # removed meanwhile
        usage = {"RefCount": engine.volumes.users(volume.name), "Size": size}
        rows.append({**volume.document(), "UsageData": usage})
    return rows
