"""Endpoints and EndpointSlices at last hold the pods behind a Service, whatever happened on the way."""

import asyncio
import random

import pytest

from sampan.kube.client.requests import Object
from sampan.kube.client.resources import ENDPOINT_SLICES, ENDPOINTS, NODES, PODS, SERVICES
from sampan.kube.controllers.endpoints import EndpointsLoop
from sampan.kube.controllers.endpointslices.slices import Slices
from tests.kube.controllers.world import World, run

SEEDS = range(12)


def service(name: str, app: str) -> Object:
    port = {"name": "web", "port": 80, "targetPort": 8080, "protocol": "TCP"}
    spec = {"selector": {"app": app}, "ports": [port], "ipFamilies": ["IPv4"], "clusterIP": "10.96.0.9"}
    return {"metadata": {"name": name}, "spec": spec}


def pod(number: int, app: str, node: str) -> Object:
    metadata = {"name": f"p{number}", "labels": {"app": app}}
    return {"metadata": metadata, "spec": {"nodeName": node}, "status": status(number, False)}


def status(number: int, ready: bool) -> Object:
    told = {"type": "Ready", "status": str(ready), "lastTransitionTime": "2027-01-15T08:00:00Z"}
    address = f"10.0.{number // 250}.{number % 250 + 1}"
    return {"phase": "Running", "podIP": address, "podIPs": [{"ip": address}], "conditions": [told]}


async def disturb(world: World, number: int) -> None:
    """One of the things that happen in a cluster."""
    dice = world.dice
    pods = sorted(world.objects.get(PODS, {}))
    deed = dice.choice(["pod", "pod", "ready", "ready", "label", "remove", "service", "slice", "node"])
    if deed == "pod" or not pods:
        world.add(PODS, pod(number, dice.choice("ab"), dice.choice(("n0", "n1"))))
    elif deed == "ready":
        key = dice.choice(pods)
        at = int(key.rpartition("p")[2])
        world.set(PODS, key, lambda one: one.update(status=status(at, dice.random() < 0.7)))
    elif deed == "label":
        app = dice.choice("ab")
        world.set(PODS, dice.choice(pods), lambda one: one["metadata"].update(labels={"app": app}))
    elif deed == "remove":
        world._drop(PODS, dice.choice(pods))
    elif deed == "service":
        app = dice.choice("ab")
        world.set(SERVICES, "default/s0", lambda one: one["spec"].update(selector={"app": app}))
    elif deed == "slice":
        for resource in (ENDPOINT_SLICES, ENDPOINTS):
            if some := sorted(world.objects.get(resource, {})):
                world.remove(resource, dice.choice(some))
    elif "n1" not in world.objects[NODES]:
        world.add(NODES, {"metadata": {"name": "n1"}})
    await asyncio.sleep(dice.choice((0.0, 0.0, 0.01, 0.3, 2.0)))


def behind(world: World, of: Object) -> dict[str, bool]:
    """The addresses that a Service is to have, and whether they are ready."""
    wanted = of["spec"]["selector"]["app"]
    return {
        one["status"]["podIP"]: one["status"]["conditions"][0]["status"] == "True"
        for one in world.all(PODS)
        if one["metadata"]["labels"]["app"] == wanted
    }


def sliced(world: World, name: str) -> list[tuple[str, bool]]:
    return [
        (one["addresses"][0], one["conditions"]["ready"])
        for value in world.all(ENDPOINT_SLICES)
        if value["metadata"]["labels"]["kubernetes.io/service-name"] == name
        for one in value["endpoints"] or ()
    ]


def listed(world: World, name: str) -> list[tuple[str, bool]]:
    return [
        (one["ip"], field == "addresses")
        for subset in world.get(ENDPOINTS, f"default/{name}").get("subsets") or ()
        for field in ("addresses", "notReadyAddresses")
        for one in subset.get(field) or ()
    ]


@pytest.mark.parametrize("seed", SEEDS)
def test_the_pods_are_told_of_at_last(seed: int) -> None:
    async def check() -> None:
        dice = random.Random(seed)
        world = World(dice, frozenset(dice.sample(range(40), 4)))
        world.add(NODES, {"metadata": {"name": "n0"}})
        for number, app in enumerate("aab"):
            world.add(SERVICES, {"kind": "Service", **service(f"s{number}", app)})
        world.start(Slices, EndpointsLoop, names=("slices", "endpoints"))
        for number in range(40):
            await disturb(world, number)
        if "n1" not in world.objects[NODES]:
            world.add(NODES, {"metadata": {"name": "n1"}})
        await world.settle()
        for of in world.all(SERVICES):
            name = of["metadata"]["name"]
            wanted = sorted(behind(world, of).items())
            assert sorted(sliced(world, name)) == wanted
            assert sorted(listed(world, name)) == wanted
        await world.stop()

    run(check())


def test_a_thousand_addresses_are_all_that_endpoints_hold() -> None:
    async def check() -> None:
        world = World()
        world.add(NODES, {"metadata": {"name": "n0"}})
        world.add(SERVICES, {"kind": "Service", **service("s", "a")})
        for number in range(1010):
            world.add(PODS, {**pod(number, "a", "n0"), "status": status(number, number % 2 == 0)})
        world.start(Slices, EndpointsLoop, names=("slices", "endpoints"))
        await world.settle()
        found = listed(world, "s")
        assert (len(found), sum(ready for _, ready in found)) == (1000, 505)
        annotations = world.get(ENDPOINTS, "default/s")["metadata"]["annotations"]
        assert annotations["endpoints.kubernetes.io/over-capacity"] == "truncated"
        sizes = sorted(len(value["endpoints"]) for value in world.all(ENDPOINT_SLICES))
        assert sizes == [10, *([100] * 10)]
        writes = world.writes
        world.set(PODS, "default/p0", lambda one: one["metadata"].update(annotations={"a": "b"}))
        await world.settle()
        assert world.writes == writes, "what Services do not see is not written of"
        await world.stop()

    run(check())


def test_a_services_endpoints_go_with_it() -> None:
    async def check() -> None:
        world = World()
        world.add(SERVICES, {"kind": "Service", **service("s", "a")})
        world.add(ENDPOINTS, {"metadata": {"name": "mine"}, "subsets": []})
        world.start(EndpointsLoop)
        await world.settle()
        assert set(world.objects[ENDPOINTS]) == {"default/mine", "default/s"}
        world.remove(SERVICES, "default/s")
        await world.settle()
        assert set(world.objects[ENDPOINTS]) == {"default/mine"}, "others' stay"
        await world.stop()

    run(check())


def test_endpoints_are_shared_out_as_nodes_come_and_go() -> None:
    def node(name: str, zone: str) -> Object:
        metadata = {"name": name, "labels": {"topology.kubernetes.io/zone": zone}}
        told = {"conditions": [{"type": "Ready", "status": "True"}], "allocatable": {"cpu": "4"}}
        return {"metadata": metadata, "status": told}

    def hints(world: World) -> list[str]:
        return [
            zone["name"]
            for value in world.all(ENDPOINT_SLICES)
            for one in value["endpoints"]
            for zone in (one.get("hints") or {"forZones": []})["forZones"]
        ]

    async def check() -> None:
        world = World()
        world.add(NODES, node("n0", "a"))
        shared = {"kind": "Service", **service("s", "a")}
        shared["metadata"]["annotations"] = {"service.kubernetes.io/topology-mode": "Auto"}
        world.add(SERVICES, shared)
        for number in range(4):
            world.add(PODS, {**pod(number, "a", "n0"), "status": status(number, True)})
        world.start(Slices)
        await world.settle()
        assert hints(world) == []
        world.add(NODES, node("n1", "b"))
        await world.settle()
        assert sorted(hints(world)) == ["a", "a", "b", "b"]
        enabled = "Topology Aware Hints has been enabled, addressType: IPv4"
        assert ("s", "Normal", "TopologyAwareHintsEnabled", enabled) in world.recorded.events
        world.set(SERVICES, "default/s", lambda one: one["metadata"].pop("annotations"))
        await world.settle()
        assert hints(world) == []
        disabled = "Topology Aware Hints has been disabled, addressType: IPv4"
        assert world.recorded.events[-1] == ("s", "Warning", "TopologyAwareHintsDisabled", disabled)
        await world.stop()

    run(check())
