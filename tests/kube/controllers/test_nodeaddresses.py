"""Nodes get ranges of their own."""

import asyncio
import dataclasses
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan.errors import Invalid
from sampan.kube.client.resources import NODES
from sampan.kube.controllers.context import Context, Options
from sampan.kube.controllers.nodeaddresses import Allocator, pools, ranges_of
from tests.kube.controllers.world import World, run

MASKS = (24, 64)


def test_parts_in_turn_without_those_of_services() -> None:
    (pool,) = pools(["10.0.0.0/22"], MASKS, ["10.0.1.0/24", "192.168.0.0/16"])
    assert [pool.allocate() for _ in range(4)] == ["10.0.0.0/24", "10.0.2.0/24", "10.0.3.0/24", None]
    pool.release("10.0.2.0/24")
    assert pool.allocate() == "10.0.2.0/24"


def test_ranges_of_other_sizes_take_all_parts_they_touch() -> None:
    (pool,) = pools(["10.0.0.0/22"], MASKS)
    pool.occupy("10.0.0.128/25")
    pool.occupy("10.0.2.0/23")
    pool.occupy("fd00::/64")
    pool.occupy("nonsense")
    assert [pool.allocate(), pool.allocate()] == ["10.0.1.0/24", None]
    pool.release("10.0.2.0/23")
    assert pool.allocate() == "10.0.2.0/24"


@pytest.mark.parametrize(
    ("text", "masks"), [("10.0.0.0/25", MASKS), ("10.0.0.0/7", MASKS), ("fd00::/40", MASKS), ("ten", MASKS)]
)
def test_ranges_that_cannot_be_cut_are_refused(text: str, masks: tuple[int, int]) -> None:
    with pytest.raises(Invalid):
        pools([text], masks)


@given(st.lists(st.integers(0, 9), max_size=60))
def test_no_part_is_given_twice(steps: list[int]) -> None:
    (pool,) = pools(["10.0.0.0/21"], MASKS)
    held: list[str] = []
    for step in steps:
        if step < 6:
            text = pool.allocate()
            assert (text is None) == (len(held) == 8)
            assert text not in held
            held += [text] if text is not None else []
        elif held:
            pool.release(held.pop(step % len(held)))
    assert len(pool.taken) == len(held)


def allocator(context: Context) -> Allocator:
    options = Options(cluster_cidrs=("10.0.0.0/21", "fd00::/61"), node_masks=MASKS)
    return Allocator(dataclasses.replace(context, options=options))


@pytest.mark.parametrize("seed", range(10))
def test_every_node_has_its_own_at_last(seed: int) -> None:
    async def check() -> None:
        dice = random.Random(seed)
        world = World(dice, frozenset(dice.sample(range(40), 5)))
        world.start(allocator, names=["node-ipam-controller"])
        for number in range(14):
            nodes = sorted(world.objects.get(NODES, {}))
            if nodes and (dice.random() < 0.3 or len(nodes) == 8):
                world.remove(NODES, dice.choice(nodes))
            else:
                world.add(NODES, {"metadata": {"name": f"n{number}"}})
            await asyncio.sleep(dice.choice((0.0, 0.01, 1.0)))
        await world.settle()
        given = [text for node in world.all(NODES) for text in ranges_of(node)]
        assert len(given) == len(set(given)) == 2 * len(world.all(NODES))
        await world.stop()

    run(check())


def test_who_gets_nothing_is_told_so_and_gets_what_becomes_free() -> None:
    async def check() -> None:
        world = World()
        for number in range(9):
            world.add(NODES, {"metadata": {"name": f"n{number}"}})
        world.start(allocator, names=["node-ipam-controller"])
        await world.settle()
        (poor,) = [node for node in world.all(NODES) if not ranges_of(node)]
        name, uid = poor["metadata"]["name"], poor["metadata"]["uid"]
        told = (name, "Normal", "CIDRNotAvailable", f"Node {name} status is now: CIDRNotAvailable")
        assert told in world.recorded.events
        assert world.decisions.of(uid)[-1].reason == "CIDRNotAvailable"
        world.remove(NODES, "n0" if name != "n0" else "n1")
        await world.settle()
        assert ranges_of(world.get(NODES, name)) and not world.decisions.of(uid)
        await world.stop()

    run(check())
