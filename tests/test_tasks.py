"""Work beside its owner: how it ends is heard, and it ends with the owner."""

import asyncio

import pytest

from sampan.tasks import Tasks


async def test_a_failure_nobody_waits_for_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def fail() -> None:
        raise ValueError("broken")

    tasks = Tasks()
    await asyncio.wait([tasks.spawn(fail())])
    await asyncio.sleep(0)
    assert [str(record.exc_info[1]) for record in caplog.records if record.exc_info] == ["broken"]
    assert len(tasks) == 0


async def test_a_shared_failure_is_everybodys_and_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def fail() -> str:
        raise ValueError("broken")

    task = Tasks().share(fail())
    for _ in range(2):
        with pytest.raises(ValueError, match="broken"):
            await asyncio.shield(task)
    assert caplog.records == []


async def test_stop_waits_for_all_and_for_what_they_begin() -> None:
    tasks, ended = Tasks(), []

    async def work(name: str, then: str) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            if then:
                tasks.spawn(work(then, ""))
            await asyncio.sleep(0)
            ended.append(name)

    tasks.spawn(work("first", "second"))
    tasks.spawn(work("another", ""))
    await asyncio.sleep(0)
    await tasks.stop()
    assert sorted(ended) == ["another", "first", "second"]
    assert len(tasks) == 0


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
