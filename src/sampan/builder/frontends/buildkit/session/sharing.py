"""Builds of one session that want a directory at the same time get it once: a bake file's targets do."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from sampan.builder.frontends.buildkit.session.identity import Identity
from sampan.builder.frontends.buildkit.session.listing import Listing

Progress = Callable[[int], None]
Fill = Callable[[Listing, Progress], Awaitable[None]]


class _Shared:
    """A directory that is being received, or held, for those who want it."""

    def __init__(self) -> None:
        self.users = 0
        self.told: list[Progress] = []
        self.ready: asyncio.Future[Listing] = asyncio.get_running_loop().create_future()
        self.task: asyncio.Task[None] | None = None

    def tell(self, size: int) -> None:
        for told in self.told:
            told(size)


class Sharing:
    """Of one engine. Owned by the event loop."""

    def __init__(self, hold: Callable[[Identity], AbstractAsyncContextManager[Listing]]) -> None:
        self._held = hold
        self._shared: dict[Hashable, _Shared] = {}

    @asynccontextmanager
    async def use(
        self, what: Hashable, identity: Identity, fill: Fill, progress: Progress | None
    ) -> AsyncIterator[Listing]:
        """The directory, made by `fill` unless somebody has just had it made of the same `what`."""
        shared = self._shared.get(what)
        if shared is None:
            shared = self._shared[what] = _Shared()
            shared.task = asyncio.create_task(self._hold(shared, identity, fill))
        shared.users += 1
        if progress is not None:
            shared.told.append(progress)
        try:
            yield await asyncio.shield(shared.ready)
        finally:
            await self._leave(what, shared)

    async def _hold(self, shared: _Shared, identity: Identity, fill: Fill) -> None:
        """Until it is cancelled, which is how the last user ends it."""
        try:
            async with self._held(identity) as listing:
                await fill(listing, shared.tell)
                shared.ready.set_result(listing)
                await asyncio.Event().wait()
        except Exception as error:
            if shared.ready.done():
                raise
            shared.ready.set_exception(error)  # of the users, who wait for it

    async def _leave(self, what: Hashable, shared: _Shared) -> None:
        shared.users -= 1
        failed = shared.ready.done() and not shared.ready.cancelled() and shared.ready.exception() is not None
        if (failed or not shared.users) and self._shared.get(what) is shared:
            del self._shared[what]  # whoever comes now begins anew
        if not shared.users and shared.task is not None:
            shared.task.cancel()
            shared.ready.cancel()
            await asyncio.gather(shared.task, return_exceptions=True)
