"""The scheduler among late events, failing writes and crashes: no node gets more than it has, nobody is forgotten."""

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
from sampan.kube.client.resources import DISRUPTION_BUDGETS, NODES, PODS
from sampan.kube.controllers.context import Context
from sampan.kube.scheduler import configuration
from sampan.kube.scheduler.preemption import priority
from sampan.kube.scheduler.scheduler import Scheduler
from sampan.specs.kubernetes.status import StatusError, conflict
from tests.kube.controllers import world as worlds
from tests.kube.controllers.world import World

Object = dict[str, Any]
OVERFULL = "a node has got more than it has"


def node(name: str, cpu: int) -> Object:
    allocatable = {"cpu": str(cpu), "memory": "64Gi", "pods": "110"}
    return {"metadata": {"name": name}, "spec": {}, "status": {"allocatable": allocatable}}


def pod(name: str, cpu: int, important: int = 0) -> Object:
    containers = [{"name": "c", "resources": {"requests": {"cpu": str(cpu)}}}]
    spec = {"schedulerName": "default-scheduler", "priority": important, "containers": containers}
    return {"metadata": {"name": name, "labels": {"app": "a"}}, "spec": spec, "status": {"phase": "Pending"}}


def size(value: Object) -> int:
    return int(value["spec"]["containers"][0]["resources"]["requests"]["cpu"])


def scheduler(context: Context) -> Scheduler:
    config = replace(configuration.default(), elects=False)
    ticks = asyncio.get_running_loop().time
    return Scheduler(
        context.client, context.informers, context.decisions, config, "host", "me", context.clock, ticks
    )


@pytest.fixture(autouse=True)
def bindings(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The world's server binds pods as well: once, and it checks that there is room."""

    async def request(self: Any, method: str, path: str, body: Any = None, **_more: Any) -> Object:
        assert (method, path.rpartition("/")[2]) == ("POST", "binding")
        return await self._write("bind", PODS, body, lambda: bind(self._world, body))  # type: ignore[no-any-return]

    monkeypatch.setattr(worlds._Client, "request", request)
    yield


def bind(world: World, body: Object) -> Object:
    own, name = body["metadata"], body["target"]["name"]
    key = f"{own['namespace']}/{own['name']}"
    value = copy.deepcopy(world.get(PODS, key))
    if value["metadata"]["uid"] != own["uid"] or value["spec"].get("nodeName"):
        raise conflict("", "pods/binding", own["name"], "pod is already assigned to a node")
    if "deletionTimestamp" in value["metadata"]:
        raise conflict("", "pods/binding", own["name"], "pod is being deleted")
    value["spec"]["nodeName"] = name
    value["status"].pop("nominatedNodeName", None)
    world._replace(PODS, value, world.get(PODS, key))
    there = world.objects.get(NODES, {}).get(name)
    if there is not None and free(world, there) < 0:
        world.recorded.events.append((name, "", OVERFULL, own["name"]))
    return {}


def free(world: World, there: Object) -> int:
    used = [size(one) for one in world.all(PODS) if one["spec"].get("nodeName") == there["metadata"]["name"]]
    return int(there["status"]["allocatable"]["cpu"]) - sum(used)


def waiting(world: World) -> list[Object]:
    return [one for one in world.all(PODS) if not one["spec"].get("nodeName")]


def could_be(world: World, value: Object, there: Object) -> bool:
    """Is there room, or would there be without the pods of lower priority?"""
    name = there["metadata"]["name"]
    lower = [
        size(one)
        for one in world.all(PODS)
        if one["spec"].get("nodeName") == name and priority(one) < priority(value)
    ]
    return free(world, there) + sum(lower) >= size(value)


@dataclass
class Plan:
    nodes: list[int]
    pods: list[tuple[int, int]]  # CPUs and priority
    removed: list[int]
    seed: int
    crashes: frozenset[int]
    trouble: float  # the share of writes that fail


PLANS = st.builds(
    Plan,
    st.lists(st.integers(1, 5), min_size=1, max_size=4),
    st.lists(st.tuples(st.integers(1, 4), st.sampled_from([0, 0, 10])), min_size=1, max_size=12),
    st.lists(st.integers(0, 11), max_size=4),
    st.integers(0, 1 << 30),
    st.frozensets(st.integers(1, 40), max_size=3),
    st.sampled_from([0.0, 0.0, 0.2]),
)


async def play(plan: Plan) -> World:
    dice = random.Random(plan.seed)
    world = World(dice, plan.crashes)

    def refuse(verb: str, resource: Any, value: Object) -> StatusError | None:
        if dice.random() >= plan.trouble:
            return None
        if verb == "bind" and dice.random() < 0.5:
            bind(world, value)  # it was heard, but the answer is lost
            raise Unavailable("no answer")
        return StatusError("InternalError", "no luck", None, 500)

    world.refuse = refuse
    kubelet = asyncio.ensure_future(world.kubelet(lambda pod: None))
    for at, cpu in enumerate(plan.nodes[::2]):
        world.add(NODES, node(f"n{at}", cpu))
    world.start(scheduler)
    for at, (cpu, important) in enumerate(plan.pods):
        world.add(PODS, pod(f"p{at}", cpu, important))
        await asyncio.sleep(dice.choice((0.0, 0.01, 3.0)))
    for at, cpu in enumerate(plan.nodes[1::2]):
        world.add(NODES, node(f"m{at}", cpu))
        await asyncio.sleep(dice.choice((0.0, 1.0)))
    for number in plan.removed:
        if f"default/p{number}" in world.objects.get(PODS, {}):
            world.remove(PODS, f"default/p{number}")
            await asyncio.sleep(dice.choice((0.0, 0.01)))
    await world.settle(60)
    kubelet.cancel()
    await world.stop()
    return world


@settings(max_examples=60, deadline=None)
@given(PLANS)
def test_nobody_is_forgotten_and_no_node_has_too_much(plan: Plan) -> None:
    world = worlds.run(play(plan))
    assert not any(reason == OVERFULL for _, _, reason, _ in world.recorded.events)
    for value in waiting(world):
        assert not any(could_be(world, value, there) for there in world.all(NODES)), value


def test_a_budget_is_respected_where_there_is_a_choice() -> None:
    async def work() -> World:
        world = World()
        kubelet = asyncio.ensure_future(world.kubelet(lambda pod: None))
        for name in ("a", "b"):
            world.add(NODES, node(name, 2))
        world.start(scheduler)
        world.add(PODS, pod("kept", 2))
        free_pod = pod("free", 2)
        free_pod["metadata"]["labels"] = {"app": "b"}
        world.add(PODS, free_pod)
        selector = {"selector": {"matchLabels": {"app": "a"}}}
        budget = {"metadata": {"name": "b"}, "spec": selector, "status": {"disruptionsAllowed": 0}}
        world.add(DISRUPTION_BUDGETS, budget)
        await world.settle()
        world.add(PODS, pod("high", 2, 10))
        await world.settle()
        kubelet.cancel()
        await world.stop()
        return world

    world = worlds.run(work())
    assert {one["metadata"]["name"] for one in world.all(PODS)} == {"kept", "high"}
    assert not waiting(world)


def test_a_victim_is_told_why_before_it_goes() -> None:
    async def work() -> Object:
        world = World()
        world.add(NODES, node("a", 2))
        world.start(scheduler)
        world.add(PODS, pod("low", 2))
        await world.settle()
        world.add(PODS, pod("high", 2, 10))
        await world.settle()
        low, high = world.get(PODS, "default/low"), world.get(PODS, "default/high")
        assert high["status"]["nominatedNodeName"] == "a"
        await world.stop()
        return low

    low = worlds.run(work())
    assert "deletionTimestamp" in low["metadata"]
    [condition] = low["status"]["conditions"]
    assert condition["type"] == "DisruptionTarget" and condition["reason"] == "PreemptionByScheduler"
    assert condition["message"] == "default-scheduler: preempting to accommodate a higher priority pod"
