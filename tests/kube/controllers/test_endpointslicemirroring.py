"""Endpoints that somebody wrote are found in EndpointSlices too."""

import asyncio
import random
from typing import Any

import pytest

from sampan.kube.client.requests import Object
from sampan.kube.client.resources import ENDPOINT_SLICES, ENDPOINTS, SERVICES
from sampan.kube.controllers.endpointslicemirroring import LIMIT, Mirroring, is_mirrored, mirror
from tests.kube.controllers.world import World, run

PORT = {"name": "web", "port": 80, "protocol": "TCP"}


def value(*addresses: str, waiting: tuple[str, ...] = (), **metadata: Any) -> Object:
    subset: Object = {"ports": [PORT], "addresses": [{"ip": one} for one in addresses]}
    subset["notReadyAddresses"] = [{"ip": one} for one in waiting]
    return {"kind": "Endpoints", "metadata": {"name": "s", **metadata}, "subsets": [subset]}


def test_addresses_by_family_in_one_form() -> None:
    found = mirror(value("010.0.0.1", "::ffff:10.0.0.2", "FD00::1", "nonsense", waiting=("10.0.0.3",)))
    four = [(one["addresses"], one["conditions"]) for _, one in found.members["IPv4"]]
    assert four == [
        (["10.0.0.1"], {"ready": True}),
        (["10.0.0.2"], {"ready": True}),
        (["10.0.0.3"], {"ready": False}),
    ]
    assert [one["addresses"] for _, one in found.members["IPv6"]] == [["fd00::1"]]
    assert (found.invalid, found.surplus) == (1, 0)


def test_what_is_too_much_is_left_out() -> None:
    found = mirror(value(*(f"10.0.{one // 250}.{one % 250}" for one in range(LIMIT)), waiting=("10.9.9.9",)))
    assert (len(found.members["IPv4"]), found.surplus) == (LIMIT, 1)


@pytest.mark.parametrize(
    ("spec", "metadata", "expected"),
    [
        ({}, {}, True),
        ({"selector": {"a": "b"}}, {}, False),
        ({}, {"labels": {"endpointslice.kubernetes.io/skip-mirror": "true"}}, False),
        ({}, {"labels": {"endpointslice.kubernetes.io/skip-mirror": "no"}}, True),
        ({}, {"annotations": {"control-plane.alpha.kubernetes.io/leader": "{}"}}, False),
    ],
)
def test_what_is_mirrored(spec: Object, metadata: Object, expected: bool) -> None:
    assert is_mirrored({"spec": spec}, {"metadata": metadata}) is expected


async def disturb(world: World) -> None:
    dice = world.dice
    deed = dice.choice(["write", "write", "write", "remove", "slice", "selector"])
    key = "default/s"
    if deed == "slice" and (some := sorted(world.objects.get(ENDPOINT_SLICES, {}))):
        world.remove(ENDPOINT_SLICES, dice.choice(some))
    elif deed == "selector":
        chosen = dice.choice([{}, {"selector": {"app": "x"}}])
        world.set(SERVICES, key, lambda one: one.update(spec=chosen))
    elif key not in world.objects.get(ENDPOINTS, {}):
        world.add(ENDPOINTS, value("10.0.0.1"))
    elif deed == "remove":
        world.remove(ENDPOINTS, key)
    else:
        addresses = dice.sample([f"10.0.0.{one}" for one in range(9)] + ["fd00::1"], 3)
        labels = dice.choice([{}, {"mine": "1"}])
        world.set(ENDPOINTS, key, lambda one: one.update(subsets=value(*addresses)["subsets"]))
        world.set(ENDPOINTS, key, lambda one: one["metadata"].update(labels=labels))
    await asyncio.sleep(dice.choice((0.0, 0.01, 0.5, 2.0)))


@pytest.mark.parametrize("seed", range(10))
def test_slices_are_as_the_endpoints_at_last(seed: int) -> None:
    async def check() -> None:
        dice = random.Random(seed)
        world = World(dice, frozenset(dice.sample(range(30), 4)))
        world.add(SERVICES, {"metadata": {"name": "s"}, "spec": {}})
        world.start(Mirroring)
        for _ in range(25):
            await disturb(world)
        await world.settle()
        slices = world.all(ENDPOINT_SLICES)
        found = sorted(one["addresses"][0] for each in slices for one in each["endpoints"] or ())
        there = world.objects.get(ENDPOINTS, {}).get("default/s")
        mirrored = there is not None and "selector" not in world.get(SERVICES, "default/s")["spec"]
        wanted = [one["ip"] for one in there["subsets"][0]["addresses"]] if there and mirrored else []
        assert found == sorted(wanted)
        assert not wanted or all(each["endpoints"] for each in slices)
        assert mirrored or not slices
        await world.stop()

    run(check())
