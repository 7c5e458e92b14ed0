"""A store of each kind for each test that asks for one."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from sampan.kube.store.opening import open_store
from sampan.kube.store.store import Store
from tests.support.etcd import Cluster


@pytest.fixture(scope="session")
def etcd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of one that all tests share; what they leave in it is removed before the next one."""
    cluster = Cluster(tmp_path_factory.mktemp("etcd"))
    cluster.start()
    yield cluster.url
    cluster.stop()


@pytest.fixture(params=["sqlite", "etcd"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "etcd":
        return str(request.getfixturevalue("etcd"))
    return str(tmp_path / "store")


@pytest.fixture
async def store(address: str) -> AsyncIterator[Store]:
    store = await open_store(address)
    await clear(store)
    yield store
    await store.close()


async def clear(store: Store) -> None:
    for entry in (await store.list("")).entries:
        await store.write(entry.key, None, expected=None)
