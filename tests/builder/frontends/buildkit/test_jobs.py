"""Jobs: who may ask for one, and when."""

import asyncio

import pytest

from sampan.builder.frontends.buildkit.jobs import Jobs
from sampan.errors import AlreadyExists, NotFound


async def test_a_job_that_has_just_ended_can_be_watched_but_not_joined() -> None:
    jobs = Jobs()
    async with jobs.open("a", None) as job:
        assert await jobs.watched("a") is job and await jobs.wait("a") is job
        with pytest.raises(AlreadyExists):
            async with jobs.open("a", None):
                pass
    assert await jobs.watched("a", 0) is job
    assert [progress.closed async for progress in job.each_progress()] == [True]
    with pytest.raises(NotFound):
        await jobs.wait("a", 0)


async def test_a_new_job_of_the_same_name_takes_the_place_of_the_old_one() -> None:
    jobs = Jobs()
    async with jobs.open("a", None):
        pass
    async with jobs.open("a", None) as second:
        assert await jobs.watched("a") is second


async def test_a_job_is_waited_for() -> None:
    jobs = Jobs()
    watching = asyncio.create_task(jobs.watched("a", 10))
    await asyncio.sleep(0)
    async with jobs.open("a", None) as job:
        assert await watching is job


async def test_a_job_that_never_comes_is_not_found() -> None:
    with pytest.raises(NotFound):
        await Jobs().watched("a", 0)
