"""Volumes are attached where pods use them, and to no two nodes that must not share them."""

import asyncio
import random
from typing import Any

import pytest

from sampan.kube.client.requests import Object
from sampan.kube.client.resources import ATTACHMENTS, CLAIMS, CSI_DRIVERS, NODES, PODS, VOLUMES
from sampan.kube.controllers.attachments import rules
from sampan.kube.controllers.attachments.attaching import Attaching
from tests.kube.controllers.world import EPOCH, World, run

DRIVER = "csi.example.com"


def node(name: str, *in_use: str, ready: str = "True", taint: str = "", managed: str = "true") -> Object:
    spec = {"taints": [{"key": taint, "effect": "NoExecute"}]} if taint else {}
    status = {"conditions": [{"type": "Ready", "status": ready}], "volumesInUse": list(in_use)}
    return {
        "metadata": {"name": name, "annotations": {rules.MANAGED: managed}},
        "spec": spec,
        "status": status,
    }


def volume(name: str, claim: str, *modes: str, **source: Any) -> Object:
    csi = {"driver": DRIVER, "volumeHandle": f"h-{name}"}
    spec = {"accessModes": list(modes or ("ReadWriteOnce",)), "csi": csi, **source}
    return {"metadata": {"name": name}, "spec": {**spec, "claimRef": {"namespace": "default", "name": claim}}}


def claim(name: str, volume: str) -> Object:
    return {"metadata": {"name": name}, "spec": {"volumeName": volume}}


def pod(name: str, on: str, claim: str, **status: Any) -> Object:
    volumes = [{"name": "v", "persistentVolumeClaim": {"claimName": claim}}]
    metadata = {"name": name, "namespace": "default"}
    return {"metadata": metadata, "spec": {"nodeName": on, "volumes": volumes}, "status": status}


def test_names_are_those_that_drivers_look_for() -> None:
    digest = "4af94228ee9d441e02225497584706bfc975bdb4d2db3571d8c5db2668c1e969"
    assert rules.attachment_name("vol", "driver", "node") == f"csi-{digest}"
    assert rules.unique_name("d", "h") == "kubernetes.io/csi/d^h"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (pod("p", "n", "c"), True),
        (pod("p", "n", "c", phase="Succeeded"), False),
        (pod("p", "n", "c", phase="Failed"), False),
    ],
)
def test_pods_hold_volumes_until_they_have_finished(value: Object, expected: bool) -> None:
    assert rules.holds(value, node("n")) is expected


def test_pods_on_their_way_out_hold_volumes_while_something_runs() -> None:
    def going(**state: Any) -> Object:
        value = pod("p", "n", "c", containerStatuses=[{"state": state}])
        value["metadata"]["deletionTimestamp"] = "2027-01-15T08:00:00Z"
        return value

    assert rules.holds(going(running={}), node("n"))
    assert not rules.holds(going(terminated={}), node("n"))


@pytest.mark.parametrize(
    ("where", "since", "expected"),
    [
        (None, EPOCH, True),
        (node("n"), EPOCH, True),
        (node("n", "x"), EPOCH - 9999, False),
        (node("n", "x", ready="Unknown"), EPOCH - 359, False),
        (node("n", "x", ready="Unknown"), EPOCH - 361, True),
        (node("n", "x", taint="node.kubernetes.io/out-of-service"), EPOCH, True),
    ],
)
def test_a_volume_in_use_stays(where: Object | None, since: float, expected: bool) -> None:
    assert rules.may_detach(where, "x", since, EPOCH) is expected


@pytest.mark.parametrize(
    ("modes", "expected"),
    [
        (["ReadWriteOnce"], True),
        (["ReadWriteOncePod"], True),
        (["ReadWriteOnce", "ReadOnlyMany"], False),
        ([], False),
    ],
)
def test_who_shares(modes: list[str], expected: bool) -> None:
    assert rules.is_exclusive({"spec": {"accessModes": modes}}) is expected


async def attacher(world: World) -> None:
    """Until cancelled: the driver's part."""
    while True:
        for key, value in list(world.objects.get(ATTACHMENTS, {}).items()):
            if not (value.get("status") or {}).get("attached"):
                world.set(ATTACHMENTS, key, lambda one: one.update(status={"attached": True}))
        await asyncio.sleep(world.dice.uniform(0.1, 1.5))


def attached(world: World) -> set[tuple[str, str]]:
    return {
        (one["spec"]["source"]["persistentVolumeName"], one["spec"]["nodeName"])
        for one in world.all(ATTACHMENTS)
        if one["metadata"]["name"].startswith("csi-")
    }


async def furnish(world: World, *modes: str) -> None:
    for name in ("n0", "n1"):
        world.add(NODES, node(name))
    for number in range(3):
        world.add(VOLUMES, volume(f"pv{number}", f"c{number}", *modes))
        world.add(CLAIMS, claim(f"c{number}", f"pv{number}"))


@pytest.mark.parametrize("seed", range(10))
def test_attachments_follow_pods_at_last(seed: int) -> None:
    async def check() -> None:
        dice = random.Random(seed)
        world = World(dice, frozenset(dice.sample(range(30), 4)))
        await furnish(world)
        world.add(ATTACHMENTS, {"metadata": {"name": "foreign"}, "spec": {"nodeName": "n0", "source": {}}})
        driver = asyncio.ensure_future(attacher(world))
        world.start(Attaching)
        for number in range(15):
            pods = sorted(world.objects.get(PODS, {}))
            if pods and dice.random() < 0.5:
                world._drop(PODS, dice.choice(pods))
            else:
                world.add(PODS, pod(f"p{number}", dice.choice(("n0", "n1")), f"c{dice.randrange(3)}"))
            holders = attached(world)
            assert len({name for name, _ in holders}) == len(holders), "on one node at a time"
            await asyncio.sleep(dice.choice((0.0, 0.1, 3.0)))
        await world.settle()
        users = {
            (
                f"pv{one['spec']['volumes'][0]['persistentVolumeClaim']['claimName'][1:]}",
                one["spec"]["nodeName"],
            )
            for one in world.all(PODS)
        }
        found = attached(world)
        assert found <= users and {name for name, _ in found} == {name for name, _ in users}
        for name in ("n0", "n1"):
            told = {
                one["name"].rpartition("-")[2]
                for one in world.get(NODES, name)["status"].get("volumesAttached") or ()
            }
            assert told == {one for one, on in found if on == name}
        assert "foreign" in world.objects[ATTACHMENTS]
        driver.cancel()
        await world.stop()

    run(check())


def test_the_second_node_is_told_who_has_the_volume() -> None:
    async def check() -> None:
        world = World()
        await furnish(world)
        world.add(PODS, pod("first", "n0", "c0"))
        driver = asyncio.ensure_future(attacher(world))
        world.start(Attaching)
        await world.settle()
        succeeded = 'AttachVolume.Attach succeeded for volume "pv0" '
        assert ("first", "Normal", "SuccessfulAttachVolume", succeeded) in world.recorded.events
        second = world.add(PODS, pod("second", "n1", "c0"))
        await asyncio.sleep(10)
        text = 'Multi-Attach error for volume "pv0" Volume is already used by pod(s) first'
        assert ("second", "Warning", "FailedAttachVolume", text) in world.recorded.events
        assert world.decisions.of(second["metadata"]["uid"])[-1].message == text
        world._drop(PODS, "default/first")
        await world.settle()
        assert attached(world) == {("pv0", "n1")}
        driver.cancel()
        await world.stop()

    run(check())


def test_shared_volumes_and_drivers_that_need_nothing() -> None:
    async def check() -> None:
        world = World()
        await furnish(world, "ReadWriteMany")
        for name in ("n0", "n1"):
            world.add(PODS, pod(f"on-{name}", name, "c0"))
        world.start(Attaching)
        await world.settle()
        assert attached(world) == {("pv0", "n0"), ("pv0", "n1")}
        world.add(CSI_DRIVERS, {"metadata": {"name": DRIVER}, "spec": {"attachRequired": False}})
        await world.settle()
        assert attached(world) == set()
        await world.stop()

    run(check())


def test_kubelets_that_attach_by_themselves_are_left_alone() -> None:
    async def check() -> None:
        world = World()
        world.add(NODES, {**node("n0", managed="false"), "status": {"volumesAttached": [{"name": "own"}]}})
        world.add(VOLUMES, volume("pv0", "c0"))
        world.add(CLAIMS, claim("c0", "pv0"))
        world.add(PODS, pod("p", "n0", "c0"))
        world.start(Attaching)
        await world.settle()
        assert attached(world) == set()
        assert world.get(NODES, "n0")["status"]["volumesAttached"] == [{"name": "own"}]
        await world.stop()

    run(check())
