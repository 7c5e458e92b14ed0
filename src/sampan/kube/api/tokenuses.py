"""When tokens that stand in Secrets were last used, written into a label of the Secret: once a day.

Who has not been used for a year is cleared away by a controller. Kubernetes: pkg/serviceaccount/legacy.go.
"""

import asyncio
from collections.abc import Callable
from functools import partial

from sampan.kube.api.catalog import Catalog
from sampan.kube.api.ownwrites import OwnWrites
from sampan.kube.kinds.resource import Object, Reader
from sampan.kube.pki.accounttokens import LAST_USED
from sampan.specs.kubernetes import time

MOST = 1000  # Secrets that wait to be written; a use that finds no place is told of by the next


class TokenUses:
    def __init__(self, reader: Reader, clock: Callable[[], float]) -> None:
        """`clock`: seconds since 1970."""
        self._reader, self._clock = reader, clock
        self._waiting: asyncio.Queue[tuple[str, str]] = asyncio.Queue(MOST)

    def note(self, namespace: str, name: str) -> None:
        """A token was shown. Never waits."""
        secret = self._reader.get("secrets", namespace, name)
        if secret is not None and _label(secret) != self._today() and not self._waiting.full():
            self._waiting.put_nowait((namespace, name))

    async def run(self, own: OwnWrites, catalog: Catalog) -> None:
        """Until cancelled."""
        served = catalog.by_name("secrets")
        assert served is not None
        while True:
            namespace, name = await self._waiting.get()
            await own.update(served, name, partial(used, self._today()), namespace=namespace)

    def _today(self) -> str:
        return time.text(self._clock())[:10]


def _label(secret: Object) -> str:
    return str((secret["metadata"].get("labels") or {}).get(LAST_USED, ""))


def used(day: str, secret: Object) -> Object:
    """The Secret with the day of its use; the same object if that is known."""
    if _label(secret) == day:
        return secret
    labels = {**(secret["metadata"].get("labels") or {}), LAST_USED: day}
    return {**secret, "metadata": {**secret["metadata"], "labels": labels}}
