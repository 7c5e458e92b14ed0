"""What this server writes for itself while it runs: states of definitions and APIServices."""

import logging
import time
from collections.abc import Callable

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
Change = Callable[[Object], Object]


class OwnWrites:
    """By the way that everybody's writes take. Whoever is faster is heard; what is refused is logged."""

    def __init__(self, writer: Writer, reader: Reader, clock: Callable[[], float] = time.time) -> None:
        self._writer = writer
        self._reader = reader
        self._clock = clock

    @property
    def stamp(self) -> str:
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self._clock()))

    async def create(self, served: Served, value: Object) -> None:
        try:
            await self._writer.create(self._call(served), bodies.decoded(served, value), OPTIONS)
        except status.StatusError as error:
            if error.reason != "AlreadyExists":
                _complain(served, value["metadata"]["name"], error)

    async def update(self, served: Served, name: str, change: Change, subresource: str = "") -> None:
        """`change` is given the object as it is, perhaps several times, and may give it back."""
        call = self._call(served, name=name, subresource=subresource)

        def make(old: Object | None) -> Object:
            assert old is not None
            new = change(old)
            return {**new, "metadata": dict(new["metadata"])}

        while True:
            try:
                await self._writer.update(call, make, OPTIONS)
            except status.StatusError as error:
                if error.reason == "Conflict":
                    continue
                if error.reason != "NotFound":
                    _complain(served, name, error)
            return

    async def delete(self, served: Served, namespace: str, name: str) -> None:
        try:
            await self._writer.delete(self._call(served, namespace, name), DeleteOptions())
        except status.StatusError as error:
            if error.reason != "NotFound":
                _complain(served, name, error)

    def _call(self, served: Served, namespace: str = "", name: str = "", subresource: str = "") -> Call:
        return Call(
            served, LOOPBACK, self._reader, namespace, name, subresource, agent=AGENT, now=self._clock()
        )


def _complain(served: Served, name: str, error: status.StatusError) -> None:
    log.warning("%s %s: %s", served.resource.name, name, error.message)
