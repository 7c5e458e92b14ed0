import pytest

from sampan.kube.client.requests import Client
from sampan.kube.client.resources import CONFIG_MAPS, PODS
from sampan.specs.kubernetes.status import StatusError
from tests.kube.controllers.world import World, run

MAP = {"metadata": {"name": "a", "namespace": "default"}}


def client_of(world: World) -> Client:
    world.start()
    return world._process.client  # type: ignore[union-attr]


def test_what_is_not_there_is_found_to_be_none() -> None:
    async def case() -> None:
        world = World()
        client = client_of(world)
        assert await client.find(CONFIG_MAPS, "default", "a") is None
        made = world.add(CONFIG_MAPS, MAP)
        found = await client.find(CONFIG_MAPS, "default", "a")
        assert found is not None and found["metadata"]["uid"] == made["metadata"]["uid"]
        await world.stop()

    run(case())


def test_the_very_object_is_deleted_and_no_later_one_of_its_name() -> None:
    async def case() -> None:
        world = World()
        client = client_of(world)
        seen = world.add(CONFIG_MAPS, MAP)
        await client.discard(CONFIG_MAPS, seen)
        assert world.all(CONFIG_MAPS) == []
        await client.discard(CONFIG_MAPS, seen)
        world.add(CONFIG_MAPS, MAP)
        with pytest.raises(StatusError, match="Precondition failed"):
            await client.discard(CONFIG_MAPS, seen)
        assert len(world.all(CONFIG_MAPS)) == 1
        await world.stop()

    run(case())


def test_other_refusals_of_a_deletion_are_told() -> None:
    async def case() -> None:
        refusal = StatusError("Forbidden", "no", None, 403)
        world = World(refuse=lambda *_: refusal)
        client = client_of(world)
        pod = world.add(PODS, MAP)
        with pytest.raises(StatusError, match="no"):
            await client.discard(PODS, pod)
        await world.stop()

    run(case())
