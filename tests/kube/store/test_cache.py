"""The watch cache in front of both stores."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator

import orjson
import pytest

from sampan.errors import Unavailable
from sampan.kube.store.cache import Cache
from sampan.kube.store.items import Event, Item
from sampan.kube.store.rings import FRAMED, Lagging, Limits, Ring, Subscription
from sampan.kube.store.store import Ahead, Compacted, Mismatch, Store

PODS = "/registry/core/pods/"
A, B, C = PODS + "ns/a", PODS + "ns/b", PODS + "other/c"


def value(name: str = "a", **labels: str) -> bytes:
    return orjson.dumps({"metadata": {"name": name, "labels": labels}, "spec": {}})


@pytest.fixture
async def cache(store: Store) -> AsyncIterator[Cache]:
    cache = Cache(store)
    await cache.start()
    yield cache
    await cache.stop()


async def put(cache: Cache, key: str, expected: int | None = None, **labels: str) -> Item:
    item = await cache.write(key, value(**labels), expected=expected)
    assert item is not None
    return item


async def batch(subscription: Subscription) -> list[Event]:
    async with asyncio.timeout(10):
        return await anext(subscription)


async def collect(subscription: Subscription, count: int) -> list[Event]:
    found: list[Event] = []
    while len(found) < count:
        found += await batch(subscription)
    return found


async def test_the_writer_finds_what_it_wrote(cache: Cache) -> None:
    item = await put(cache, A, 0, app="web")
    assert cache.get(A) is item
    assert cache.revision >= item.revision
    revision = str(item.revision)
    assert orjson.loads(item.body)["metadata"] == {
        "resourceVersion": revision,
        **orjson.loads(value(app="web"))["metadata"],
    }
    assert item.body.startswith(b'{"metadata":{"resourceVersion":"%d","name"' % item.revision)
    assert (item.namespace, item.name, item.labels) == ("ns", "a", {"app": "web"})
    assert item.object["metadata"]["resourceVersion"] == revision


async def test_a_name_without_a_namespace(cache: Cache) -> None:
    item = await put(cache, "/registry/core/nodes/n1")
    assert (item.namespace, item.name) == ("", "n1")
    assert cache.items("/registry/core/nodes/") == [item]


async def test_what_is_deleted_is_gone(cache: Cache) -> None:
    item = await put(cache, A)
    gone = await cache.write(A, None, expected=item.revision)
    assert cache.get(A) is None
    assert gone is not None and gone.revision == item.revision + 1
    assert gone.object == {
        **item.object,
        "metadata": {**item.object["metadata"], "resourceVersion": str(gone.revision)},
    }
    assert await cache.write(A, None, expected=None) is None


async def test_a_mismatch_comes_when_the_cache_can_be_asked_again(cache: Cache, store: Store) -> None:
    item = await put(cache, A)
    behind = await store.write(A, value(x="y"), expected=None)
    with pytest.raises(Mismatch):
        await cache.write(A, value(), expected=item.revision)
    found = cache.get(A)
    assert found is not None and found.revision == behind
    await store.write(A, None, expected=None)
    with pytest.raises(Mismatch):
        await cache.write(A, value(), expected=behind)
    assert cache.get(A) is None


async def test_items_are_in_order_by_resource_and_namespace(cache: Cache) -> None:
    for key in (C, B, PODS + "ns-2/x", A, "/registry/core/podtemplates/ns/a"):
        await put(cache, key)
    assert [item.key for item in cache.items(PODS)] == [PODS + "ns-2/x", A, B, C]
    assert [item.key for item in cache.items(PODS + "ns/")] == [A, B]
    assert (cache.count(PODS), cache.count(PODS + "ns/"), cache.count("/registry/apps/x/")) == (4, 2, 0)
    assert cache.items("/registry/apps/x/") == []
    await cache.write(A, None, expected=None)
    changed = await put(cache, B, None, new="yes")
    assert cache.items(PODS + "ns/") == [changed]


async def test_it_starts_with_what_there_is(store: Store) -> None:
    revision = await store.write(B, value("b"), expected=0)
    await store.write(A, value("a"), expected=0)
    await store.write("/sampan/other", b"no object", expected=None)
    cache = Cache(store)
    await cache.start()
    assert [item.key for item in cache.items(PODS)] == [A, B]
    assert cache.items(PODS)[1].revision == revision
    await cache.stop()


async def test_events_of_a_subscription(cache: Cache) -> None:
    subscription = cache.subscribe(PODS + "ns/", cache.revision)
    first = await put(cache, A, 0)
    await put(cache, C, 0)
    second = await put(cache, A, first.revision, new="yes")
    await cache.write(A, None, expected=second.revision)
    events = await collect(subscription, 3)
    assert [event.type for event in events] == ["ADDED", "MODIFIED", "DELETED"]
    assert [event.previous for event in events] == [None, first, second]
    assert events[1].item is second
    assert events[2].item.labels == {"new": "yes"}
    assert events[2].item.object["metadata"]["resourceVersion"] == str(events[2].revision)
    assert events[2].revision == second.revision + 2 - 1
    subscription.close()
    with pytest.raises(StopAsyncIteration):
        await batch(subscription)


async def test_a_subscription_begins_after_its_revision(cache: Cache) -> None:
    items = [await put(cache, A) for _ in range(5)]
    subscription = cache.subscribe(PODS, items[1].revision)
    assert [event.item for event in await collect(subscription, 3)] == items[2:]
    waiting = asyncio.ensure_future(batch(subscription))
    last = await put(cache, A)
    assert [event.item for event in await waiting] == [last]


async def test_a_subscription_of_one_key(cache: Cache) -> None:
    subscription = cache.subscribe(A, cache.revision)
    await put(cache, A + "b")
    item = await put(cache, A)
    assert [event.item for event in await batch(subscription)] == [item]


async def test_frames_are_shared_by_all(cache: Cache) -> None:
    subscriptions = [cache.subscribe(PODS, cache.revision) for _ in range(2)]
    await put(cache, A)
    first, second = [await batch(subscription) for subscription in subscriptions]
    assert first[0] is second[0]
    assert first[0].frames == {}


async def test_a_revision_before_the_cache_is_too_old(cache: Cache, store: Store) -> None:
    before = cache.revision
    item = await put(cache, A)
    late = Cache(store)
    await late.start()
    with pytest.raises(Compacted) as caught:
        late.subscribe(PODS, before)
    assert before < caught.value.oldest <= late.revision
    late.subscribe(PODS, item.revision)
    await late.stop()


@pytest.mark.parametrize("limits", [Limits(events=5), Limits(size=5 * 400), Limits(total=5 * 400)])
async def test_one_that_does_not_read_is_ended_and_others_are_not(store: Store, limits: Limits) -> None:
    cache = Cache(store, history=limits)
    await cache.start()
    start = cache.revision
    slow, quick = cache.subscribe(PODS, start), cache.subscribe(PODS, start)
    idle = cache.subscribe(PODS + "elsewhere/", start)
    for _ in range(20):
        item = await put(cache, A)
        assert [event.item for event in await batch(quick)] == [item]
    for _ in range(2):
        with pytest.raises(Lagging):
            await batch(slow)
    with pytest.raises(Compacted):
        cache.subscribe(PODS, start)
    there = await put(cache, PODS + "elsewhere/x")
    assert [event.item for event in await batch(idle)] == [there]
    assert len(cache._ring(PODS)) <= 5
    assert cache._kept == cache._ring(PODS).size
    await cache.stop()


async def test_what_was_before_a_server_began_is_too_old(cache: Cache) -> None:
    before = cache.revision
    early = cache.subscribe(PODS, before)
    first = await put(cache, A)
    cache.begin()
    for prefix in (PODS, "/registry/core/nodes/"):
        with pytest.raises(Compacted):
            cache.subscribe(prefix, before)
    last = await put(cache, A)
    assert [event.item for event in await collect(cache.subscribe(PODS, first.revision), 1)] == [last]
    assert [event.item for event in await collect(early, 2)] == [first, last]
    assert not early.has_more


async def test_waiting_for_a_revision(cache: Cache) -> None:
    item = await put(cache, A)
    await cache.wait(item.revision, 0)
    waiting = asyncio.ensure_future(cache.wait(cache.revision + 1, 10))
    await asyncio.sleep(0)
    await put(cache, A)
    await waiting
    for _ in range(3):
        with pytest.raises(Ahead):
            await cache.wait(cache.revision + 1000, 0.001)
    assert cache._waiters._heap == []


async def test_current_has_what_others_wrote(cache: Cache, store: Store) -> None:
    for number in range(10):
        revision = await store.write(A, value(), expected=None)
        await store.write("/sampan/elsewhere", b"%d" % number, expected=None)
        await asyncio.gather(*(cache.current() for _ in range(5)))
        found = cache.get(A)
        assert found is not None and found.revision == revision
        assert cache.revision >= revision + 1


async def test_current_before_the_watch_has_begun_loses_nothing(store: Store) -> None:
    cache = Cache(store)
    await cache.start()
    revision = await store.write(A, value(), expected=None)
    await store.write("/sampan/elsewhere", b"", expected=None)
    await cache.current()
    found = cache.get(A)
    assert found is not None and found.revision == revision
    await cache.stop()


async def test_the_past_comes_from_the_store(cache: Cache) -> None:
    first = await put(cache, A)
    await put(cache, A, first.revision, new="yes")
    page = await cache.past(PODS, revision=first.revision, limit=1)
    assert [item.body for item in page.items] == [first.body]
    assert (page.revision, page.more) == (first.revision, False)


async def test_values_are_opened(store: Store) -> None:
    def opened(key: str, sealed: bytes) -> bytes:
        if not sealed.startswith(key.encode()):
            raise ValueError("sealed with another key")
        return sealed[len(key) :]

    await store.write(A, A.encode() + value("a"), expected=0)
    await store.write(B, b"broken", expected=0)
    cache = Cache(store, open=opened)
    await cache.start()
    assert [item.name for item in cache.items(PODS)] == ["a"]
    assert cache.unreadable == {B: "sealed with another key"}
    item = await cache.write(B, B.encode() + value("b"), expected=None)
    assert item is not None and item.object["metadata"]["name"] == "b"
    assert cache.unreadable == {}
    await cache.stop()


async def test_what_is_no_object_stops_nothing(cache: Cache, store: Store) -> None:
    await store.write("/registry/stray", b"", expected=None)
    await store.write(B, b"\0binary", expected=None)
    item = await put(cache, A)
    assert cache.items(PODS) == [item]
    assert sorted(cache.unreadable) == [B, "/registry/stray"]


async def test_a_subscription_ends_with_the_cache(cache: Cache) -> None:
    subscription = cache.subscribe(PODS, cache.revision)
    waiting = asyncio.ensure_future(batch(subscription))
    await asyncio.sleep(0)
    await cache.stop()
    with pytest.raises(Lagging):
        await waiting


async def test_few_objects_stay_parsed(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sampan.kube.store.items.KEPT", 3)
    items = [await put(cache, f"{PODS}ns/{number}") for number in range(6)]
    objects = [item.object for item in items]
    assert items[5].object is objects[5]
    assert items[0].object is not objects[0]
    assert items[0].object == objects[0]
    assert len([item for item in items if item._object is not None]) <= 3


class Torn:
    """A store whose watch breaks when it is told to, and forgets what it is told to."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.errors: asyncio.Queue[Exception] = asyncio.Queue()
        self.away = False

    def __getattr__(self, name: str) -> object:
        return getattr(self.store, name)

    async def watch(self, prefix: str, revision: int) -> AsyncIterator[object]:
        if self.away:
            raise Unavailable("away")
        watching = self.store.watch(prefix, revision)
        torn = asyncio.ensure_future(self.errors.get())
        step = asyncio.ensure_future(anext(watching))
        try:
            while True:
                await asyncio.wait([step, torn], return_when=asyncio.FIRST_COMPLETED)
                if torn.done():
                    raise torn.result()
                yield step.result()
                step = asyncio.ensure_future(anext(watching))
        finally:
            torn.cancel()
            step.cancel()
            await asyncio.gather(step, return_exceptions=True)
            await watching.aclose()


async def test_a_watch_that_breaks_is_resumed(store: Store) -> None:
    torn = Torn(store)
    cache = Cache(torn)  # type: ignore[arg-type]
    await cache.start()
    subscription = cache.subscribe(PODS, cache.revision)
    await put(cache, A)
    torn.errors.put_nowait(Unavailable("gone"))
    revisions = [await store.write(A, value(), expected=None) for _ in range(3)]
    await cache.wait(revisions[-1], 10)
    assert [event.revision for event in await collect(subscription, 4)][1:] == revisions
    await cache.stop()


async def test_a_mistake_of_ours_does_not_freeze_the_cache(
    store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    cache = Cache(store)
    await cache.start()
    await put(cache, A)

    def broken(_: object) -> None:
        monkeypatch.undo()
        raise KeyError("a mistake")

    monkeypatch.setattr(cache, "_apply", broken)
    item = await put(cache, A)
    await cache.wait(item.revision, 10)
    assert cache.get(A) is not None
    again = await put(cache, B)
    assert cache.items(PODS)[1] is again
    assert "a mistake" in caplog.text
    await cache.stop()


async def test_a_place_that_is_forgotten_leads_to_a_new_load(store: Store) -> None:
    torn = Torn(store)
    cache = Cache(torn)  # type: ignore[arg-type]
    await cache.start()
    await put(cache, A)
    await put(cache, B)
    subscription = cache.subscribe(PODS, cache.revision)
    torn.away = True
    torn.errors.put_nowait(Unavailable("gone"))
    waiting = asyncio.ensure_future(batch(subscription))
    await store.write(A, None, expected=None)
    revision = await store.write(C, value("c"), expected=None)
    last = await store.write("/registry/core/nodes/n", value("n"), expected=None)
    await store.compact(last)
    torn.away = False
    with pytest.raises(Lagging):
        await waiting
    await cache.wait(last, 10)
    assert [item.key for item in cache.items(PODS)] == [B, C]
    with pytest.raises(Compacted):
        cache.subscribe(PODS, revision - 1)
    again = cache.subscribe(PODS, cache.revision)
    item = await put(cache, A)
    assert [event.item for event in await batch(again)] == [item]
    await cache.stop()


def test_encoded_forms_are_kept_of_the_last_events_alone() -> None:
    ring = Ring(Limits(), 0)
    events = [Event("ADDED", Item(A, number, b"{}", deque()), None) for number in range(1, FRAMED * 2)]
    at = 0
    for size in (1, 7, FRAMED, FRAMED - 9):
        ring.add(events[at : at + size], [])
        at += size
        kept = [event.frames is not None for event in events[:at]]
        assert kept == [False] * max(at - FRAMED, 0) + [True] * min(FRAMED, at)
