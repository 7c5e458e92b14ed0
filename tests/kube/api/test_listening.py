"""Indexes are right again after the cache was loaded anew."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from sampan.kube.access.rbac import RESOURCES, Rbac
from sampan.kube.access.user import Attributes, User
from sampan.kube.api.catalog import CacheReader, Catalog
from sampan.kube.api.listening import follow
from sampan.kube.kinds.table import builtin_resources
from sampan.kube.store.cache import Cache
from sampan.kube.store.rings import Lagging
from sampan.kube.store.sqlite import SqliteStore
from tests.support.poll import until_async

GROUP = "rbac.authorization.k8s.io"
ASKED = Attributes(User("jane"), "get", "", "v1", "pods", namespace="ns", name="p")


class Cluster:
    def __init__(self, cache: Cache) -> None:
        self.cache = cache
        self.catalog = Catalog(builtin_resources())
        self.rbac = Rbac(CacheReader(cache, self.catalog))
        self.told: list[tuple[str, str, str]] = []
        self.lost = 0

    async def put(self, plural: str, name: str, value: dict[str, Any] | None) -> None:
        served = self.catalog.by_name(f"{plural}.{GROUP}")
        assert served is not None
        stored = (
            None if value is None else served.stored({"metadata": {"name": name, "namespace": "ns"}, **value})
        )
        await self.cache.write(served.key("ns", name), stored, expected=None)

    def allowed(self) -> bool:
        return self.rbac.authorize(ASKED)[0]

    def miss(self) -> None:
        """As if all that follow had been too slow."""
        self.cache._end_all(Lagging("x"))

    def forget(self) -> None:
        self.lost += 1
        self.rbac.load()


@pytest.fixture
async def cluster(tmp_path: Path) -> Any:
    cache = Cache(await SqliteStore.open(tmp_path / "db"))
    await cache.start()
    made = Cluster(cache)
    task = asyncio.ensure_future(
        follow(cache, made.catalog, dict.fromkeys(RESOURCES, made.rbac.changed), made.forget)
    )
    yield made
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await cache.stop()


async def test_who_was_allowed_something_is_so_no_more(cluster: Cluster) -> None:
    await cluster.put("roles", "r", {"rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]})
    subject = {"kind": "User", "name": "jane", "apiGroup": GROUP}
    reference = {"kind": "Role", "name": "r", "apiGroup": GROUP}
    await cluster.put("rolebindings", "b", {"subjects": [subject], "roleRef": reference})
    await until_async(cluster.allowed, "she may")
    cluster.miss()
    await until_async(lambda: cluster.lost, "it is noticed")
    assert cluster.allowed()
    cluster.lost = 0
    cluster.miss()
    await cluster.put("rolebindings", "b", None)
    await until_async(lambda: cluster.lost and not cluster.allowed(), "she may no more")
    await cluster.put("rolebindings", "b", {"subjects": [subject], "roleRef": reference})
    await until_async(cluster.allowed, "and changes are heard of again")
