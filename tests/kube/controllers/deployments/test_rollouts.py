"""Whatever happens in between, the pods of a Deployment are those of its last template at last."""

import asyncio
import random
from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from sampan.kube.client.requests import Object
from sampan.kube.client.resources import DEPLOYMENTS, PODS, REPLICA_SETS
from sampan.kube.controllers.deployments import controller as deployments
from sampan.kube.controllers.deployments.sets import HISTORY, REVISION, replicas
from sampan.kube.controllers.replicasets import controller as replica_sets
from sampan.specs.kubernetes import pods
from sampan.specs.kubernetes.objects import annotations_of, owner
from tests.kube.controllers.world import World, beside, ready, run

KEY = "default/d"
ROLLING = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}}


def deployment(size: int, strategy: Object | None = None, **spec: object) -> Object:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "d"},
        "spec": {
            "replicas": size,
            "strategy": strategy or ROLLING,
            "selector": {"matchLabels": {"app": "x"}},
            "revisionHistoryLimit": 2,
            "progressDeadlineSeconds": 600,
            "template": template(0),
            **spec,
        },
    }


def template(version: int) -> Object:
    container = {"name": "c", "image": f"image:{version}"}
    return {"metadata": {"labels": {"app": "x"}}, "spec": {"containers": [container]}}


def start(world: World) -> None:
    world.start(deployments.controller, replica_sets.controller)


def change(world: World, **spec: object) -> None:
    world.set(DEPLOYMENTS, KEY, lambda value: value["spec"].update(spec))


def active(world: World) -> list[Object]:
    return [pod for pod in world.all(PODS) if pods.is_active(pod)]


def check_done(world: World, size: int, version: int) -> None:
    assert len(active(world)) == size
    assert all(pod["spec"]["containers"][0]["image"] == f"image:{version}" for pod in active(world))
    found = world.get(DEPLOYMENTS, KEY)
    status = found["status"]
    counts = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")
    assert [status.get(name, 0) for name in counts] == [size] * 4
    assert status["observedGeneration"] == found["metadata"]["generation"]
    reasons = {one["type"]: one["reason"] for one in status["conditions"]}
    assert reasons == {"Available": "MinimumReplicasAvailable", "Progressing": "NewReplicaSetAvailable"}
    sets = world.all(REPLICA_SETS)
    revisions = [int(annotations_of(one)[REVISION]) for one in sets]
    assert len(set(revisions)) == len(sets) <= 3
    assert annotations_of(found)[REVISION] == str(max(revisions))
    assert all(owner(one) is not None for one in sets)
    assert sum(map(replicas, sets)) == size


step = st.one_of(
    st.builds(lambda size: {"replicas": size}, st.integers(0, 9)),
    st.builds(lambda version: {"template": template(version)}, st.integers(0, 4)),
    st.builds(lambda paused: {"paused": paused}, st.booleans()),
)
strategies = st.sampled_from(
    [
        ROLLING,
        {"type": "Recreate"},
        {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}},
        {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 3, "maxUnavailable": 0}},
    ]
)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), strategies, st.lists(step, max_size=6), st.sets(st.integers(0, 80), max_size=3))
def test_the_last_template_wins(seed: int, strategy: Object, steps: list[Object], crashes: set[int]) -> None:
    async def check() -> None:
        world = World(random.Random(seed), frozenset(crashes))
        world.add(DEPLOYMENTS, deployment(3, strategy))
        start(world)

        async def live() -> None:
            for one in steps:
                await world.settle(quiet=world.dice.uniform(0, 10))
                change(world, **one)
            change(world, paused=False)
            await world.settle(quiet=60)

        await beside(world.kubelet(), main=live())
        spec = world.get(DEPLOYMENTS, KEY)["spec"]
        version = int(spec["template"]["spec"]["containers"][0]["image"].removeprefix("image:"))
        check_done(world, spec["replicas"], version)
        await world.stop()

    run(check())


async def watched(world: World, look: Callable[[], None]) -> None:
    """Look again and again, as often as anything can have changed."""
    while True:
        look()
        await asyncio.sleep(0.05)


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 9), st.integers(0, 3), st.integers(0, 3))
def test_a_rolling_update_keeps_its_bounds(seed: int, size: int, surge: int, unavailable: int) -> None:
    unavailable = max(unavailable, int(surge == 0))

    async def check() -> None:
        world = World(random.Random(seed))
        rolling = {"maxSurge": surge, "maxUnavailable": unavailable}
        strategy = {"type": "RollingUpdate", "rollingUpdate": rolling}
        world.add(DEPLOYMENTS, deployment(size, strategy))
        start(world)

        def look() -> None:
            assert len(active(world)) <= size + surge
            assert sum(map(pods.is_ready, active(world))) >= size - unavailable

        async def roll() -> None:
            for version in (1, 2):
                change(world, template=template(version))
                await world.settle(quiet=world.dice.uniform(1, 40))
            await world.settle()

        await beside(world.kubelet(), main=world.settle())
        await beside(world.kubelet(), watched(world, look), main=roll())
        check_done(world, size, 2)
        await world.stop()

    run(check())


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 6))
def test_recreating_has_never_pods_of_two_templates(seed: int, size: int) -> None:
    async def check() -> None:
        world = World(random.Random(seed))
        world.add(DEPLOYMENTS, deployment(size, {"type": "Recreate"}))
        start(world)

        def look() -> None:
            assert len({pod["spec"]["containers"][0]["image"] for pod in world.all(PODS)}) <= 1

        async def roll() -> None:
            await world.settle()
            change(world, template=template(1))
            await world.settle()

        await beside(world.kubelet(), watched(world, look), main=roll())
        check_done(world, size, 1)
        await world.stop()

    run(check())


def test_going_back_gives_the_old_set_a_new_revision() -> None:
    async def check() -> None:
        world = World()
        world.add(DEPLOYMENTS, deployment(2))
        start(world)

        async def roll() -> None:
            for version in (0, 1, 0):
                change(world, template=template(version))
                await world.settle()

        await beside(world.kubelet(), main=roll())
        check_done(world, 2, 0)
        known = {
            annotations_of(one)[REVISION]: annotations_of(one).get(HISTORY) for one in world.all(REPLICA_SETS)
        }
        assert known == {"2": None, "3": "1"}
        messages = [message for name, _, _, message in world.recorded.events if name == "d"]
        assert messages[0].startswith("Scaled up replica set d-")
        assert messages[0].endswith("from 0 to 2")
        await world.stop()

    run(check())


def test_a_name_that_is_taken_is_passed_by() -> None:
    """By a set of somebody else, with the very name that the hash gives."""

    async def check() -> None:
        world = World()
        world.add(DEPLOYMENTS, deployment(1))
        start(world)
        await beside(world.kubelet(), main=world.settle())
        (first,) = world.all(REPLICA_SETS)
        await world.stop()
        world = World()
        other = {**first, "metadata": {"name": first["metadata"]["name"]}}
        other["spec"] = {**first["spec"], "replicas": 0, "selector": {"matchLabels": {"app": "other"}}}
        world.add(REPLICA_SETS, other)
        world.add(DEPLOYMENTS, deployment(1))
        start(world)
        await beside(world.kubelet(), main=world.settle())
        assert world.get(DEPLOYMENTS, KEY)["status"]["collisionCount"] == 1
        own = [one for one in world.all(REPLICA_SETS) if owner(one) is not None]
        assert [replicas(one) for one in own] == [1]
        assert own[0]["metadata"]["name"] != first["metadata"]["name"]
        await world.stop()

    run(check())


def test_a_rollout_that_gets_nowhere_times_out_and_says_so() -> None:
    def never(pod: Object) -> None:
        ready(pod)
        if pod["spec"]["containers"][0]["image"] == "image:1":
            pod["status"]["conditions"][0]["status"] = "False"

    async def check() -> None:
        world = World()
        world.add(DEPLOYMENTS, deployment(4, progressDeadlineSeconds=60))
        start(world)

        async def roll() -> None:
            await world.settle()
            change(world, template=template(1))
            await world.settle(quiet=100)

        await beside(world.kubelet(never), main=roll())
        found = world.get(DEPLOYMENTS, KEY)
        progressing = next(one for one in found["status"]["conditions"] if one["type"] == "Progressing")
        assert (progressing["status"], progressing["reason"]) == ("False", "ProgressDeadlineExceeded")
        assert progressing["message"].endswith("has timed out progressing.")
        assert found["status"]["availableReplicas"] == 3  # one may be missing
        decision = world.decisions.of(found["metadata"]["uid"])[-1]
        assert decision.reason == "ProgressDeadlineExceeded"
        assert "0 of 4 new pods are available" in decision.message
        change(world, template=template(0))
        await beside(world.kubelet(), main=world.settle())
        check_done(world, 4, 0)
        assert not world.decisions.of(found["metadata"]["uid"])
        await world.stop()

    run(check())


def test_sets_are_adopted_by_their_labels_and_let_go_by_them() -> None:
    async def check() -> None:
        world = World()
        world.add(DEPLOYMENTS, deployment(1))
        start(world)
        await beside(world.kubelet(), main=world.settle())
        (one,) = world.all(REPLICA_SETS)
        key = f"default/{one['metadata']['name']}"
        world.set(REPLICA_SETS, key, lambda value: value["metadata"]["labels"].update(app="y"))
        await beside(world.kubelet(), main=world.settle(quiet=5))
        assert owner(world.get(REPLICA_SETS, key)) is None
        world.set(REPLICA_SETS, key, lambda value: value["metadata"]["labels"].update(app="x"))
        await beside(world.kubelet(), main=world.settle())
        assert (owner(world.get(REPLICA_SETS, key)) or {}).get("name") == "d"
        await world.stop()

    run(check())
