"""Work queues: each key once at a time, and again where it is needed."""

import asyncio

from sampan.kube.client.workqueue import LONGEST_DELAY, WorkQueue, delay_after


async def test_a_key_that_waits_is_not_added_again() -> None:
    queue = WorkQueue()
    for key in ("a", "b", "a"):
        queue.add(key)
    assert [await queue.get(), await queue.get()] == ["a", "b"]
    assert len(queue) == 0


async def test_a_key_that_changes_while_it_is_worked_on_comes_once_more() -> None:
    queue = WorkQueue()
    queue.add("a")
    assert await queue.get() == "a"
    queue.add("a")
    queue.add("a")
    assert len(queue) == 0
    queue.done("a")
    assert await queue.get() == "a"
    queue.done("a")
    assert len(queue) == 0


async def test_whoever_waits_gets_what_comes() -> None:
    queue = WorkQueue()
    waiting = asyncio.ensure_future(queue.get())
    await asyncio.sleep(0)
    queue.add("a")
    assert await waiting == "a"


async def test_the_earlier_of_two_times_counts() -> None:
    queue = WorkQueue()
    queue.add_after("a", 1000)
    queue.add_after("a", 0.001)
    assert await queue.get() == "a"


async def test_a_stopped_queue_lets_everybody_go() -> None:
    queue = WorkQueue()
    waiting = asyncio.ensure_future(queue.get())
    await asyncio.sleep(0)
    queue.stop()
    assert await waiting is None
    queue.add("a")
    assert await queue.get() is None


async def test_failures_in_a_row_wait_longer_until_it_goes_well() -> None:
    queue = WorkQueue()
    delays = [queue.retry("a") for _ in range(4)]
    assert delays == sorted(delays) and delays[3] == 8 * delays[0]
    queue.forget("a")
    assert queue.retry("a") == delays[0]
    queue.stop()


def test_no_delay_is_longer_than_the_longest() -> None:
    assert delay_after(0) == 0
    assert delay_after(10_000) == LONGEST_DELAY
