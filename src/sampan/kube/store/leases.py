"""Leases of an etcd, shared by keys that expire at about the same time."""

import asyncio
from dataclasses import dataclass
from typing import Any

from sampan.errors import Unavailable
from sampan.http.grpc.status import GrpcError
from sampan.kube.store.members import Members
from sampan.specs.etcd import schema

KEYS = 1000  # of one lease, as upstream: etcd deletes them all in one transaction
SHARED = 60  # seconds that a key may live longer, at most, so that others can use its lease


@dataclass
class Lease:
    id: int
    until: float  # of the event loop's clock: no longer given out then
    keys: int = 0


class Leases:
    """A key put with a lease lives its time, and up to a twentieth of that longer."""

    def __init__(self, members: Members) -> None:
        self._members = members
        self._leases: dict[int, Lease] = {}
        self._granting = asyncio.Lock()

    async def of(self, ttl: int) -> int:
        """The id of a lease for a key that is put now. Raises Unavailable."""
        async with self._granting:
            now = asyncio.get_running_loop().time()
            lease = self._leases.get(ttl)
            if lease is None or lease.keys >= KEYS or lease.until <= now:
                lease = self._leases[ttl] = await self._grant(ttl, now)
            lease.keys += 1
            return lease.id

    async def left(self, lease: int) -> int:
        """Seconds, at least one. Raises Unavailable."""
        request = schema().message("etcdserverpb.LeaseTimeToLiveRequest")(ID=lease)
        return max(1, int((await self._ask("LeaseTimeToLive", request)).TTL))

    async def _grant(self, ttl: int, now: float) -> Lease:
        shared = min(SHARED, ttl // 20)
        request = schema().message("etcdserverpb.LeaseGrantRequest")(TTL=ttl + shared)
        return Lease((await self._ask("LeaseGrant", request)).ID, now + shared)

    async def _ask(self, name: str, request: Any) -> Any:
        try:
            return await self._members.ask("Lease", name, request)
        except GrpcError as error:
            raise Unavailable(f"etcd: {error.message}") from error
