"""A CronJob makes one job for each time, whatever happens on the way."""

import asyncio
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sampan.kube.client.requests import Object
from sampan.kube.client.resources import CRON_JOBS, JOBS
from sampan.kube.controllers import ttlafterfinished
from sampan.kube.controllers.cronjobs.controller import CronJobs
from sampan.specs.kubernetes import time
from tests.kube.controllers.world import World, beside, clock, run


def cronjob(**spec: Any) -> Object:
    given = {"schedule": "*/10 * * * *", "jobTemplate": {"spec": {}}, "successfulJobsHistoryLimit": 2, **spec}
    return {"kind": "CronJob", "metadata": {"name": "c"}, "spec": given}


async def finish(world: World, seconds: float) -> None:
    """Jobs end well after so long."""
    while True:
        await asyncio.sleep(5.0)
        for key, job in list(world.objects.get(JOBS, {}).items()):
            began = time.seconds(job["metadata"]["creationTimestamp"]) or 0
            if not job.get("status") and clock() - began > seconds:
                now = time.text(clock())
                done = {"type": "Complete", "status": "True", "lastTransitionTime": now}
                status = {"conditions": [done], "startTime": time.text(began), "completionTime": now}
                world.set(JOBS, key, lambda value, to=status: value.update(status=to))


async def play(world: World, spec: Object, lasts: float, hours: float) -> None:
    world.add(CRON_JOBS, cronjob(**spec))
    world.start(CronJobs, names=["cronjob-controller"])

    async def wait() -> None:
        end = clock() + hours * 3600
        while clock() < end:
            await asyncio.sleep(1.0)
            await world._look_after()

    await beside(finish(world, lasts), main=wait())
    await world.stop()


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 1000), st.sets(st.integers(0, 60), max_size=4))
def test_each_time_has_one_job(seed: int, crashes: set[int]) -> None:
    world = World(random.Random(seed), frozenset(crashes))
    run(play(world, {}, 60.0, 1.05))
    made = [one["metadata"]["name"] for one in world.created if one.get("kind") == "Job"]
    start = 1_800_000_000 // 60
    assert made == [f"c-{start + 10 * at}" for at in range(1, 7)]
    assert len(world.all(JOBS)) == 2
    status = world.get(CRON_JOBS, "default/c")["status"]
    assert status["lastScheduleTime"] == "2027-01-15T09:00:00Z"
    assert "active" not in status and "lastSuccessfulTime" in status


@pytest.mark.parametrize(
    ("policy", "most", "made"),
    [("Allow", 3, 6), ("Forbid", 1, 2), ("Replace", 1, 6)],
)
def test_jobs_run_beside_each_other_or_not(policy: str, most: int, made: int) -> None:
    world = World()
    run(play(world, {"concurrencyPolicy": policy}, 1750.0, 1.05))
    assert sum(one.get("kind") == "Job" for one in world.created) == made
    assert len(world.get(CRON_JOBS, "default/c")["status"].get("active", ())) <= most


def test_a_job_that_has_ended_goes_after_its_time() -> None:
    async def work() -> None:
        world = World()
        world.start(ttlafterfinished.controller, names=["ttl-after-finished-controller"])
        for name, seconds in (("short", 60), ("long", 600), ("stays", None)):
            world.add(
                JOBS,
                {"kind": "Job", "metadata": {"name": name}, "spec": {"ttlSecondsAfterFinished": seconds}},
            )
        await beside(finish(world, 10.0), main=asyncio.sleep(120))
        assert set(world.objects[JOBS]) == {"default/long", "default/stays"}
        await asyncio.sleep(600)
        assert set(world.objects[JOBS]) == {"default/stays"}
        await world.stop()

    run(work())


def test_a_status_that_lies_leads_to_no_other_job() -> None:
    """Neither in another namespace nor of somebody else; what is nowhere is struck out."""

    async def check() -> tuple[list[str], Object]:
        world = World()
        for namespace in ("default", "victim"):
            world.add(JOBS, {"kind": "Job", "metadata": {"name": "job", "namespace": namespace}})
        uids = {one["metadata"]["namespace"]: one["metadata"]["uid"] for one in world.all(JOBS)}
        made = world.add(CRON_JOBS, cronjob(schedule="* * * * *", concurrencyPolicy="Replace"))
        active = [{"name": "job", "namespace": place, "uid": uid} for place, uid in uids.items()]
        active += [{}, {"name": "../job", "namespace": "victim", "uid": "x"}, {"uid": "y"}]
        made["status"] = {"active": active}
        world.start(CronJobs, names=["cronjob-controller"])
        await asyncio.sleep(130.0)
        await world.stop()
        status = world.get(CRON_JOBS, "default/c")["status"]
        return [key for key in world.objects[JOBS] if key.endswith("/job")], status

    left, status = run(check())
    assert sorted(left) == ["default/job", "victim/job"]
    assert {one["namespace"] for one in status["active"]} == {"default"}
