"""A program under a shim, a container's or that of a RUN step: its start, its forced end, its cgroup."""

import asyncio
import os
import posixpath
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

from sampan.engine.containers.settings import Settings
from sampan.errors import SampanError
from sampan.paths import ContainerPaths
from sampan.runtime.cgroups import Cgroup, leave, open_cgroup
from sampan.runtime.client import Launcher, Shim, remove_tree
from sampan.runtime.protocol import StartRequest

SIGKILL = 9
PATIENCE = 10.0  # seconds for a killed program to be gone


@dataclass(frozen=True)
class Cgroups:
    """By path, as records and start requests name them."""

    settings: Settings

    def open(self, path: str) -> Cgroup:
        return open_cgroup(path, self.settings.host.layout)

    def clear(self, path: str) -> None:
        """Kill what still runs in it, as after its shim died, and remove it."""
        cgroup = self.open(path)
        if cgroup.exists():
            cgroup.kill()
            cgroup.remove()
        self.leave_parent(path)

    def leave_parent(self, path: str) -> None:
        """A program's end may leave the parent it asked for empty; the default one stays for the next."""
        parent = posixpath.dirname(path)
        if parent not in ("", "/", self.settings.defaults.cgroup_parent):
            leave(parent, self.settings.host.layout)

    def leave_default(self) -> None:
        """On the way out: without containers, nothing of ours is left in the tree."""
        if self.settings.defaults.cgroup_parent != "/":
            leave(self.settings.defaults.cgroup_parent, self.settings.host.layout)


class Running:
    """A program that runs, or has ended."""

    def __init__(self, shim: Shim) -> None:
        self._shim = shim
        self._end: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        shim.on_event(self._heard)

    def _heard(self, event: dict[str, Any]) -> None:
        if event["event"] in ("exit", "gone") and not self._end.done():
            self._end.set_result(event)

    async def wait(self) -> dict[str, Any]:
        """The shim's "exit", or "gone" when it died without a word."""
        return await asyncio.shield(self._end)

    async def end(self) -> bool:
        """Kill it, unless it has ended well already. True when something of it may be left in its cgroup."""
        if self._end.done():
            return bool(self._end.result()["event"] == "gone")
        with suppress(SampanError, OSError):
            await self._shim.kill(SIGKILL)
        with suppress(TimeoutError):
            await asyncio.wait_for(self.wait(), PATIENCE)
        return True


@dataclass(frozen=True)
class Shims:
    """Starts containers and RUN steps with descriptors of their layers' mounts; a failed start leaves no
    process behind.
    """

    launcher: Launcher
    cgroups: Cgroups
    layer_mounts: Callable[[Sequence[str]], dict[int, int]]  # Images.layer_mounts

    async def start(
        self,
        paths: ContainerPaths,
        request: StartRequest,
        *,
        netns: int | None = None,
        attach: Sequence[int] = (),
        userns: int | None = None,
        mounts: Mapping[int, int] | None = None,
    ) -> Shim:
        """As Launcher.start, and what a shim that died had forked is killed."""
        layers = self.layer_mounts(request["rootfs"]["lower"])
        try:
            return await self.launcher.start(paths, request, netns, attach, userns, layers, mounts)
        except BaseException:
            self.cgroups.clear(request["cgroup"]["path"])
            raise
        finally:
            for descriptor in layers.values():
                os.close(descriptor)

    @asynccontextmanager
    async def running(
        self,
        paths: ContainerPaths,
        request: StartRequest,
        *,
        netns: int | None = None,
        attach: Sequence[int] = (),
        mounts: Mapping[int, int] | None = None,
    ) -> AsyncIterator[Running]:
        """A program that lives no longer than the block; then its cgroup and its shim's files are gone too.

        A start is never left half done: cancelled meanwhile, it is ended once it has come about.
        """
        starting = asyncio.ensure_future(
            self.start(paths, request, netns=netns, attach=attach, mounts=mounts)
        )
        try:
            shim = await asyncio.shield(starting)
        except asyncio.CancelledError:
            with suppress(SampanError, OSError):
                shim = await starting
                await self._end(shim, Running(shim), request["cgroup"]["path"])
            raise
        program = Running(shim)
        try:
            yield program
        finally:
            await self._end(shim, program, request["cgroup"]["path"])

    async def _end(self, shim: Shim, program: Running, cgroup: str) -> None:
        left = await program.end()
        shim.close()
        if left:
            self.cgroups.clear(cgroup)
        else:
            self.cgroups.leave_parent(cgroup)
        remove_tree(shim.paths.exec)
