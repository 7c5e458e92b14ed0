"""After a start with a new key, or another provider: what older ones sealed is written once more."""

import logging

from sampan.kube.access.encryption import Encryption, Unreadable
from sampan.kube.api.catalog import Catalog
from sampan.kube.store.cache import Cache
from sampan.kube.store.store import Mismatch, Store

log = logging.getLogger("sampan.kube")

PAGE = 500


async def reseal(catalog: Catalog, store: Store, cache: Cache, encryption: Encryption) -> None:
    """An object that somebody else writes meanwhile is sealed by that."""
    kept = {one.prefix: one.resource for one in catalog.known() if one.resource.stored}
    count = 0
    for prefix, resource in kept.items():
        if encryption.covers(resource_of(prefix)):
            count += await _reseal(prefix, resource.ttl, store, cache, encryption)
    if count:
        log.info("sealed %d objects again", count)


def resource_of(key: str) -> str:
    """What keys like this one are sealed as: two resources may share them."""
    _, _, group, plural, *_ = key.split("/")
    return plural if group == "core" else f"{plural}.{group}"


async def _reseal(prefix: str, ttl: int, store: Store, cache: Cache, encryption: Encryption) -> int:
    resource = resource_of(prefix)
    count, start, more = 0, prefix, True
    while more:
        page = await store.list(prefix, start=start, limit=PAGE)
        for entry in page.entries:
            try:
                value, stale = encryption.open(resource, entry.key, entry.value)
                if stale:
                    sealed = encryption.seal(resource, entry.key, value)
                    await cache.write(entry.key, sealed, expected=entry.revision, ttl=ttl)
                    count += 1
            except Mismatch:
                continue
            except Unreadable as error:
                log.warning("not sealed again: %s", error)
        more = page.more
        start = page.entries[-1].key + "\0" if page.entries else ""
    return count
