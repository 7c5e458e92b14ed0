"""What only a store of several machines has: members that are lost, certificates, leases, an old version."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from pathlib import Path

import pytest
import trustme

from sampan.errors import Invalid, Unavailable, Unsupported
from sampan.kube.store.cache import Cache
from sampan.kube.store.etcd import EtcdStore
from sampan.kube.store.leases import KEYS
from sampan.kube.store.members import Members, client_tls, endpoints
from sampan.kube.store.opening import open_store
from sampan.kube.store.store import Change, Entry, Mismatch
from tests.support.etcd import Cluster

PODS = "/registry/core/pods/"
A = PODS + "ns/a"
VALUE = b'{"metadata":{"name":"a"}}'


@pytest.fixture
async def store(etcd: str) -> AsyncIterator[EtcdStore]:
    store = await EtcdStore.open(etcd)
    for entry in (await store.list("")).entries:
        await store.write(entry.key, None, expected=None)
    yield store
    await store.close()


@pytest.fixture
def three(tmp_path: Path) -> Iterator[Cluster]:
    cluster = Cluster(tmp_path, 3)
    cluster.start()
    yield cluster
    cluster.stop()


async def test_a_lost_member_is_survived(three: Cluster) -> None:
    """Each is killed in turn, the leader among them: nothing acknowledged is lost, and the cache follows."""
    store = await open_store(three.url)
    cache = Cache(store)
    await cache.start()
    subscription = cache.subscribe(PODS, cache.revision)
    written = []
    for member in three.members:
        for number in range(3):
            if number == 1:
                member.kill()
            item = await cache.write(f"{PODS}ns/{len(written)}", VALUE, expected=0)
            assert item is not None
            written.append(item.revision)
            await cache.current()
        member.start()
        member.wait_ready()
    seen: list[int] = []
    async with asyncio.timeout(20):
        while len(seen) < len(written):
            seen += [event.revision for event in await anext(subscription)]
    assert seen == written
    page = await store.list(PODS)
    assert sorted(entry.revision for entry in page.entries) == written
    await cache.stop()
    await store.close()


async def test_two_servers_see_each_others_writes(store: EtcdStore, etcd: str) -> None:
    other = await EtcdStore.open(etcd)
    caches = [Cache(store), Cache(other)]
    for cache in caches:
        await cache.start()
    for number in range(20):
        writer, reader = caches[number % 2], caches[1 - number % 2]
        item = await writer.write(A, VALUE, expected=None)
        await reader.current()
        found = reader.get(A)
        assert item is not None and found is not None
        assert found.revision == item.revision
    for cache in caches:
        await cache.stop()
    await other.close()


async def test_no_member_at_all_is_unavailable(etcd: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sampan.kube.store.members.PATIENCE", 0.2)
    with pytest.raises(Unavailable, match=r"no etcd answers: 127.0.0.1:1: .*; 127.0.0.1:2: "):
        await EtcdStore.open("etcd://127.0.0.1:1,127.0.0.1:2")
    store = await EtcdStore.open("etcd://127.0.0.1:1," + etcd.removeprefix("etcd://"))
    assert await store.revision() > 0
    await store.close()


@pytest.mark.parametrize(
    ("first", "value", "fails"),
    [
        pytest.param(VALUE, VALUE, False, id="the first attempt was done"),
        pytest.param(b"theirs", VALUE, True, id="somebody else was faster"),
    ],
)
async def test_a_write_of_which_nothing_was_heard_is_asked_for_again(
    store: EtcdStore, monkeypatch: pytest.MonkeyPatch, first: bytes, value: bytes, fails: bool
) -> None:
    revision = await store.write(A, b"old", expected=0)
    ask = Members.ask
    done: list[int] = []

    async def losing(self: Members, service: str, name: str, request: object, *, safe: bool = True) -> object:
        if not safe and not done:
            monkeypatch.setattr(Members, "ask", ask)
            done.append(await store.write(A, first, expected=revision))
            from sampan.kube.store.members import Uncertain

            raise Uncertain
        return await ask(self, service, name, request, safe=safe)

    monkeypatch.setattr(Members, "ask", losing)
    if fails:
        with pytest.raises(Mismatch):
            await store.write(A, value, expected=revision)
    else:
        assert await store.write(A, value, expected=revision) == done[0]


async def test_what_expires_is_deleted(store: EtcdStore) -> None:
    revision = await store.write(A, VALUE, expected=0, ttl=1)
    async with aclosing(store.watch(PODS, revision)) as batches, asyncio.timeout(20):
        assert await anext(batches) == [Change(A, revision + 1, None, Entry(A, revision, VALUE))]


async def test_keys_that_expire_together_share_a_lease(store: EtcdStore) -> None:
    leases = [await store._leases.of(3600) for _ in range(KEYS + 1)]
    assert len(set(leases)) == 2
    assert await store._leases.of(60) not in leases


async def test_certificates(tmp_path: Path) -> None:
    ca = trustme.CA()
    server, client = ca.issue_cert("127.0.0.1", "localhost"), ca.issue_cert("client")
    ca.cert_pem.write_to_path(tmp_path / "ca.pem")
    for name, pair in (("server", server), ("client", client)):
        pair.cert_chain_pems[0].write_to_path(tmp_path / f"{name}.pem")
        pair.private_key_pem.write_to_path(tmp_path / f"{name}.key")
    files = {name: str(tmp_path / name) for name in ("ca.pem", "client.pem", "client.key")}
    options = ["--cert-file", str(tmp_path / "server.pem"), "--key-file", str(tmp_path / "server.key")]
    cluster = Cluster(tmp_path, 1, [*options, "--client-cert-auth", "--trusted-ca-file", files["ca.pem"]])
    cluster.start()
    try:
        store = await open_store(
            cluster.url, ca=files["ca.pem"], certificate=files["client.pem"], key=files["client.key"]
        )
        assert await store.write(A, VALUE, expected=0) == 2
        await store.close()
    finally:
        cluster.stop()


def test_certificates_that_do_not_do(tmp_path: Path) -> None:
    assert client_tls("", "", "") is None
    with pytest.raises(Invalid, match="for etcd"):
        client_tls("", str(tmp_path / "missing.pem"), "")
    with pytest.raises(Invalid, match="for etcd"):
        client_tls(str(tmp_path / "missing.pem"), "", "")


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("etcd://a:1", [("a", 1)]),
        ("etcd://a", [("a", 2379)]),
        ("etcd://a:1,b:2,[::1]:3/", [("a", 1), ("b", 2), ("::1", 3)]),
    ],
)
def test_addresses(url: str, found: list[tuple[str, int]]) -> None:
    assert endpoints(url) == found


@pytest.mark.parametrize("url", ["etcd://", "etcd://a:x", "etcd://a:1,", "etcd://a/b", "etcd://a:99999"])
def test_addresses_that_are_none(url: str) -> None:
    with pytest.raises(Invalid, match="no address of an etcd"):
        endpoints(url)


@pytest.mark.parametrize(
    ("version", "good"),
    [
        ("3.3.27", False),
        ("3.4.23", False),
        ("3.4.25", True),
        ("3.5.7", False),
        ("3.5.8", True),
        ("3.6.0-rc.1", True),
    ],
)
async def test_versions(etcd: str, version: str, good: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before these, etcd said that it had sent what it had not."""

    async def ask(self: Members, *_: object) -> object:
        return type("Status", (), {"version": version})

    monkeypatch.setattr(Members, "ask", ask)
    members = Members(etcd, None)
    if good:
        await members.check_version()
    else:
        with pytest.raises(Unsupported, match=version):
            await members.check_version()


async def test_another_kind_of_store() -> None:
    with pytest.raises(Unsupported, match="no such kind of store"):
        await open_store("mysql://here")
