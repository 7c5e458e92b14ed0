"""Nodes that fall silent and come back, with all that follows, through crashes and conflicts."""

import asyncio
import random
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from sampan.kube.client.requests import Object
from sampan.kube.client.resources import LEASES, NODES, PODS
from sampan.kube.controllers import nodettl, tainteviction
from sampan.kube.controllers.nodelifecycle.lifecycle import Lifecycle
from sampan.kube.controllers.podgc import PodCollector
from sampan.specs.kubernetes import time as times
from sampan.specs.kubernetes.objects import condition
from tests.kube.controllers.world import World, clock, run

MAKERS: tuple[Callable[..., Any], ...] = (
    Lifecycle,
    tainteviction.controller,
    PodCollector,
    nodettl.controller,
)
NAMES = ("node-lifecycle", "taint-eviction", "pod-garbage", "ttl")


def node(name: str, **labels: str) -> Object:
    ready = {"type": "Ready", "status": "True", "lastHeartbeatTime": times.text(clock())}
    new = {"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}
    metadata = {"name": name, "labels": {"kubernetes.io/os": "linux", **labels}}
    return {"metadata": metadata, "spec": {"taints": [new]}, "status": {"conditions": [ready]}}


def pod(name: str, on: str, seconds: int | None = None) -> Object:
    toleration: Object = {"operator": "Exists", "effect": "NoExecute"}
    if seconds is not None:
        toleration["tolerationSeconds"] = seconds
    ready = {"type": "Ready", "status": "True", "lastTransitionTime": times.text(clock())}
    spec = {"nodeName": on, "tolerations": [toleration]}
    return {"metadata": {"name": name}, "spec": spec, "status": {"phase": "Running", "conditions": [ready]}}


def start(world: World) -> None:
    world.start(*MAKERS, names=NAMES)


async def renew(world: World, alive: set[str]) -> None:
    """Until cancelled: kubelets of the nodes that are alive renew their leases, and say that they are ready."""
    while True:
        for name in sorted(alive & world.objects.get(NODES, {}).keys()):
            key, now = f"kube-node-lease/{name}", clock()
            spec = {"renewTime": times.micro_text(int(now), int(now % 1 * 1e9))}
            if key in world.objects.get(LEASES, {}):
                world.set(LEASES, key, lambda one, spec=spec: one.update(spec=spec))  # type: ignore[misc]
            else:
                world.add(LEASES, {"metadata": {"name": name, "namespace": "kube-node-lease"}, "spec": spec})
            if state(world, name) == "Unknown":
                world.set(NODES, name, lambda one, name=name: one.update(status=node(name)["status"]))  # type: ignore[misc]
        await asyncio.sleep(10)


async def let_pass(world: World, seconds: float) -> None:
    for _ in range(int(seconds * 2)):
        await asyncio.sleep(0.5)
        await world._look_after()


def state(world: World, name: str) -> str:
    found = condition(world.get(NODES, name), "Ready")
    return found["status"] if found is not None else ""


def taints(world: World, name: str) -> set[tuple[str, str]]:
    found = world.get(NODES, name)["spec"].get("taints") or ()
    return {(one["key"].rpartition("/")[2], one["effect"]) for one in found}


def told(world: World, reason: str) -> list[tuple[str, str]]:
    return [(name, message) for name, _, why, message in world.recorded.events if why == reason]


@pytest.mark.parametrize("seed", range(8))
def test_a_node_that_dies_loses_its_pods_and_one_that_returns_is_free(seed: int) -> None:
    async def check() -> None:
        dice = random.Random(seed)
        world = World(dice, frozenset(dice.sample(range(60), 5)) if seed else frozenset())
        alive = {"n0", "n1", "n2"}
        for name in sorted(alive):
            world.add(NODES, node(name))
            world.add(PODS, pod(f"leaves-{name}", name, 30))
            world.add(PODS, pod(f"stays-{name}", name))
        kubelets = asyncio.ensure_future(renew(world, alive))
        start(world)
        await let_pass(world, 40)
        assert [state(world, name) for name in sorted(alive)] == ["True"] * 3
        assert not any(taints(world, name) for name in alive)
        assert world.get(NODES, "n0")["metadata"]["labels"]["beta.kubernetes.io/os"] == "linux"
        assert world.get(NODES, "n0")["metadata"]["annotations"] == {nodettl.ANNOTATION: "0"}

        alive.discard("n0")
        await let_pass(world, 45)
        assert state(world, "n0") == "True", "it has 50 seconds"
        await let_pass(world, 25)
        assert state(world, "n0") == "Unknown"
        assert taints(world, "n0") == {("unreachable", "NoSchedule"), ("unreachable", "NoExecute")}
        await let_pass(world, 90)
        assert "default/leaves-n0" not in world.objects[PODS] or world.get(PODS, "default/leaves-n0")[
            "metadata"
        ].get("deletionTimestamp")
        stays = world.get(PODS, "default/stays-n0")
        assert "deletionTimestamp" not in stays["metadata"]
        assert (condition(stays, "Ready") or {})["status"] == "False"
        assert state(world, "n1") == state(world, "n2") == "True" and not taints(world, "n1")

        alive.add("n0")
        await let_pass(world, 60)
        assert state(world, "n0") == "True" and not taints(world, "n0")
        kubelets.cancel()
        await world.stop()

    run(check())


def test_events_and_the_reason_of_an_eviction() -> None:
    async def check() -> None:
        world = World()
        alive = {"n0", "n1"}
        for name in sorted(alive):
            world.add(NODES, node(name))
        world.add(PODS, pod("p", "n0", 0))
        kubelets = asyncio.ensure_future(renew(world, alive))
        start(world)
        await let_pass(world, 20)
        alive.discard("n0")
        await let_pass(world, 100)
        assert ("n0", "Node n0 event: Registered Node n0 in Controller") in told(world, "RegisteredNode")
        assert told(world, "NodeNotReady") == [
            ("n0", "Node n0 status is now: NodeNotReady"),
            ("p", "Node is not ready"),
        ]
        assert told(world, "TaintManagerEviction") == [("p", "Marking for deletion Pod default/p")]
        found = condition(world.get(PODS, "default/p"), "DisruptionTarget") or {}
        assert found["reason"] == "DeletionByTaintManager"
        assert world.decisions.of(world.get(NODES, "n0")["metadata"]["uid"])[-1].reason == "NodeStatusUnknown"
        world._drop(NODES, "n0")
        await let_pass(world, 100)
        assert ("n0", "Node n0 event: Removing Node n0 from Controller") in told(world, "RemovingNode")
        assert "default/p" not in world.objects[PODS], "nobody else would end it"
        kubelets.cancel()
        await world.stop()

    run(check())


def test_an_eviction_that_is_not_needed_any_more_is_cancelled() -> None:
    async def check() -> None:
        world = World()
        world.add(NODES, node("n0"))
        world.add(PODS, pod("p", "n0", 100))
        start(world)
        await let_pass(world, 5)
        taint = {"key": "k", "effect": "NoExecute"}
        world.set(NODES, "n0", lambda one: one["spec"].update(taints=[taint]))
        await let_pass(world, 10)
        uid = world.get(PODS, "default/p")["metadata"]["uid"]
        assert "drive it away at 2027-01-15T08:01:4" in world.decisions.of(uid)[-1].message
        world.set(NODES, "n0", lambda one: one["spec"].update(taints=[]))
        await let_pass(world, 30)
        assert told(world, "TaintManagerEviction") == [("p", "Cancelling deletion of Pod default/p")]
        assert not world.decisions.of(uid)
        assert "deletionTimestamp" not in world.get(PODS, "default/p")["metadata"]
        await world.stop()

    run(check())


def test_when_all_nodes_fall_silent_nobody_is_driven_away() -> None:
    async def check() -> None:
        world = World()
        for number in range(4):
            world.add(NODES, node(f"n{number}"))
            world.add(PODS, pod(f"p{number}", f"n{number}", 0))
        start(world)
        await let_pass(world, 300)
        for number in range(4):
            assert state(world, f"n{number}") == "Unknown"
            assert taints(world, f"n{number}") == {("unreachable", "NoSchedule")}
            why = world.decisions.of(world.get(NODES, f"n{number}")["metadata"]["uid"])
            assert {one.reason for one in why} == {"NodeStatusUnknown", "FullDisruption"}
            assert "deletionTimestamp" not in world.get(PODS, f"default/p{number}")["metadata"]
        await world.stop()

    run(check())


def test_nodes_of_a_zone_are_given_up_one_in_ten_seconds() -> None:
    async def check() -> None:
        world = World()
        alive = {f"n{number}" for number in range(12)}
        for name in sorted(alive):
            world.add(NODES, node(name))
        kubelets = asyncio.ensure_future(renew(world, alive))
        start(world)
        await let_pass(world, 15)
        alive -= {f"n{number}" for number in range(5)}
        tainted: list[float] = []
        for _ in range(240):
            await let_pass(world, 0.5)
            now = sum(("unreachable", "NoExecute") in taints(world, name) for name in world.objects[NODES])
            tainted += [clock()] * (now - len(tainted))
        assert len(tainted) == 5
        assert all(later - earlier > 9 for earlier, later in pairwise(tainted))
        kubelets.cancel()
        await world.stop()

    run(check())


def test_nodes_with_nothing_behind_them_stay_as_they_are() -> None:
    async def check() -> None:
        world = World()
        world.add(NODES, node("fake-0", **{"sampan.dev/fake": "true"}))
        world.add(NODES, node("n0"))
        start(world)
        await let_pass(world, 600)
        assert (state(world, "fake-0"), state(world, "n0")) == ("True", "Unknown")
        assert not taints(world, "fake-0")
        await world.stop()

    run(check())


def test_new_nodes_cost_two_writes_each() -> None:
    async def check() -> None:
        world = World()
        start(world)
        await let_pass(world, 1)
        for number in range(90):
            world.add(NODES, node(f"n{number}", **{"beta.kubernetes.io/os": "linux"}))
        await let_pass(world, 45)
        assert not any(taints(world, f"n{number}") for number in range(90))
        assert world._revision == 3 * 90, "made, freed of the taint, annotated"
        await world.stop()

    run(check())
