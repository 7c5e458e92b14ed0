"""When the past is forgotten: by a clock of ours, with the mark that stays in the store."""

import asyncio

import pytest

from sampan.kube.store.compaction import Compactor
from sampan.kube.store.store import Compacted, Store

A = "/registry/core/pods/ns/a"


class Clock:
    """`sleep` passes time at once, and stops the work after some rounds."""

    def __init__(self, rounds: int = 0) -> None:
        self.now = 1_000_000.0
        self.slept: list[float] = []
        self.rounds = rounds

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        if len(self.slept) == self.rounds:
            raise asyncio.CancelledError


async def compacted(store: Store, revision: int) -> bool:
    try:
        await store.list(A, revision=revision)
    except Compacted:
        return True
    return False


async def test_what_is_older_than_the_interval_is_forgotten(store: Store) -> None:
    clock = Clock()
    compactor = Compactor(store, clock=clock, sleep=clock.sleep)
    first = await store.write(A, b"1", expected=None)
    second = await store.write(A, b"2", expected=None)
    assert await compactor.step() == 300
    third = await store.write(A, b"3", expected=None)
    clock.now += 299
    assert await compactor.step() == pytest.approx(1)
    assert not await compacted(store, first)
    clock.now += 1
    assert await compactor.step() == 300
    assert [await compacted(store, one) for one in (first, second, third)] == [True, False, False]
    clock.now += 300
    await compactor.step()
    assert [await compacted(store, one) for one in (second, third)] == [True, False]


async def test_it_goes_on_when_nothing_is_written(store: Store) -> None:
    clock = Clock(rounds=4)
    revision = await store.write(A, b"1", expected=None)
    await store.write(A, b"2", expected=None)
    with pytest.raises(asyncio.CancelledError):
        await Compactor(store, clock=clock, sleep=clock.sleep).run()
    assert clock.slept == [300] * 4
    assert await compacted(store, revision)


async def test_servers_that_live_shortly_or_side_by_side_compact_as_well(store: Store) -> None:
    clock = Clock()
    revision = await store.write(A, b"1", expected=None)
    await store.write(A, b"2", expected=None)
    for _ in range(6):
        for _ in range(2):
            await Compactor(store, clock=clock).step()
        clock.now += 100
    assert await compacted(store, revision)


async def test_a_clock_that_was_set_back_stops_nothing(store: Store) -> None:
    clock = Clock()
    await store.write(A, b"1", expected=None)
    await Compactor(store, clock=clock).step()
    clock.now -= 1_000_000
    assert await Compactor(store, clock=clock).step() == 300
