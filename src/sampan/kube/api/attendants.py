"""A task for each extension server's group version, which looks at it again and again."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Hashable
from contextlib import suppress

from sampan.kube.api.extensions import API_SERVICES, Extension, Extensions
from sampan.kube.api.serviceaddresses import SERVICE_NAME, SLICES
from sampan.kube.kinds.resource import Reader
from sampan.tasks import Tasks

log = logging.getLogger("sampan.kube")

RESYNC = 30.0  # seconds after which a failure is looked at again at the latest
FIRST = 0.1  # seconds until the first time


class Attendants:
    """`look` says in how many seconds it wants to look again; None: it has failed, and tries ever less often.

    It looks at once when the Service changes, or anything of the extension that `sees` tells.
    """

    def __init__(
        self,
        extensions: Extensions,
        reader: Reader,
        look: Callable[[Extension], Awaitable[float | None]],
        sees: Callable[[Extension], Hashable],
    ) -> None:
        self._extensions = extensions
        self._reader = reader
        self._look = look
        self._sees = sees
        self._tasks = Tasks()
        self._kept: dict[str, tuple[asyncio.Task[None], asyncio.Event, Hashable]] = {}
        extensions.listeners.append(self._changed)

    def start(self) -> None:
        """Those that are there already."""
        self._attend()

    async def stop(self) -> None:
        await self._tasks.stop()

    def _attend(self) -> None:
        wanted = {one.name: one for one in self._extensions.all()}
        for name in [one for one in self._kept if one not in wanted]:
            self._kept.pop(name)[0].cancel()
        for name, one in wanted.items():
            seen = self._sees(one)
            if name not in self._kept:
                event = asyncio.Event()
                self._kept[name] = self._tasks.spawn(self._keep(name, event)), event, seen
            elif self._kept[name][2] != seen:
                task, event, _ = self._kept[name]
                self._kept[name] = task, event, seen
                event.set()

    async def _keep(self, name: str, event: asyncio.Event) -> None:
        delay = FIRST
        while (one := next((one for one in self._extensions.all() if one.name == name), None)) is not None:
            event.clear()
            wish = await self._seen(one)
            delay = FIRST if wish is not None else min(delay * 2, RESYNC)
            with suppress(TimeoutError):
                async with asyncio.timeout(delay if wish is None else wish):
                    await event.wait()

    async def _seen(self, one: Extension) -> float | None:
        try:
            return await self._look(one)
        except Exception:  # what one server does must not end it for the next time
            log.exception("APIService %s", one.name)
            return None

    def _changed(self, resource: str, namespace: str, name: str) -> None:
        if resource == API_SERVICES:
            self._attend()
            return
        if resource == SLICES:
            found = self._reader.get(SLICES, namespace, name)
            # Of one that is gone nobody knows whose it was.
            name = (found["metadata"].get("labels") or {}).get(SERVICE_NAME, "") if found else ""
        for one in self._extensions.all():
            if one.namespace == namespace and name in ("", one.service) and one.name in self._kept:
                self._kept[one.name][1].set()
