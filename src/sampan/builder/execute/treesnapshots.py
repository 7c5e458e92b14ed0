"""A directory of the host as a snapshot: what `RUN --mount=type=bind` shows of a context.

Only what is listed in the tree is seen, so what is ignored is not, and nothing can be written to the user's
own files.
"""

import asyncio
import stat
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from sampan.builder.execute import layers
from sampan.builder.execute.files import FileOp, Taken, layer_tar
from sampan.builder.execute.pack import ChangesPacker
from sampan.builder.execute.workspace import Workspace
from sampan.builder.plan.graph import Copy, Run
from sampan.builder.sources.select import select_mount
from sampan.builder.trees import Selected, Snapshot, Tree
from sampan.engine.images.store import ImageStore


class TreeSnapshots:
    """Of one build: each part of a tree is made a layer at most once."""

    def __init__(self, images: ImageStore, tmp: Path, workspace: Workspace) -> None:
        self._images = images
        self._tmp = tmp
        self._workspace = workspace
        self._made: dict[tuple[int, str], tuple[Tree, asyncio.Task[Snapshot]]] = {}

    async def snapshots(self, run: Run, inputs: Mapping[int, Snapshot | Tree]) -> dict[int, Snapshot]:
        """Of all inputs that mounts name. Raises NotFound for a source that is not there, Failed."""
        found: dict[int, Snapshot] = {}
        for mount in run.mounts:
            if mount.input is None:
                continue
            item = inputs[mount.input]
            found[mount.input] = (
                item if isinstance(item, Snapshot) else await self._made_of(item, mount.source)
            )
        return found

    async def _made_of(self, tree: Tree, source: str) -> Snapshot:
        path = select_mount(tree, source).pairs[0][0]
        key = (id(tree), path)
        if key not in self._made:
            self._made[key] = (tree, asyncio.ensure_future(self._make(tree, path)))
        return await asyncio.shield(self._made[key][1])

    async def _make(self, tree: Tree, path: str) -> Snapshot:
        above = {"/".join(path.split("/")[:count]) for count in range(1, path.count("/") + 2)}
        pairs = [("", "")]
        for name, entry in tree.entries.items():
            if not name:
                continue
            wanted = not path or name in above or name.startswith(path + "/")
            if wanted and not stat.S_ISSOCK(entry.mode):
                pairs.append((name, name))
        copy = Copy(input=0, sources=("",), dest="/")
        # A program sees the files as they are, times included; none of it gets into a layer.
        taken = Taken(replace(tree, dated=True), Selected(tuple(pairs), key=""))
        op = FileOp(actions=[copy], taken=[taken], base=Snapshot())
        packer = ChangesPacker(None)
        chunks = layer_tar(op, packer, self._workspace.stack, self._tmp)
        return Snapshot((await layers.add(self._images, self._workspace, packer, chunks),))
