"""What this server does again and again for the cluster: its own lease, and addresses of Services.

k8s.io/apiserver APIServerIdentity (pkg/controlplane/apiserver/server.go); the repair of addresses.
"""

import asyncio
import base64
import hashlib
import time
import uuid
from collections.abc import Awaitable, Callable

from sampan.errors import Invalid
from sampan.kube.api.catalog import Catalog
from sampan.kube.api.ownwrites import OwnWrites
from sampan.kube.api.served import Served
from sampan.kube.kinds.core.addressrepair import repairs
from sampan.kube.kinds.core.serviceaddresses import ADDRESSES
from sampan.kube.kinds.resource import Object, Reader
from sampan.specs.kubernetes.time import micro_text, parse

LEASES = "leases.coordination.k8s.io"
NAMESPACE = "kube-system"
IDENTITY_LABEL, IDENTITY = "apiserver.kubernetes.io/identity", "kube-apiserver"
LEASE_SECONDS, RENEW, COLLECT, REPAIR = 3600, 10.0, 3600.0, 180.0


class Upkeep:
    def __init__(
        self,
        catalog: Catalog,
        reader: Reader,
        own: OwnWrites,
        host: str,
        port: int,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._leases, self._addresses = _served(catalog, LEASES), _served(catalog, ADDRESSES)
        self._reader = reader
        self._own = own
        self._host = host
        self._name = identity(f"{host}:{port}")
        self._clock = clock
        self._holder = f"{self._name}_{uuid.uuid4()}"

    async def renew(self) -> None:
        """Say that this server is there."""
        name = self._name
        spec = {
            "holderIdentity": self._holder,
            "leaseDurationSeconds": LEASE_SECONDS,
            "renewTime": self._now(),
        }

        def renewed(old: Object) -> Object:
            return {**old, "spec": {**(old.get("spec") or {}), **spec}}

        if self._reader.get(LEASES, NAMESPACE, name) is not None:
            await self._own.update(self._leases, name, renewed, namespace=NAMESPACE)
            return
        labels = {IDENTITY_LABEL: IDENTITY, "kubernetes.io/hostname": self._host}
        value = {"metadata": {"name": name, "namespace": NAMESPACE, "labels": labels}, "spec": spec}
        await self._own.create(self._leases, value, NAMESPACE)

    async def collect(self) -> None:
        """Remove the leases of servers that have not been there for long."""
        for lease in self._reader.list(LEASES, NAMESPACE):
            if is_expired(lease, self._clock()):
                await self._own.delete(self._leases, NAMESPACE, lease["metadata"]["name"])

    async def repair(self) -> None:
        """Give Services the IPAddresses that they should have, and remove those that are nobody's."""
        services, addresses = self._reader.list("services"), self._reader.list(ADDRESSES)
        plan = repairs(services, addresses, self._clock())
        for _, value in plan.create:
            await self._own.create(self._addresses, value)
        for _, name in plan.delete:
            await self._own.delete(self._addresses, "", name)

    def _now(self) -> str:
        now = self._clock()
        return micro_text(int(now), int(now % 1 * 1e9))


async def again(work: Callable[[], Awaitable[None]], seconds: float) -> None:
    """Until cancelled."""
    while True:
        await work()
        await asyncio.sleep(seconds)


def identity(where: str) -> str:
    """What a server is called: a name that is the same after it was started anew."""
    digest = hashlib.sha256(where.encode()).digest()[:16]
    return "apiserver-" + base64.b32encode(digest).decode().rstrip("=").lower()


def is_expired(lease: Object, now: float) -> bool:
    """Is it a server's, and over?"""
    return (lease["metadata"].get("labels") or {}).get(IDENTITY_LABEL) == IDENTITY and is_over(lease, now)


def is_over(lease: Object, now: float) -> bool:
    """Has whoever holds it not renewed it in time?"""
    spec = lease.get("spec") or {}
    try:
        renewed, _ = parse(spec.get("renewTime") or "")
    except Invalid:
        return True
    return bool(renewed + (spec.get("leaseDurationSeconds") or LEASE_SECONDS) < now)


def _served(catalog: Catalog, name: str) -> Served:
    found = catalog.by_name(name)
    assert found is not None, name
    return found
