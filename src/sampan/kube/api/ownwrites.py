"""What this server writes for itself while it runs: states of definitions and APIServices."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from sampan.errors import Unavailable
from sampan.kube.access.user import LOOPBACK
from sampan.kube.api import bodies
from sampan.kube.api.calls import AGENT, Call
from sampan.kube.api.options import DeleteOptions, WriteOptions
from sampan.kube.api.served import Served
from sampan.kube.api.writing import Writer
from sampan.kube.kinds.resource import Object, Reader
from sampan.specs.kubernetes import status

log = logging.getLogger("sampan.kube")

OPTIONS = WriteOptions(manager=AGENT)
FASTER = ("AlreadyExists", "NotFound")  # somebody else has been
PAUSE = 1.0  # seconds between attempts while the store is away
Change = Callable[[Object], Object]


class OwnWrites:
    """By the way that everybody's writes take. Whoever is faster is heard; what is refused is logged.

    While the store is away they wait: whoever follows the cluster has nothing else to do then.
    """

    def __init__(self, writer: Writer, reader: Reader, clock: Callable[[], float] = time.time) -> None:
        self._writer = writer
        self._reader = reader
        self._clock = clock

    @property
    def stamp(self) -> str:
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self._clock()))

    async def create(self, served: Served, value: Object, namespace: str = "") -> None:
        name = value["metadata"]["name"]
        call = self._call(served, namespace)
        await _insist(lambda: self._writer.create(call, bodies.decoded(served, value), OPTIONS), served, name)

    async def update(
        self, served: Served, name: str, change: Change, subresource: str = "", namespace: str = ""
    ) -> None:
        """`change` is given the object as it is, perhaps several times, and may give it back."""
        call = self._call(served, namespace, name, subresource)

        def make(old: Object | None) -> Object:
            assert old is not None
            new = change(old)
            return {**new, "metadata": dict(new["metadata"])}

        await _insist(lambda: self._writer.update(call, make, OPTIONS), served, name)

    async def delete(self, served: Served, namespace: str, name: str) -> None:
        call = self._call(served, namespace, name)
        await _insist(lambda: self._writer.delete(call, DeleteOptions()), served, name)

    def _call(self, served: Served, namespace: str = "", name: str = "", subresource: str = "") -> Call:
        return Call(
            served, LOOPBACK, self._reader, namespace, name, subresource, agent=AGENT, now=self._clock()
        )


async def _insist(attempt: Callable[[], Awaitable[object]], served: Served, name: str) -> None:
    while True:
        try:
            await attempt()
        except status.StatusError as error:
            if status.is_conflict(error):
                continue
            if error.reason not in FASTER:
                log.warning("%s %s: %s", served.resource.name, name, error.message)
        except Unavailable:
            await asyncio.sleep(PAUSE)
            continue
        return
