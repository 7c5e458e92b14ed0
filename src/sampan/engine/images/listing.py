"""`docker images`: filters checked first, then asked about each image."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from sampan.engine.images.documents import Version, shared_sizes, summary
from sampan.engine.images.store import Image, ImageStore
from sampan.errors import Failed, Invalid
from sampan.images.pattern import compile_pattern, matches
from sampan.specs.docker.filters import boolean, check_names, labels_match, moment

Filters = Mapping[str, list[str]]
ACCEPTED = {"dangling", "label", "before", "since", "reference", "until"}


def limits(filters: Filters) -> list[int]:
    """The "until" filter in nanoseconds. Raises Failed, as Docker answers 500 for images."""
    try:
        return [moment(text, time.time_ns()) for text in filters.get("until", ())]
    except Invalid as error:
        raise Failed(error.message) from None


def list_images(
    store: ImageStore,
    filters: Filters,
    *,
    all: bool,
    shared_size: bool,
    version: Version,
    containers: Callable[[str], int],
) -> list[dict[str, Any]]:
    """GET /images/json, what came last first. Raises Invalid for bad filters, NotFound for images in them."""
    check_names(filters, ACCEPTED)
    dangling = boolean(filters, "dangling") or False
    for pattern in filters.get("reference", ()):
        compile_pattern(pattern)
    in_time = _time_filter(store, filters)
    parents = {image.parent for image in store.images.values()}
    chosen: list[tuple[Image, dict[str, Any]]] = []
    for image in store.images.values():
        if not in_time(image) or not labels_match(filters, image.labels):
            continue
        if dangling and image.id in parents:
            continue
        tags, digests = _names(image, filters.get("reference"))
        if tags or digests:
            if dangling and tags:
                continue
        elif (
            (image.id in parents and not all)
            or "reference" in filters
            or ("dangling" in filters and not dangling)
        ):
            continue
        chosen.append((image, summary(image, tags, digests, version)))
    if version >= (1, 51):
        for image, row in chosen:
            row["Containers"] = containers(image.id)
    if shared_size:
        sizes = shared_sizes(store, store.images.values())
        for image, row in chosen:
            row["SharedSize"] = sizes[image.id]
    # Not by when its config says it was created: a reproducible image is as old as its base.
    chosen.sort(key=lambda pair: pair[0].added, reverse=True)
    return [row for _, row in chosen]


def _names(image: Image, patterns: list[str] | None) -> tuple[list[str], list[str]]:
    found = [
        reference
        for reference in image.references
        if patterns is None or any(matches(pattern, reference) for pattern in patterns)
    ]
    tags = sorted(reference.familiar for reference in found if reference.tag)
    return tags, sorted(reference.familiar for reference in found if reference.digest)


def _time_filter(store: ImageStore, filters: Filters) -> Callable[[Image], bool]:
    before = [store.get(text).added for text in filters.get("before", ())]
    since = [store.get(text).added for text in filters.get("since", ())]
    until = limits(filters)

    def in_time(image: Image) -> bool:
        return (
            all(image.added < limit for limit in before)
            and all(image.added > limit for limit in since)
            and all(image.last_used < limit for limit in until)
        )

    return in_time
