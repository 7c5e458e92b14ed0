"""A step's tar becomes a layer in the build's staging."""

from collections.abc import Generator
from dataclasses import replace
from typing import Protocol

from sampan.builder.execute.cancellation import Stop
from sampan.builder.execute.workspace import Workspace
from sampan.engine.images.ingest import add_local_layer
from sampan.engine.images.store import ImageStore


class Packed(Protocol):
    link_bytes: int


async def add(
    store: ImageStore, workspace: Workspace, packer: Packed, chunks: Generator[bytes, None, None]
) -> str:
    """Its diff ID. `packer` makes the chunks. Raises Failed.

    BuildKit counts the bytes of a layer it made without those of links' targets.
    """
    stop = Stop()
    try:
        layer = await stop.ending(add_local_layer(store, workspace.staging, stop.each(chunks)))
    finally:
        # An error keeps it alive, and it keeps files open: a full disk would stay full.
        chunks.close()
    if layer.diff_id not in store.layers:
        workspace.staging.layers[layer.diff_id] = replace(layer, size=layer.size - packer.link_bytes)
    return layer.diff_id
