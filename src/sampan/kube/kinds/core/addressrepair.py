"""IPAddresses that are missing, or left over: after a crash between two writes, or what was restored. Pure.

Kubernetes: pkg/registry/core/service/ipallocator/controller/repairip.go
"""

from collections.abc import Iterable

from sampan.errors import Invalid
from sampan.kube.kinds.core.serviceaddresses import ADDRESSES, MANAGED_LABEL, MANAGER, held_by
from sampan.kube.kinds.core.serviceforms import NONE
from sampan.kube.kinds.resource import Companions, Object
from sampan.specs.kubernetes import ip, time

GRACE = 60  # seconds: an address is written before the Service that wants it


def repairs(services: Iterable[Object], addresses: Iterable[Object], now: float) -> Companions:
    """What is to be made and removed. An address that two Services have is the first one's."""
    wanted: dict[str, Object] = {}
    for service in services:
        for text in (service.get("spec") or {}).get("clusterIPs") or ():
            address = ip.parse(text) if text and text != NONE else None
            if address is not None:
                name = ip.show(address)
                wanted.setdefault(name, held_by(service, ip.family(address), name))
    have = {one["metadata"]["name"]: one for one in addresses}
    missing = tuple((ADDRESSES, one) for name, one in wanted.items() if name not in have)
    left = tuple((ADDRESSES, name) for name, one in have.items() if name not in wanted and _is_left(one, now))
    return Companions(missing, left)


def _is_left(one: Object, now: float) -> bool:
    metadata = one["metadata"]
    if (metadata.get("labels") or {}).get(MANAGED_LABEL) != MANAGER:
        return False
    try:
        return time.parse(metadata.get("creationTimestamp") or "")[0] + GRACE < now
    except Invalid:
        return False
