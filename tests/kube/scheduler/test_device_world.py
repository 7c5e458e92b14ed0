"""Devices among late events, lost answers, conflicts and crashes: none is given twice, nobody is forgotten."""

import asyncio
import copy
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sampan.errors import Unavailable
from sampan.kube.client.resources import (
    DEVICE_CLASSES,
    NODES,
    PODS,
    RESOURCE_CLAIMS,
    RESOURCE_SLICES,
)
from sampan.kube.controllers.context import Context
from sampan.kube.controllers.resourceclaims.controller import ResourceClaims
from sampan.kube.scheduler import configuration
from sampan.kube.scheduler.scheduler import Scheduler
from sampan.specs.kubernetes.resourceclaims import FINALIZER, allocation
from sampan.specs.kubernetes.status import StatusError, conflict
from tests.kube.controllers import world as worlds
from tests.kube.controllers.world import World
from tests.kube.scheduler.devices.objects import claim, device, device_class, exactly, slice_

Object = dict[str, Any]
TWICE = "a device has been given twice"


def node(name: str) -> Object:
    allocatable = {"cpu": "64", "memory": "64Gi", "pods": "110"}
    return {"metadata": {"name": name}, "spec": {}, "status": {"allocatable": allocatable}}


def pod(name: str, *claims: str, **more: Any) -> Object:
    entries = [{"name": one, "resourceClaimName": one} for one in claims]
    spec = {"schedulerName": "default-scheduler", "containers": [{"name": "c"}], "resourceClaims": entries}
    return {"metadata": {"name": name}, "spec": {**spec, **more}, "status": {"phase": "Pending"}}


def scheduler(context: Context) -> Scheduler:
    config = replace(configuration.default(), elects=False)
    ticks = asyncio.get_running_loop().time
    return Scheduler(
        context.client, context.informers, context.decisions, config, "host", "me", context.clock, ticks
    )


@pytest.fixture(autouse=True)
def bindings(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    async def request(self: Any, method: str, path: str, body: Any = None, **_more: Any) -> Any:
        assert (method, path.rpartition("/")[2]) == ("POST", "binding")
        return await self._write("bind", PODS, body, lambda: bind(self._world, body))

    monkeypatch.setattr(worlds._Client, "request", request)
    yield


def bind(world: World, body: Object) -> Object:
    """The server's part, which also looks at what the scheduler has done before."""
    own, name = body["metadata"], body["target"]["name"]
    key = f"{own['namespace']}/{own['name']}"
    value = copy.deepcopy(world.get(PODS, key))
    if value["metadata"]["uid"] != own["uid"] or value["spec"].get("nodeName"):
        raise conflict("", "pods/binding", own["name"], "pod is already assigned to a node")
    value["spec"]["nodeName"] = name
    for entry in value["spec"]["resourceClaims"]:
        found = world.get(RESOURCE_CLAIMS, f"default/{entry['resourceClaimName']}")
        users = [one["uid"] for one in found["status"].get("reservedFor") or ()]
        assert own["uid"] in users and allocation(found), "its claims are written before it is bound"
        assert FINALIZER in found["metadata"]["finalizers"]
    world._replace(PODS, value, world.get(PODS, key))
    return {}


def look_for_doubles(world: World) -> None:
    given = [
        (one["pool"], one["device"])
        for found in world.all(RESOURCE_CLAIMS)
        for one in ((allocation(found) or {}).get("devices") or {}).get("results") or ()
    ]
    if len(set(given)) != len(given):
        world.recorded.events.append(("", "", TWICE, str(sorted(given))))


@dataclass
class Plan:
    nodes: list[int]  # devices of each
    claims: list[int]  # devices that are wanted
    pods: list[tuple[int, ...]]  # the claims of each
    removed: list[int]
    seed: int
    crashes: frozenset[int]
    trouble: float


PLANS = st.builds(
    Plan,
    st.lists(st.integers(1, 4), min_size=1, max_size=3),
    st.lists(st.integers(1, 2), min_size=3, max_size=8),
    st.lists(st.lists(st.integers(0, 7), min_size=1, max_size=2).map(tuple), min_size=3, max_size=10),
    st.lists(st.integers(0, 7), max_size=4),
    st.integers(0, 1 << 30),
    st.frozensets(st.integers(1, 60), max_size=2),
    st.sampled_from([0.0, 0.0, 0.2]),
)


async def play(plan: Plan) -> World:
    dice = random.Random(plan.seed)
    world = World(dice, plan.crashes)

    def refuse(verb: str, resource: Any, value: Object) -> StatusError | None:
        if resource == RESOURCE_CLAIMS:
            look_for_doubles(world)
        if dice.random() >= plan.trouble or (resource not in (PODS, RESOURCE_CLAIMS)):
            return None
        if verb == "update" and dice.random() < 0.3:
            raise Unavailable("no answer, and it was not heard")
        return StatusError("InternalError", "no luck", None, 500)

    world.refuse = refuse
    kubelet = asyncio.ensure_future(world.kubelet(lambda pod: None))
    world.add(DEVICE_CLASSES, device_class("any", 'device.driver == "d.io"'))
    for at, count in enumerate(plan.nodes):
        world.add(NODES, node(f"n{at}"))
        names = (f"d{one}" for one in range(count))
        world.add(RESOURCE_SLICES, slice_(f"s{at}", *map(device, names), pool=f"n{at}", nodeName=f"n{at}"))
    world.start(scheduler, ResourceClaims)
    for at, count in enumerate(plan.claims):
        wanted = claim(exactly("r", count), name=f"c{at}")
        wanted["metadata"].pop("namespace")
        world.add(RESOURCE_CLAIMS, {**wanted, "status": {}})
    for at, claims in enumerate(plan.pods):
        known = dict.fromkeys(f"c{one % len(plan.claims)}" for one in claims)
        world.add(PODS, pod(f"p{at}", *known))
        await asyncio.sleep(dice.choice((0.0, 0.01, 3.0)))
    for number in plan.removed:
        if f"default/p{number}" in world.objects.get(PODS, {}):
            world.remove(PODS, f"default/p{number}")
            await asyncio.sleep(dice.choice((0.0, 0.01)))
    await world.settle(90)
    look_for_doubles(world)
    kubelet.cancel()
    await world.stop()
    return world


def could_be(world: World, waiting: Object) -> bool:
    """On some node there are, for all its claims together, so many free devices as those want that have none."""
    wanted, places = 0, set()
    for entry in waiting["spec"]["resourceClaims"]:
        found = world.get(RESOURCE_CLAIMS, f"default/{entry['resourceClaimName']}")
        has = allocation(found)
        if has is None:
            wanted += found["spec"]["devices"]["requests"][0]["exactly"]["count"]
        elif found["status"].get("reservedFor"):
            places.add(has["devices"]["results"][0]["pool"])
        else:  # it would be given back
            return False
    given = [
        (one["pool"], one["device"])
        for found in world.all(RESOURCE_CLAIMS)
        for one in (allocation(found) or {"devices": {}})["devices"].get("results") or ()
    ]
    for there in world.all(RESOURCE_SLICES):
        name = there["spec"]["nodeName"]
        free = [one for one in there["spec"]["devices"] if (name, one["name"]) not in given]
        if places <= {name} and len(free) >= wanted:
            return True
    return False


@settings(max_examples=60, deadline=None)
@given(PLANS)
def test_no_device_is_given_twice_and_nobody_is_forgotten(plan: Plan) -> None:
    world = worlds.run(play(plan))
    assert [one for one in world.recorded.events if one[2] == TWICE] == []
    for value in world.all(PODS):
        if not value["spec"].get("nodeName"):
            assert not could_be(world, value), value


def test_devices_that_nobody_uses_are_given_back_when_they_are_in_the_way() -> None:
    async def work() -> World:
        world = World()
        world.add(DEVICE_CLASSES, device_class())
        for name in "ab":
            world.add(NODES, node(name))
            world.add(RESOURCE_SLICES, slice_(name, device("d"), pool=name, nodeName=name))
        wanted = claim(exactly("r"), name="c", status={})
        wanted["metadata"].pop("namespace")
        world.add(RESOURCE_CLAIMS, wanted)
        world.start(scheduler)

        def given(value: Object) -> None:
            """As an attempt leaves it that came to nothing."""
            at_a = {"key": "metadata.name", "operator": "In", "values": ["a"]}
            results = [{"request": "r", "driver": "d.io", "pool": "a", "device": "d"}]
            nodes = {"nodeSelectorTerms": [{"matchFields": [at_a]}]}
            value["metadata"]["finalizers"] = [FINALIZER]
            value["status"] = {"allocation": {"devices": {"results": results}, "nodeSelector": nodes}}

        world.set(RESOURCE_CLAIMS, "default/c", given)
        world.add(PODS, pod("p", "c", nodeSelector={"on": "b"}))
        await world.settle(10)
        world.set(NODES, "b", lambda value: value["metadata"].update(labels={"on": "b"}))
        await world.settle(60)
        await world.stop()
        return world

    world = worlds.run(work())
    found = world.get(RESOURCE_CLAIMS, "default/c")
    assert world.get(PODS, "default/p")["spec"]["nodeName"] == "b"
    assert found["status"]["allocation"]["devices"]["results"][0]["pool"] == "b"
