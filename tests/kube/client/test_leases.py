"""Of several copies one leads, and another soon after it has died."""

import asyncio

import pytest

from sampan.errors import Failed
from sampan.kube.client.leases import DEADLINE, DURATION, RETRY, Election
from sampan.kube.client.requests import Object
from sampan.kube.client.resources import LEASES
from sampan.specs.kubernetes.status import StatusError
from tests.kube.controllers.world import World, clock, run

KEY = "kube-system/control"


def copy_of(world: World, identity: str) -> Election:
    world.start()
    return Election(world._process.client, "control", identity, clock)  # type: ignore[union-attr]


async def forever() -> None:
    await asyncio.get_running_loop().create_future()


def spec(world: World) -> Object:
    found: Object = world.get(LEASES, KEY)["spec"]
    return found


def test_one_leads_and_lets_go_in_peace() -> None:
    async def check() -> None:
        world = World()
        first = asyncio.ensure_future(copy_of(world, "first").lead(forever))
        await asyncio.sleep(1)
        second = asyncio.ensure_future(copy_of(world, "second").lead(forever))
        await asyncio.sleep(3 * DURATION)
        assert (spec(world)["holderIdentity"], spec(world)["leaseTransitions"]) == ("first", 0)
        first.cancel()
        await asyncio.wait([first])
        await asyncio.sleep(RETRY + 1)
        assert (spec(world)["holderIdentity"], spec(world)["leaseTransitions"]) == ("second", 1)
        second.cancel()
        await asyncio.wait([second])

    run(check())


def test_a_dead_leader_is_followed_when_its_lease_has_ended() -> None:
    async def check() -> None:
        world = World()
        election = copy_of(world, "first")
        first = asyncio.ensure_future(election.lead(forever))
        await asyncio.sleep(1)
        world._process.dead = True  # type: ignore[union-attr]
        second = asyncio.ensure_future(copy_of(world, "second").lead(forever))
        await asyncio.sleep(DEADLINE)
        assert spec(world)["holderIdentity"] == "first", "it may still be at work"
        await asyncio.sleep(DURATION - DEADLINE)
        assert spec(world)["holderIdentity"] == "second", "within the duration of the lease"
        first.cancel()
        second.cancel()
        await asyncio.wait([second])

    run(check())


def test_a_copy_takes_over_from_itself_at_once() -> None:
    async def check() -> None:
        world = World()
        dead = asyncio.ensure_future(copy_of(world, "first").lead(forever))
        await asyncio.sleep(1)
        world._process.dead = True  # type: ignore[union-attr]
        led = asyncio.Event()

        async def work() -> None:
            led.set()

        await copy_of(world, "first").lead(work)
        assert led.is_set()
        dead.cancel()

    run(check())


@pytest.mark.parametrize("verb", ["update"])
def test_who_cannot_renew_stops_before_others_begin(verb: str) -> None:
    async def check() -> None:
        world = World()
        election = copy_of(world, "first")
        task = asyncio.ensure_future(election.lead(forever))
        await asyncio.sleep(1)
        begun = asyncio.get_running_loop().time()
        world.refuse = lambda which, *_: (
            StatusError("InternalError", "no", None, 500) if which == verb else None
        )
        with pytest.raises(Failed, match="leads as control no more"):
            await task
        assert DEADLINE - RETRY < asyncio.get_running_loop().time() - begun < DURATION

    run(check())


def test_what_the_work_raises_is_raised() -> None:
    async def work() -> None:
        raise ValueError("broken")

    async def check() -> None:
        with pytest.raises(ValueError, match="broken"):
            await copy_of(World(), "first").lead(work)

    run(check())
