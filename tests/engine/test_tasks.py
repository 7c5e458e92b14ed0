"""Work that goes on by itself ends with its owner, and what it raised is heard."""

import asyncio

import pytest

from sampan.engine.tasks import Tasks


async def test_what_a_task_raises_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def work() -> None:
        raise ValueError("spilt")

    tasks = Tasks()
    await asyncio.wait([tasks.spawn(work())])
    await tasks.stop()
    assert "spilt" in caplog.text and not tasks


async def test_stop_waits_for_what_ends_and_for_what_that_begins() -> None:
    tasks, ended = Tasks(), list[str]()

    async def work(name: str, *more: str) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            for other in more:
                tasks.spawn(work(other))
                await asyncio.sleep(0)
            ended.append(name)

    tasks.spawn(work("first", "second"))
    await asyncio.sleep(0)
    await tasks.stop()
    assert ended == ["first", "second"] and not tasks


async def test_work_to_be_finished_goes_on_without_its_caller() -> None:
    tasks, gate, ended = Tasks(), asyncio.Event(), asyncio.Event()

    async def work() -> int:
        await gate.wait()
        ended.set()
        return 3

    caller = asyncio.create_task(tasks.finish(work()))
    await asyncio.sleep(0)
    caller.cancel()
    await asyncio.wait([caller])
    assert len(tasks) == 1
    gate.set()
    async with asyncio.timeout(5):
        await ended.wait()
    assert await tasks.finish(work()) == 3
