"""What admission counts for quotas, written into their status."""

from collections.abc import Callable

from sampan.kube.access.user import LOOPBACK
from sampan.kube.api.calls import AGENT, Call
from sampan.kube.api.catalog import Catalog
from sampan.kube.api.options import WriteOptions
from sampan.kube.api.updating import CHANGED
from sampan.kube.api.writing import Writer
from sampan.kube.kinds.resource import Object, Reader
from sampan.specs.kubernetes import status


class Charges:
    """Admission comes before the writer that it needs: it is told of it afterwards."""

    def __init__(self, catalog: Catalog, reader: Reader, clock: Callable[[], float]) -> None:
        self.writer: Writer | None = None
        self._catalog = catalog
        self._reader = reader
        self._clock = clock

    async def write(self, quota: Object, used: dict[str, str]) -> None:
        """Raises a Conflict if the quota counts otherwise by now."""
        served = self._catalog.by_name("resourcequotas")
        assert served is not None
        assert self.writer is not None
        metadata = quota["metadata"]
        known = (quota.get("status") or {}).get("used")

        def make(old: Object | None) -> Object:
            assert old is not None
            now = old.get("status") or {}
            if now.get("used") != known:
                raise status.conflict("", "resourcequotas", metadata["name"], CHANGED)
            return {**old, "metadata": dict(old["metadata"]), "status": {**now, "used": used}}

        where = metadata["namespace"], metadata["name"], "status"
        call = Call(served, LOOPBACK, self._reader, *where, agent=AGENT, now=self._clock())
        await self.writer.update(call, make, WriteOptions(manager=AGENT))
