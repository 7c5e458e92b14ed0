"""The config document of a result: what moby's exporter writes, but the same on every machine. Pure."""

import base64
from collections.abc import Mapping, Sequence
from typing import Any, cast

from sampan.builder.plan.graph import Target
from sampan.images import config as image_config
from sampan.specs.golang.time import SECOND, rfc3339
from sampan.specs.oci.image import ImageConfig

CACHE_KEY = "sampan.build.cache.v1"  # ours: see cache/portable.py
UNKNOWN = "buildkit.exporter.image.v0"  # the comment of a layer whose history says nothing
# Go's time.Time, which readers of these documents are written for, ends with the year 9999.
_LAST = 253402300799


def timestamp(seconds: int) -> str:
    """RFC 3339, as in image configs."""
    return rfc3339(max(0, min(seconds, _LAST)) * SECOND)


def document(target: Target, layers: Sequence[str], inline_cache: bytes = b"") -> ImageConfig:
    """`layers`: diff IDs of all of its file system, bottom first; the last are those of its own history."""
    created = timestamp(target.epoch)
    own = sum(entry.step is not None for entry in target.history)
    history = base_history(target.base_history, len(layers) - own, created)
    for entry in target.history:
        line: dict[str, Any] = {"created": created, "created_by": entry.created_by}
        if entry.author:
            line["author"] = entry.author
        line["comment"] = entry.comment
        if entry.step is None:
            line["empty_layer"] = True
        history.append(line)
    result: dict[str, Any] = {
        **target.document,
        "config": dict(target.config),
        "created": created,
        "history": history,
        "rootfs": {"type": "layers", "diff_ids": list(layers)},
    }
    if inline_cache:
        result[CACHE_KEY] = base64.b64encode(inline_cache).decode()
    return cast(ImageConfig, result)


def base_history(history: Sequence[Mapping[str, Any]], layers: int, created: str) -> list[dict[str, Any]]:
    """A base's history, made to speak of exactly as many layers as the base has."""
    result: list[dict[str, Any]] = []
    counted = 0
    for entry in history:
        line = dict(entry)
        if not line.get("empty_layer"):
            if counted == layers:
                line["empty_layer"] = True
            else:
                counted += 1
        result.append(line)
    missing = {"created": created, "comment": UNKNOWN}
    return result + [dict(missing) for _ in range(layers - counted)]


def squashed(
    config: ImageConfig, base_layers: Sequence[str], layer: str, *, image: str, base: str, created: str
) -> ImageConfig:
    """`config` with all layers above the base's in one: `--squash`. History as Docker's SquashImage."""
    result: dict[str, Any] = dict(config)
    history: list[dict[str, Any]] = []
    counted = 0
    for entry in config.get("history") or []:
        line: dict[str, Any] = dict(entry)
        if not line.get("empty_layer"):
            counted += 1
            if counted > len(base_layers):
                line["empty_layer"] = True
        history.append(line)
    comment = f"merge {image} to {base}" if base else f"create new from {image}"
    history.append({"created": created, "comment": comment})
    result["history"] = history
    result["rootfs"] = {"type": "layers", "diff_ids": [*base_layers, layer]}
    return cast(ImageConfig, result)


def dump(config: ImageConfig) -> bytes:
    return image_config.dump(config)
