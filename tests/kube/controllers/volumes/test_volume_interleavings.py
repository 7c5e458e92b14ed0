"""Claims and volumes find each other, whatever happens on the way: no volume is two claims'."""

import asyncio
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sampan.kube.client.requests import Object
from sampan.kube.client.resources import ATTRIBUTES_CLASSES, CLAIMS, PODS, VOLUMES
from sampan.kube.controllers import ephemeralvolumes
from sampan.kube.controllers.volumes import expansion, protection
from sampan.kube.controllers.volumes.controller import Volumes
from sampan.kube.controllers.volumes.directories import delete_directory
from tests.kube.controllers.world import World, run

MODES = ["ReadWriteOnce"]


def volume(name: str, gigabytes: int, **spec: Any) -> Object:
    given = {"capacity": {"storage": f"{gigabytes}Gi"}, "accessModes": MODES, **spec}
    return {
        "kind": "PersistentVolume",
        "metadata": {"name": name},
        "spec": given,
        "status": {"phase": "Pending"},
    }


def claim(name: str, gigabytes: int) -> Object:
    spec = {
        "resources": {"requests": {"storage": f"{gigabytes}Gi"}},
        "accessModes": MODES,
        "storageClassName": "",
    }
    metadata = {"name": name, "finalizers": [protection.OF_CLAIMS]}
    return {
        "kind": "PersistentVolumeClaim",
        "metadata": metadata,
        "spec": spec,
        "status": {"phase": "Pending"},
    }


def phases(world: World, resource: Any) -> list[str]:
    return sorted(one["status"]["phase"] for one in world.all(resource))


@settings(max_examples=30, deadline=None)
@given(
    st.integers(0, 10_000),
    st.sets(st.integers(0, 80), max_size=4),
    st.lists(st.integers(1, 9), max_size=5),
    st.lists(st.integers(1, 9), max_size=5),
)
def test_no_volume_is_two_claims(seed: int, crashes: set[int], sizes: list[int], wants: list[int]) -> None:
    async def work() -> None:
        world = World(random.Random(seed), frozenset(crashes))
        world.start(Volumes, names=["persistent-volume-binder"])
        things: list[tuple[Any, Object]] = [
            (VOLUMES, volume(f"v{at}", size)) for at, size in enumerate(sizes)
        ]
        things += [(CLAIMS, claim(f"c{at}", size)) for at, size in enumerate(wants)]
        world.dice.shuffle(things)
        for resource, value in things:
            world.add(resource, value)
            await asyncio.sleep(world.dice.choice((0.0, 0.1, 2.0)))
        await world.settle()
        check(world)
        # Is a claim left that a free volume would do for?
        free = [
            size
            for at, size in enumerate(sizes)
            if world.get(VOLUMES, f"v{at}")["status"]["phase"] == "Available"
        ]
        left = [
            size
            for at, size in enumerate(wants)
            if world.get(CLAIMS, f"default/c{at}")["status"]["phase"] == "Pending"
        ]
        assert not free or not left or max(free) < min(left)
        await world.stop()

    run(work())


def check(world: World) -> None:
    """Both sides of all that is bound say the same."""
    for one in world.all(CLAIMS):
        if one["status"]["phase"] == "Bound":
            said = world.get(VOLUMES, one["spec"]["volumeName"])["spec"]["claimRef"]
            assert said["uid"] == one["metadata"]["uid"]
    bound = [one for one in world.all(VOLUMES) if one["spec"].get("claimRef")]
    for one in bound:
        assert one["status"]["phase"] == "Bound"
        held = world.get(CLAIMS, f"default/{one['spec']['claimRef']['name']}")
        assert held["spec"]["volumeName"] == one["metadata"]["name"]


@pytest.mark.parametrize("seed", range(6))
def test_a_claim_that_is_used_stays(seed: int) -> None:
    async def work() -> None:
        world = World(random.Random(seed), frozenset({seed * 3 + 2, seed * 5 + 4}))
        world.start(Volumes, protection.volumes, names=["a", "b"])
        world.add(VOLUMES, volume("v", 3))
        world.add(CLAIMS, claim("c", 2))
        await world.settle()
        assert phases(world, VOLUMES) == ["Bound"]
        assert world.get(VOLUMES, "v")["metadata"]["finalizers"] == [protection.OF_VOLUMES]
        world.remove(VOLUMES, "v")
        await world.settle()
        assert "deletionTimestamp" in world.get(VOLUMES, "v")["metadata"]
        world.set(CLAIMS, "default/c", lambda value: value["metadata"].pop("finalizers"))
        world.remove(CLAIMS, "default/c")
        await world.settle()
        assert world.all(VOLUMES) == [] and world.all(CLAIMS) == []
        await world.stop()

    run(work())


def test_what_cannot_be_deleted_has_failed() -> None:
    async def work() -> None:
        world = World()
        world.start(Volumes, names=["persistent-volume-binder"])
        world.add(
            VOLUMES, volume("v", 4, hostPath={"path": "/srv/data"}, persistentVolumeReclaimPolicy="Delete")
        )
        await world.settle()
        world.add(CLAIMS, {**claim("c", 2), "metadata": {"name": "c"}})
        await world.settle()
        world.remove(CLAIMS, "default/c")
        await world.settle()
        why = "host_path deleter only supports /tmp/.+ but received provided /srv/data"
        assert world.get(VOLUMES, "v")["status"] == {"phase": "Failed", "message": why}
        assert world.recorded.events == [("v", "Warning", "VolumeFailedDelete", why)]
        await world.stop()

    run(work())


def names_in(directory: Path) -> list[str]:
    return sorted(one.name for one in directory.iterdir())


async def test_a_directory_is_deleted_and_a_link_not_followed(tmp_path: Path) -> None:
    kept, linked, link = tmp_path / "kept", tmp_path / "linked", tmp_path / "link"
    for one in (kept, linked):
        one.mkdir()
        (one / "file").write_text("x")
    link.symlink_to(kept)
    for one in (linked, link, tmp_path / "gone"):
        assert await delete_directory(str(one)) is None
    assert names_in(tmp_path) == ["kept"]
    failed = await delete_directory("/proc/self/status")
    assert failed is not None and failed.reason == "VolumeFailedDelete"


@pytest.mark.parametrize("seed", range(5))
def test_a_pod_brings_its_claim(seed: int) -> None:
    async def work() -> None:
        world = World(random.Random(seed), frozenset({seed + 2}))
        world.start(ephemeralvolumes.controller, names=["ephemeral-volume-controller"])
        template = {"metadata": {"labels": {"a": "b"}}, "spec": {"accessModes": MODES}}
        volumes = [
            {"name": "scratch", "ephemeral": {"volumeClaimTemplate": template}},
            {"name": "x", "emptyDir": {}},
        ]
        pod = world.add(PODS, {"kind": "Pod", "metadata": {"name": "p"}, "spec": {"volumes": volumes}})
        other = {"kind": "PersistentVolumeClaim", "metadata": {"name": "q-scratch"}, "spec": {}}
        world.add(CLAIMS, other)
        world.add(PODS, {"kind": "Pod", "metadata": {"name": "q"}, "spec": {"volumes": volumes}})
        await world.settle(quiet=5.0)
        found = world.get(CLAIMS, "default/p-scratch")
        assert found["metadata"]["labels"] == {"a": "b"} and found["spec"] == {"accessModes": MODES}
        assert found["metadata"]["ownerReferences"][0]["uid"] == pod["metadata"]["uid"]
        assert "ownerReferences" not in world.get(CLAIMS, "default/q-scratch")["metadata"]
        why = "PVC default/q-scratch was not created for pod default/q (pod is not owner)"
        assert ("q", "Warning", "FailedBinding", f"ephemeral volume scratch: {why}") in world.recorded.events
        await world.stop()

    run(work())


def test_who_wants_more_is_told_to_wait() -> None:
    async def work() -> None:
        world = World()
        world.start(Volumes, expansion.controller, names=["a", "b"])
        world.add(VOLUMES, volume("v", 3))
        world.add(CLAIMS, claim("c", 2))
        await world.settle()
        world.recorded.events.clear()
        more = {"requests": {"storage": "9Gi"}}
        world.set(CLAIMS, "default/c", lambda value: value["spec"].update(resources=more))
        await world.settle()
        message = "waiting for an external controller to expand this PVC"
        assert world.recorded.events == [("c", "Normal", "ExternalExpanding", message)]
        await world.stop()

    run(work())


def test_a_class_that_volumes_have_stays() -> None:
    async def work() -> None:
        world = World()
        world.start(protection.attributes_classes, names=["volumeattributesclass-protection-controller"])
        for name in ("gold", "tin", "lead"):
            world.add(ATTRIBUTES_CLASSES, {"kind": "VolumeAttributesClass", "metadata": {"name": name}})
        world.add(VOLUMES, volume("v", 3, volumeAttributesClassName="gold"))
        world.add(CLAIMS, {**claim("c", 2), "status": {"currentVolumeAttributesClassName": "tin"}})
        await world.settle()
        for name in ("gold", "tin", "lead"):
            assert world.get(ATTRIBUTES_CLASSES, name)["metadata"]["finalizers"] == [protection.OF_CLASSES]
            world.remove(ATTRIBUTES_CLASSES, name)
        await world.settle()
        assert set(world.objects[ATTRIBUTES_CLASSES]) == {"gold", "tin"}
        world.set(CLAIMS, "default/c", lambda value: value.update(status={}))
        world.remove(VOLUMES, "v")
        await world.settle()
        assert world.all(ATTRIBUTES_CLASSES) == []
        await world.stop()

    run(work())


def test_a_volume_for_a_claim_without_a_name_is_nobodys() -> None:
    """The API takes a claimRef that has but a uid; one such volume stops no other."""

    async def check() -> tuple[str, str]:
        world = World()
        for name, said in (
            ("odd", {"uid": "x"}),
            ("odder", {"uid": "x", "namespace": "../a", "name": "b/c"}),
        ):
            world.add(VOLUMES, {"metadata": {"name": name}, "spec": {"claimRef": said}})
        world.start(Volumes)
        await world.settle()
        await world.stop()
        odd, odder = (world.get(VOLUMES, name)["status"]["phase"] for name in ("odd", "odder"))
        return odd, odder

    assert run(check()) == ("Released", "Released")
