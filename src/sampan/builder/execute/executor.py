"""What solving calls: the steps of one build, executed on this engine."""

import asyncio
import os
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path

import orjson

from sampan.builder.execute import layers, shell, stubs
from sampan.builder.execute.cachemounts import CacheMounts, MountRecord
from sampan.builder.execute.cancellation import Stop
from sampan.builder.execute.files import FileOp, Taken, layer_tar
from sampan.builder.execute.output import Output
from sampan.builder.execute.pack import ChangesPacker
from sampan.builder.execute.run import RunFailed, Runner
from sampan.builder.execute.scan import scan
from sampan.builder.execute.snapshottar import snapshot_tar
from sampan.builder.execute.stepnetworks import StepNetworks
from sampan.builder.execute.treesnapshots import TreeSnapshots
from sampan.builder.execute.workspace import Workspace
from sampan.builder.options import BuildOptions
from sampan.builder.plan.graph import Action, Run
from sampan.builder.requester import Requester
from sampan.builder.trees import Snapshot, Tree
from sampan.db.sqlite import Store
from sampan.engine import trash
from sampan.engine.containers.manager import Containers
from sampan.engine.images.pipes import pieces
from sampan.engine.images.store import ImageStore, Staging
from sampan.engine.networks.manager import Networks
from sampan.images.unpack import unpack
from sampan.paths import Paths
from sampan.runtime.client import remove_tree
from sampan.storage.stack import Stack

__all__ = ["Execution", "Executor", "MountRecord", "Output", "RunFailed", "Taken"]


class Execution:
    """One build's. All layers it makes are in its staging, and not yet durable.

    `epoch`: file times of the step's layer that are later become that, in seconds since 1970.
    """

    def __init__(self, executor: "Executor", workspace: Workspace) -> None:
        self._images = executor.images
        self._tmp = executor.paths.tmp
        self._workspace = workspace
        self._trees = TreeSnapshots(self._images, self._tmp, workspace)
        self._networks = StepNetworks(executor.networks, workspace.id, workspace.options.extra_hosts)
        self._runner = Runner(
            paths=executor.paths,
            shims=executor.containers.shims,
            settings=executor.containers.settings,
            images=self._images,
            workspace=workspace,
            caches=executor.caches,
            networks=self._networks,
        )

    def close(self) -> None:
        """When none of its steps runs any more."""
        self._networks.close_all()

    async def run(
        self,
        run: Run,
        base: Snapshot,
        inputs: Mapping[int, Snapshot | Tree],
        output: Output,
        *,
        epoch: int | None = None,
        platform: str = "",
    ) -> Snapshot:
        """RUN: `base` and one layer more. `inputs`: of the step, by index, as `run.mounts` name them.

        Raises RunFailed, NotFound (a secret or ssh agent that is required), Denied (entitlements), Failed.
        Cancelled: the program is killed and nothing is left.
        """
        snapshots = await self._trees.snapshots(run, inputs)
        return await self._runner.run(run, base, snapshots, output, epoch=epoch, platform=platform)

    async def files(
        self,
        actions: Sequence[Action],
        taken: Sequence[Taken | None],
        base: Snapshot,
        *,
        epoch: int | None = None,
    ) -> Snapshot:
        """COPY, ADD, WORKDIR, heredocs: `base` and one layer more. `taken`: what each Copy among them takes.

        Raises Failed, Invalid, NotFound in BuildKit's words.
        """
        op = FileOp(actions=actions, taken=taken, base=base)
        packer = ChangesPacker(epoch)
        chunks = layer_tar(op, packer, self._workspace.stack, self._tmp)
        diff_id = await layers.add(self._images, self._workspace, packer, chunks)
        return Snapshot((*base.layers, diff_id))

    async def scan(self, snapshot: Snapshot, paths: Sequence[str] = ()) -> Tree:
        """What a snapshot holds, for select(). `paths`: patterns; only what they match, and where links among
        that lead, is listed, with all that lies below.
        """
        workspace, stop = self._workspace, Stop()

        def work() -> Tree:
            merged = workspace.stack.merged(snapshot.layers)
            return scan(merged, snapshot, paths, workspace.digests, stop)

        return await stop.ending(asyncio.to_thread(work))

    def export_tar(self, snapshot: Snapshot) -> AsyncIterator[bytes]:
        """All of a snapshot as one tar, in pieces: --output type=tar."""
        return pieces(snapshot_tar(self._workspace.stack.merged(snapshot.layers)))

    async def export_directory(self, snapshot: Snapshot, directory: Path) -> None:
        """All of a snapshot as files below `directory`, with their owners and modes: --output type=local."""
        merged = self._workspace.stack.merged(snapshot.layers)
        stop = Stop()
        chunks = stop.each(snapshot_tar(merged))
        await stop.ending(asyncio.to_thread(lambda: unpack(chunks, str(directory))))


class Executor:
    """One per engine."""

    def __init__(
        self, *, paths: Paths, store: Store, images: ImageStore, containers: Containers, networks: Networks
    ) -> None:
        self.paths = paths
        self.images = images
        self.containers = containers
        self.networks = networks
        self._throw = partial(trash.discard, paths)
        self.caches = CacheMounts(store, paths.build_mounts, self._throw)

    async def start(self) -> None:
        """Kill what steps of an earlier daemon still run, and remove what they left."""
        paths = self.paths
        paths.build_shims.mkdir(parents=True, exist_ok=True, mode=0o710)
        for entry in list(os.scandir(paths.build_shims)):
            self._end_step(Path(entry.path))
        paths.build_steps.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._throw(*paths.build_steps.iterdir())
        stubs.make_points(paths.build_points)
        self.caches.start()

    def _end_step(self, shim: Path) -> None:
        with suppress(OSError, orjson.JSONDecodeError, KeyError):
            request = orjson.loads((shim / "start.json").read_bytes())
            self.containers.cgroups.clear(request["cgroup"]["path"])
        with suppress(OSError):
            remove_tree(shim)

    @asynccontextmanager
    async def execution(
        self, options: BuildOptions, requester: Requester, staging: Staging
    ) -> AsyncIterator[Execution]:
        """For one build, which owns the staging. On leaving, nothing of its steps is on disk but layers."""
        id = "build" + secrets.token_hex(10)
        stack = Stack(self.images.layer_files.lower)
        workspace = Workspace(id, options, requester, staging, self.paths.build_steps / id, stack)
        execution = Execution(self, workspace)
        try:
            yield execution
        finally:
            execution.close()
            stack.close()
            self._throw(workspace.directory)

    def cache_mounts(self) -> list[MountRecord]:
        """Directories of cache mounts; sizes are measured when a step that used them ends."""
        return self.caches.records()

    def remove_cache_mounts(self, names: Sequence[str]) -> None:
        """Those in use stay."""
        self.caches.remove(names)

    async def shell(
        self,
        snapshot: Snapshot,
        name: str,
        *,
        args: Sequence[str] = ("/bin/sh",),
        env: Sequence[str] = (),
        cwd: str = "/",
        user: str = "",
        tty: bool = True,
    ) -> str:
        """Create (not start) a container that removes itself, whose files are the snapshot's; its id.

        Start it and attach to it as to any container. `name`: what `ps` shows as its image.
        Raises NotFound when the layers are gone.
        """
        return await shell.create(
            self.containers,
            self.images.layer_files,
            self.paths.init_layer,
            snapshot,
            name,
            args=args,
            env=env,
            cwd=cwd,
            user=user,
            tty=tty,
        )
