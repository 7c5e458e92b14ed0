"""The world of the property tests itself: two controllers that everybody can follow, through crashes."""

import random
from collections.abc import Callable

import pytest

from sampan.kube.client.requests import ResourcePath
from sampan.kube.client.resources import CONFIG_MAPS, NAMESPACES, SERVICE_ACCOUNTS
from sampan.kube.controllers import rootca, serviceaccounts
from tests.kube.controllers.world import World, run

CASES: list[tuple[str, Callable[..., object], ResourcePath, str]] = [
    ("accounts", serviceaccounts.controller, SERVICE_ACCOUNTS, "default"),
    ("certificates", rootca.controller, CONFIG_MAPS, rootca.NAME),
]


@pytest.mark.parametrize("crash", range(0, 14, 3))
@pytest.mark.parametrize(("_name", "controller", "resource", "made"), CASES, ids=[case[0] for case in CASES])
def test_each_namespace_has_its_own_at_last(
    crash: int, _name: str, controller: Callable[..., object], resource: ResourcePath, made: str
) -> None:
    async def check() -> None:
        world = World(random.Random(crash), frozenset({crash, crash + 5}))
        for name in ("a", "b", "c"):
            world.add(NAMESPACES, {"metadata": {"name": name}})
        world.start(controller)  # type: ignore[arg-type]
        await world.settle()
        world.add(NAMESPACES, {"metadata": {"name": "d"}})
        world.remove(resource, f"a/{made}")
        await world.settle()
        assert set(world.objects[resource]) == {f"{name}/{made}" for name in "abcd"}
        await world.stop()

    run(check())
