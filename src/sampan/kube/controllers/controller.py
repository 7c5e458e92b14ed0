"""What every controller is: informers that say which keys to look at, and a `reconcile` for one key.

`reconcile` looks at what is, not at what happened; it may be called at any time, and again. What it raises is
logged, and the key comes back later.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable

from sampan.errors import SampanError
from sampan.kube.client.informer import Informer, key_of
from sampan.kube.client.requests import Object
from sampan.kube.client.workqueue import WorkQueue
from sampan.specs.kubernetes.status import StatusError, is_conflict

log = logging.getLogger("sampan.kube")

Reconcile = Callable[[str], Awaitable[float | None]]


class Controller:
    """`reconcile` returns None, or after how many seconds the key is to be looked at again."""

    def __init__(
        self, name: str, reconcile: Reconcile, informers: Iterable[Informer], workers: int = 2
    ) -> None:
        self.name = name
        self.queue = WorkQueue()
        self._reconcile = reconcile
        self._informers = list(informers)
        self._workers = workers

    def watch(self, informer: Informer, keys: Callable[[Object], Iterable[str]] | None = None) -> None:
        """Look at an object's own key, or at `keys`, whenever it changes."""
        if informer not in self._informers:
            self._informers.append(informer)

        def changed(_what: str, value: Object, old: Object | None) -> None:
            for key in keys(value) if keys is not None else (key_of(value),):
                self.queue.add(key)
            if keys is not None and old is not None:
                for key in keys(old):
                    self.queue.add(key)

        informer.on_change(changed)

    async def run(self) -> None:
        """Until cancelled. Nothing is decided before all its informers have seen everything once."""
        for informer in self._informers:
            await informer.synced.wait()
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(self._workers):
                    group.create_task(self._work())
        finally:
            self.queue.stop()

    async def _work(self) -> None:
        while (key := await self.queue.get()) is not None:
            try:
                again = await self._reconcile(key)
            except (StatusError, SampanError) as error:
                seconds = self.queue.retry(key)
                # Somebody else was faster, or the informer is late: ordinary, and soon seen.
                ordinary = is_conflict(error)
                level = logging.DEBUG if ordinary else logging.INFO
                log.log(level, "%s: %s: %s; again in %.3g s", self.name, key, error, seconds)
            except Exception:
                self.queue.retry(key)
                log.exception("%s: %s", self.name, key)
            else:
                self.queue.forget(key)
                if again is not None:
                    self.queue.add_after(key, again)
            finally:
                self.queue.done(key)
