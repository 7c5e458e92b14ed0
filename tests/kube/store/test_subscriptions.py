"""Ten thousand that follow one resource."""

import asyncio
import time
import tracemalloc
from collections import deque

import pytest

from sampan.kube.store.items import Event, Item, with_revision
from sampan.kube.store.rings import Limits, Ring, Subscription
from sampan.kube.store.store import Compacted

PODS = "/registry/core/pods/"
MANY = 10_000


def event(revision: int, key: str = f"{PODS}ns/a") -> Event:
    body = with_revision(b'{"metadata":{"name":"a"}}', revision)
    return Event("ADDED", Item(key, revision, body, deque()), None)


def add(ring: Ring, *events: Event) -> None:
    ring.add(list(events), {PODS, *(one.item.key.rpartition("/")[0] + "/" for one in events)})


async def test_one_that_waits_costs_less_than_a_kilobyte() -> None:
    ring = Ring(Limits(), 1)
    subscription = ring.subscribe(PODS, 1)
    tracemalloc.start()
    subscriptions = [ring.subscribe(PODS, 1) for _ in range(MANY)]
    waiting = [one.__anext__() for one in subscriptions]
    for one in waiting:
        one.send(None)  # as a task would
    used = tracemalloc.get_traced_memory()[0] / MANY
    tracemalloc.stop()
    assert used < 1024
    subscription.close()
    for one in waiting:
        one.close()


async def test_an_event_reaches_all_of_them_once() -> None:
    ring = Ring(Limits(), 1)
    got: list[Event] = []

    async def follow(subscription: Subscription) -> None:
        got.extend(await anext(subscription))

    tasks = [asyncio.ensure_future(follow(ring.subscribe(PODS, 1))) for _ in range(MANY)]
    await asyncio.sleep(0)
    news = event(2)
    begun = time.perf_counter()
    add(ring, news)
    await asyncio.gather(*tasks)
    assert got == [news] * MANY
    assert time.perf_counter() - begun < 2


async def test_others_namespaces_wake_nobody() -> None:
    ring = Ring(Limits(events=10), 1)
    subscriptions = [ring.subscribe(f"{PODS}ns-{number}/", 1) for number in range(100)]
    waiting = [asyncio.ensure_future(anext(one)) for one in subscriptions]
    await asyncio.sleep(0)
    for revision in range(2, 200):
        add(ring, event(revision, f"{PODS}ns-7/x"))
        await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert [number for number, task in enumerate(waiting) if task.done()] == [7]
    late = event(200, f"{PODS}ns-8/x")  # though the ring has long dropped what was there when it began
    add(ring, late)
    assert await waiting[8] == [late]
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)


async def test_one_that_lags_gets_several_at_a_time() -> None:
    ring = Ring(Limits(), 1)
    subscription = ring.subscribe(PODS, 1)
    events = [event(revision) for revision in range(2, 12)]
    for one in events:
        add(ring, one)
    assert await anext(subscription) == events


async def test_the_ring_keeps_what_its_limits_allow() -> None:
    ring = Ring(Limits(events=100), 1)
    for revision in range(2, 1002):
        add(ring, event(revision))
    assert len(ring) == 100
    assert ring.floor == 901
    assert len(ring._events) <= 200
    with pytest.raises(Compacted):
        ring.subscribe(PODS, 900)
    found = await anext(ring.subscribe(PODS, 901))
    assert [one.revision for one in found] == list(range(902, 1002))


async def test_closing_forgets() -> None:
    ring = Ring(Limits(), 1)
    subscriptions = [ring.subscribe(PODS, 1) for _ in range(3)]
    for subscription in subscriptions:
        subscription.close()
        subscription.close()
    assert ring._waiting == {}
    assert [one async for one in subscriptions[0]] == []
