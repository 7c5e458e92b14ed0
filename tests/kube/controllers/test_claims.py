"""What an owner takes for its own, and what it lets go."""

import pytest

from sampan.kube.client.requests import Object
from sampan.kube.client.resources import PODS, SERVICES
from sampan.kube.controllers.claims import claim, settle
from sampan.specs.kubernetes import labels
from tests.kube.controllers.world import World, run

SELECTOR = labels.from_object({"matchLabels": {"app": "a"}})
OWNER = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "o", "namespace": "default", "uid": "o"}}


def pod(name: str, app: str, owner: str = "", **metadata: object) -> Object:
    found = {"name": name, "labels": {"app": app}, **metadata}
    if owner:
        found["ownerReferences"] = [{"kind": "Service", "name": owner, "uid": owner, "controller": True}]
    return {"metadata": found}


@pytest.mark.parametrize(
    ("what", "value", "where"),
    [
        ("its own", pod("p", "a", "o"), "mine"),
        ("its own on its way out", pod("p", "a", "o", deletionTimestamp="2027-01-15T08:00:00Z"), "mine"),
        ("its own that it selects no more", pod("p", "b", "o"), "release"),
        ("an orphan", pod("p", "a"), "adopt"),
        ("an orphan on its way out", pod("p", "a", deletionTimestamp="2027-01-15T08:00:00Z"), ""),
        ("an orphan of another kind", pod("p", "b"), ""),
        ("somebody else's", pod("p", "a", "other"), ""),
    ],
)
def test_objects_are_sorted(what: str, value: Object, where: str) -> None:
    found = claim(OWNER, SELECTOR, [value])
    assert {name for name in ("mine", "adopt", "release") if getattr(found, name)} == {where} - {""}, what


def test_an_owner_on_its_way_out_takes_and_lets_go_of_nothing() -> None:
    going = {**OWNER, "metadata": {**OWNER["metadata"], "deletionTimestamp": "2027-01-15T08:00:00Z"}}  # type: ignore[dict-item]
    found = claim(going, SELECTOR, [pod("mine", "a", "o"), pod("other", "b", "o"), pod("orphan", "a")])
    assert [one["metadata"]["name"] for one in found.mine] == ["mine"]
    assert (found.adopt, found.release) == ([], [])


def adopted(change: str = "") -> tuple[list[str], list[Object]]:
    """Who is taken for its own when an orphan and one of another are there; the pods afterwards."""

    async def check() -> tuple[list[str], list[Object]]:
        world = World()
        owner = world.add(SERVICES, {"kind": "Service", "metadata": {"name": "o"}})
        uid = owner["metadata"]["uid"]
        orphan = world.add(PODS, pod("orphan", "a"))
        lost = world.add(PODS, pod("lost", "b", uid))
        found = claim(owner, SELECTOR, world.all(PODS))
        if change == "owner":
            world.remove(SERVICES, "default/o")
            world.add(SERVICES, {"kind": "Service", "metadata": {"name": "o"}})
        elif change == "pods":
            for value in (orphan, lost):
                world.remove(PODS, f"default/{value['metadata']['name']}")
        world.start()
        client = world._process.client  # type: ignore[union-attr]
        mine = await settle(client, found, owner, SERVICES, PODS, ["tests/finalizer"])
        await world.stop()
        return [one["metadata"]["name"] for one in mine], world.all(PODS)

    return run(check())


def test_orphans_are_adopted_and_others_released() -> None:
    mine, pods = adopted()
    assert mine == ["orphan"]
    by_name = {one["metadata"]["name"]: one["metadata"] for one in pods}
    assert by_name["orphan"]["ownerReferences"][0]["controller"] is True
    assert by_name["orphan"]["finalizers"] == ["tests/finalizer"]
    assert by_name["lost"]["ownerReferences"] == []


def test_nothing_is_adopted_for_an_owner_that_has_gone() -> None:
    assert adopted("owner")[0] == []


def test_what_has_gone_is_not_adopted() -> None:
    assert adopted("pods") == ([], [])
