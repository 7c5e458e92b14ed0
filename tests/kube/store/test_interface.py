"""What both stores promise."""

import asyncio
from collections.abc import Awaitable
from contextlib import aclosing

import pytest

from sampan.errors import Invalid, Unavailable
from sampan.kube.store.opening import open_store
from sampan.kube.store.store import Ahead, Batch, Change, Compacted, Entry, Mismatch, Store

PODS = "/registry/core/pods/"
A, B, C = PODS + "ns/a", PODS + "ns/b", PODS + "other/c"


async def taken(store: Store, prefix: str, revision: int, until: int) -> Batch:
    """Everything that a watch yields up to a write."""
    found: Batch = []
    async with asyncio.timeout(10):
        async with aclosing(store.watch(prefix, revision)) as batches:
            async for batch in batches:
                found += batch
                if batch[-1].revision >= until:
                    return found
    raise AssertionError("the watch ended")


async def test_a_write_is_read_back(store: Store) -> None:
    revision = await store.write(A, b"one", expected=0)
    assert await store.get(A) == Entry(A, revision, b"one")
    assert await store.revision() == revision
    assert await store.get(B) is None


async def test_revisions_grow_by_one(store: Store) -> None:
    first = await store.write(A, b"1", expected=None)
    second = await store.write(B, b"1", expected=None)
    third = await store.write(A, None, expected=None)
    assert [second, third] == [first + 1, first + 2]
    assert await store.revision() == third


@pytest.mark.parametrize(
    ("found", "expected", "value", "fails"),
    [
        pytest.param(False, 0, b"x", False, id="create what is not there"),
        pytest.param(True, 0, b"x", True, id="create what is there"),
        pytest.param(True, 1, b"x", False, id="update what was read"),
        pytest.param(True, -1, b"x", True, id="update what has changed"),
        pytest.param(False, 1, b"x", True, id="update what is gone"),
        pytest.param(True, None, b"x", False, id="put whatever is there"),
        pytest.param(False, None, b"x", False, id="put where nothing is"),
        pytest.param(True, 1, None, False, id="delete what was read"),
        pytest.param(True, -1, None, True, id="delete what has changed"),
        pytest.param(True, None, None, False, id="delete whatever is there"),
        pytest.param(False, 1, None, True, id="delete what is gone"),
    ],
)
async def test_a_write_compares(
    store: Store, found: bool, expected: int | None, value: bytes | None, fails: bool
) -> None:
    await store.write(B, b"", expected=None)
    revision = await store.write(A, b"old", expected=None)
    before = Entry(A, revision, b"old") if found else None
    if not found:
        revision = await store.write(A, None, expected=revision)
    wanted = expected if expected in (0, None) else revision - 1 + expected if expected < 0 else revision
    if not fails:
        written = await store.write(A, value, expected=wanted)
        assert written == revision + 1
        assert await store.get(A) == (None if value is None else Entry(A, written, value))
        return
    with pytest.raises(Mismatch) as caught:
        await store.write(A, value, expected=wanted)
    assert (caught.value.key, caught.value.current) == (A, before)
    assert await store.get(A) == before
    assert await store.revision() == revision


async def test_deleting_nothing_is_no_write(store: Store) -> None:
    revision = await store.write(A, b"", expected=0)
    assert await store.write(B, None, expected=None) == revision
    assert await store.revision() == revision


async def test_only_one_of_many_writers_wins(store: Store) -> None:
    revision = await store.write(A, b"0", expected=0)
    writes: list[Awaitable[int]] = [store.write(A, b"%d" % n, expected=revision) for n in range(20)]
    results = await asyncio.gather(*writes, return_exceptions=True)
    won = [result for result in results if isinstance(result, int)]
    assert won == [revision + 1]
    lost = [result for result in results if isinstance(result, Mismatch)]
    assert len(lost) == 19
    assert {mismatch.current.revision for mismatch in lost if mismatch.current} == {revision + 1}


async def test_a_list_has_what_is_below_its_prefix_in_order(store: Store) -> None:
    for key in (C, PODS + "ns0/x", B, A, "/registry/core/podtemplates/ns/a"):
        last = await store.write(key, key.encode(), expected=0)
    page = await store.list(PODS)
    assert [entry.key for entry in page.entries] == [A, B, PODS + "ns0/x", C]
    assert (page.revision, page.more, page.remaining) == (last, False, 0)
    assert [entry.key for entry in (await store.list(PODS + "ns/")).entries] == [A, B]
    assert page.entries[0].value == A.encode()


async def test_a_list_in_pages(store: Store) -> None:
    keys = [f"{PODS}ns/{number:03}" for number in range(10)]
    await asyncio.gather(*(store.write(key, b"v", expected=0) for key in keys))
    first = await store.list(PODS, limit=4)
    assert (len(first.entries), first.more, first.remaining) == (4, True, 6)
    await store.write(keys[5], None, expected=None)
    await store.write(PODS + "ns/0055", b"new", expected=0)
    start = first.entries[-1].key + "\0"
    second = await store.list(PODS, revision=first.revision, start=start, limit=4)
    assert ([entry.key for entry in second.entries], second.more, second.remaining) == (keys[4:8], True, 2)
    start = second.entries[-1].key + "\0"
    third = await store.list(PODS, revision=first.revision, start=start, limit=4)
    assert ([entry.key for entry in third.entries], third.more, third.remaining) == (keys[8:], False, 0)


async def test_a_list_of_the_past(store: Store) -> None:
    first = await store.write(A, b"a1", expected=0)
    second = await store.write(B, b"b1", expected=0)
    third = await store.write(A, b"a2", expected=first)
    fourth = await store.write(B, None, expected=second)
    wanted = {
        first: [Entry(A, first, b"a1")],
        second: [Entry(A, first, b"a1"), Entry(B, second, b"b1")],
        third: [Entry(A, third, b"a2"), Entry(B, second, b"b1")],
        fourth: [Entry(A, third, b"a2")],
    }
    for revision, entries in wanted.items():
        page = await store.list(PODS, revision=revision)
        assert (page.entries, page.revision) == (entries, revision)


async def test_the_future_cannot_be_listed(store: Store) -> None:
    revision = await store.write(A, b"", expected=0)
    with pytest.raises(Ahead) as caught:
        await store.list(PODS, revision=revision + 1)
    assert caught.value.current == revision


async def test_a_watch_yields_each_write_once_in_order(store: Store) -> None:
    start = await store.revision()
    first = await store.write(A, b"a1", expected=0)
    second = await store.write(A, b"a2", expected=first)
    await store.write("/registry/core/secrets/ns/s", b"", expected=0)
    third = await store.write(A, None, expected=second)
    fourth = await store.write(A, b"a3", expected=0)
    assert await taken(store, PODS, start, fourth) == [
        Change(A, first, b"a1", None),
        Change(A, second, b"a2", Entry(A, first, b"a1")),
        Change(A, third, None, Entry(A, second, b"a2")),
        Change(A, fourth, b"a3", None),
    ]
    assert [change.revision for change in await taken(store, PODS, second, fourth)] == [third, fourth]


async def test_a_watch_goes_on(store: Store) -> None:
    revision = await store.revision()
    async with aclosing(store.watch(PODS, revision)) as batches, asyncio.timeout(10):
        for number in range(3):
            task = asyncio.ensure_future(anext(batches))
            written = await store.write(f"{PODS}ns/{number}", b"v", expected=0)
            assert await task == [Change(f"{PODS}ns/{number}", written, b"v", None)]


async def test_a_watch_from_the_future_starts_there(store: Store) -> None:
    revision = await store.write(A, b"1", expected=0)
    async with aclosing(store.watch(PODS, revision + 1)) as batches, asyncio.timeout(10):
        task = asyncio.ensure_future(anext(batches))
        await asyncio.sleep(0)
        await store.write(A, b"2", expected=None)
        third = await store.write(A, b"3", expected=None)
        assert [change.revision for change in await task] == [third]


async def test_many_writers_and_watches_agree(store: Store) -> None:
    start = await store.revision()
    keys = [f"{PODS}ns/{number % 7}" for number in range(60)]
    revisions = await asyncio.gather(*(store.write(key, b"v", expected=None) for key in keys))
    assert sorted(revisions) == list(range(start + 1, start + 61))
    changes = await taken(store, PODS, start, start + 60)
    assert [change.revision for change in changes] == list(range(start + 1, start + 61))
    assert {change.revision: change.key for change in changes} == dict(zip(revisions, keys, strict=True))


async def test_what_is_compacted_is_gone(store: Store) -> None:
    first = await store.write(A, b"1", expected=None)
    second = await store.write(A, b"2", expected=None)
    third = await store.write(A, None, expected=None)
    await store.compact(second)
    for question in (store.list(PODS, revision=first), taken(store, PODS, first, third)):
        with pytest.raises(Compacted) as caught:
            await question
        assert first < caught.value.oldest <= second
    assert (await store.list(PODS, revision=second)).entries == [Entry(A, second, b"2")]
    assert await taken(store, PODS, second, third) == [Change(A, third, None, Entry(A, second, b"2"))]


async def test_everything_can_be_compacted(store: Store) -> None:
    await store.write(A, b"1", expected=None)
    last = await store.write(A, None, expected=None)
    await store.compact(last)
    assert await store.revision() == last
    assert (await store.list(PODS, revision=last)).entries == []
    created = await store.write(A, b"2", expected=0)
    assert created == last + 1
    assert await taken(store, PODS, last, created) == [Change(A, created, b"2", None)]
    with pytest.raises(Compacted):
        await store.compact(last)
    with pytest.raises(Ahead):
        await store.compact(created + 1)


async def test_the_stores_own_word_on_progress(store: Store) -> None:
    """A watch of pods is told of nothing else, but knows how far it is."""
    start = await store.revision()
    seen: list[int] = []

    async def follow() -> None:
        async with aclosing(store.watch(PODS, start)) as batches:
            async for batch in batches:
                seen.append(batch[-1].revision)

    task = asyncio.ensure_future(follow())
    try:
        async with asyncio.timeout(10):
            pod = await store.write(A, b"", expected=0)
            secret = await store.write("/registry/core/secrets/ns/s", b"", expected=0)
            while await store.reached() < secret:
                pass
            assert seen == [pod]
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_values_of_a_megabyte(store: Store) -> None:
    value = bytes(range(256)) * 4096
    revision = await store.write(A, value, expected=0)
    assert await store.get(A) == Entry(A, revision, value)
    for number in range(20):  # more than one message of gRPC's holds
        await store.write(f"{PODS}ns/{number}", value, expected=0)
    page = await store.list(PODS)
    assert [len(entry.value) for entry in page.entries] == [len(value)] * 21
    changes = await taken(store, PODS, revision, revision + 20)
    assert [change.value == value for change in changes] == [True] * 20


@pytest.mark.parametrize("key", ["/registry/core/pods/ns/ü", "/registry/core/pods/ns/" + "k" * 900])
async def test_unusual_keys(store: Store, key: str) -> None:
    revision = await store.write(key, b"v", expected=0)
    assert (await store.list(PODS)).entries == [Entry(key, revision, b"v")]


async def test_what_is_no_text_is_no_key(store: Store) -> None:
    for question in (
        store.get("/registry/\udc80"),
        store.list("/registry/\udc80"),
        store.write("/registry/\udc80", b"", expected=0),
    ):
        with pytest.raises(Invalid):
            await question


async def test_everything_is_there_after_reopening(store: Store, address: str) -> None:
    first = await store.write(A, b"1", expected=0)
    second = await store.write(B, b"2", expected=0)
    third = await store.write(B, None, expected=second)
    await store.close()
    again = await open_store(address)
    try:
        assert await again.revision() == third
        assert (await again.list(PODS)).entries == [Entry(A, first, b"1")]
        assert (await again.list(PODS, revision=second)).entries[1] == Entry(B, second, b"2")
    finally:
        await again.close()


async def test_a_closed_store_is_unavailable(store: Store) -> None:
    revision = await store.write(A, b"1", expected=0)
    watching = asyncio.ensure_future(taken(store, PODS, revision, revision + 1))
    await store.reached()
    await store.close()
    for question in (store.get(A), store.list(PODS), store.write(A, b"", expected=0), watching):
        with pytest.raises(Unavailable):
            await question
