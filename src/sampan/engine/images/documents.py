"""Images as Docker's API shows them: the summary of a list, inspect, history."""

from collections.abc import Iterable
from typing import Any

from sampan.engine.images.store import Image, ImageStore
from sampan.errors import Invalid
from sampan.images.config import empty_container_config
from sampan.linux import erofs
from sampan.specs.golang import time as times
from sampan.specs.oci.chain import chain_ids

Version = tuple[int, int]

# What API 1.50 and later keep of the config even when it is empty; before, all of Go's container.Config.
KEPT_EMPTY: dict[str, Any] = {
    "Cmd": None,
    "Entrypoint": None,
    "Env": None,
    "Labels": None,
    "OnBuild": None,
    "User": "",
    "Volumes": None,
    "WorkingDir": "",
}
IMAGE_FIELDS = (*KEPT_EMPTY, "ExposedPorts", "StopSignal", "Healthcheck", "Shell", "ArgsEscaped")


def created_seconds(image: Image) -> int:
    return created_nanoseconds(image) // 1_000_000_000


def created_nanoseconds(image: Image) -> int:
    try:
        return times.parse(image.created)
    except Invalid:
        return times.parse(times.ZERO)


def summary(image: Image, tags: list[str], digests: list[str], version: Version) -> dict[str, Any]:
    """One row of GET /images/json."""
    document: dict[str, Any] = {
        "Containers": -1,
        "Created": created_seconds(image),
        "Id": image.id,
        "Labels": (image.config.get("config") or {}).get("Labels"),
        "ParentId": image.parent,
        "RepoDigests": digests,
        "RepoTags": tags,
        "SharedSize": -1,
        "Size": image.size,
    }
    if version < (1, 43) and not tags and not digests:
        document["RepoTags"], document["RepoDigests"] = ["<none>:<none>"], ["<none>@<none>"]
    if version < (1, 44):
        document["VirtualSize"] = image.size
    return document


def inspect(store: ImageStore, image: Image, version: Version) -> dict[str, Any]:
    """GET /images/{name}/json."""
    config: dict[str, Any] = dict(image.config)
    history = config.get("history") or []
    document: dict[str, Any] = {
        "Id": image.id,
        "RepoTags": image.repo_tags,
        "RepoDigests": image.repo_digests,
        "Parent": image.parent,
        "Comment": config.get("comment") or (history[-1].get("comment", "") if history else ""),
        "Created": config.get("created") or ("" if version >= (1, 44) else times.ZERO),
        "DockerVersion": config.get("docker_version") or "",
        "Author": config.get("author") or "",
        "Config": container_config(config.get("config") or {}, version),
        "Architecture": config.get("architecture") or "",
        "Variant": config.get("variant") or "",
        "Os": config.get("os") or "linux",
        "OsVersion": config.get("os.version") or "",
        "Size": image.size,
        "GraphDriver": {"Data": graph_data(store, image), "Name": "overlay2"},
        "RootFS": {"Type": "layers", "Layers": list(image.diff_ids)},
        "Metadata": {"LastTagTime": image.last_tagged or times.ZERO},
    }
    for name in ("Created", "Variant", "OsVersion"):
        if not document[name]:
            del document[name]
    if not image.diff_ids:
        del document["RootFS"]["Layers"]
    if version < (1, 44):
        document["VirtualSize"] = image.size
    if version < (1, 45):
        document["Container"] = config.get("container") or ""
        document["ContainerConfig"] = {**empty_container_config(), **(config.get("container_config") or {})}
    return document


def container_config(config: dict[str, Any], version: Version) -> dict[str, Any]:
    if version < (1, 50):
        return {**empty_container_config(), **config}
    kept = {name: config[name] for name in IMAGE_FIELDS if config.get(name)}
    return {**KEPT_EMPTY, **kept}


def graph_data(store: ImageStore, image: Image) -> dict[str, str]:
    """Where the layers are. There is no merged or work directory: nothing is mounted for an image."""
    directories = [erofs.directory(store.layer_files.lower(diff_id)) for diff_id in reversed(image.diff_ids)]
    if not directories:
        return {}
    lower = {"LowerDir": ":".join(directories[1:])} if len(directories) > 1 else {}
    return {**lower, "UpperDir": directories[0]}


def history(store: ImageStore, image: Image) -> list[dict[str, Any]]:
    """GET /images/{name}/history: newest first. Only images made here know which image each step was."""
    entries: list[dict[str, Any]] = []
    layers = iter(image.diff_ids)
    for step in image.config.get("history") or []:
        diff_id = None if step.get("empty_layer") else next(layers, None)
        entries.insert(
            0,
            {
                "Comment": step.get("comment") or "",
                "Created": _seconds(step.get("created")),
                "CreatedBy": step.get("created_by") or "",
                "Id": "<missing>",
                "Size": store.layers[diff_id].size if diff_id in store.layers else 0,
                "Tags": None,
            },
        )
    current: Image | None = image
    for entry in entries:
        if current is None:
            break
        entry["Id"] = current.id
        entry["Tags"] = current.repo_tags or None
        current = store.images.get(current.parent)
    return entries


def _seconds(created: str | None) -> int:
    try:
        return times.parse(created or times.ZERO) // 1_000_000_000
    except Invalid:
        return times.parse(times.ZERO) // 1_000_000_000


def shared_sizes(store: ImageStore, images: Iterable[Image]) -> dict[str, int]:
    """For each image the bytes of those of its layer chains that another image has as well."""
    images = list(images)
    users: dict[str, int] = {}
    for image in images:
        for chain in set(chain_ids(image.diff_ids)):
            users[chain] = users.get(chain, 0) + 1
    return {
        image.id: sum(
            store.layers[diff_id].size
            for diff_id, chain in zip(image.diff_ids, chain_ids(image.diff_ids), strict=True)
            if users[chain] > 1
        )
        for image in images
    }
