"""Whatever happens in between, a set has its pods at last, and no pod was made once too often."""

import asyncio
import random

from hypothesis import given, settings
from hypothesis import strategies as st

from sampan.kube.client.requests import Object, ResourcePath
from sampan.kube.client.resources import PODS, REPLICA_SETS, REPLICATION_CONTROLLERS
from sampan.kube.controllers import replicationcontrollers
from sampan.kube.controllers.replicasets import controller as replica_sets
from sampan.specs.kubernetes import pods
from sampan.specs.kubernetes.objects import owner
from sampan.specs.kubernetes.status import StatusError
from tests.kube.controllers.world import World, beside, run

KEY = "default/r"


def replica_set(replicas: int) -> Object:
    return {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {"name": "r"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": "x"}},
            "template": {"metadata": {"labels": {"app": "x"}}, "spec": {"containers": []}},
        },
    }


def resize(world: World, replicas: int) -> None:
    world.set(REPLICA_SETS, KEY, lambda value: value["spec"].update(replicas=replicas))


def its_pods(world: World, resource: ResourcePath = REPLICA_SETS) -> list[Object]:
    uid = world.get(resource, KEY)["metadata"]["uid"]
    return [pod for pod in world.all(PODS) if pods.is_active(pod) and (owner(pod) or {}).get("uid") == uid]


@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 10**6),
    st.lists(st.integers(0, 12), min_size=1, max_size=5),
    st.sets(st.integers(0, 60), max_size=3),
)
def test_a_set_gets_as_many_pods_as_it_asks_for(seed: int, sizes: list[int], crashes: set[int]) -> None:
    async def check() -> None:
        world = World(random.Random(seed), frozenset(crashes))
        world.add(REPLICA_SETS, replica_set(sizes[0]))
        world.start(replica_sets.controller)
        for size in sizes[1:]:
            await world.settle(quiet=world.dice.uniform(0, 3))
            resize(world, size)
        await beside(world.kubelet(), main=world.settle())
        assert len(its_pods(world)) == sizes[-1]
        status = world.get(REPLICA_SETS, KEY)["status"]
        assert status.get("availableReplicas", 0) == status["replicas"] == sizes[-1]
        assert status["observedGeneration"] == world.get(REPLICA_SETS, KEY)["metadata"]["generation"]
        await world.stop()

    run(check())


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 20), st.sets(st.integers(0, 50), max_size=3))
def test_no_pod_is_made_twice(seed: int, size: int, crashes: set[int]) -> None:
    """As long as nobody else touches the pods."""

    async def check() -> None:
        world = World(random.Random(seed), frozenset(crashes))
        world.add(REPLICA_SETS, replica_set(size))
        world.start(replica_sets.controller)
        await beside(world.kubelet(), main=world.settle())
        assert len([one for one in world.created if one["kind"] == "Pod"]) == size
        await world.stop()

    run(check())


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 8), st.integers(1, 8))
def test_pods_that_go_are_made_anew(seed: int, size: int, losses: int) -> None:
    async def check() -> None:
        world = World(random.Random(seed))
        world.add(REPLICA_SETS, replica_set(size))
        world.start(replica_sets.controller)

        async def lose() -> None:
            for _ in range(losses):
                await world.settle(quiet=world.dice.uniform(0, 5))
                for pod in its_pods(world)[:1]:
                    world.remove(PODS, f"default/{pod['metadata']['name']}")
            await world.settle()

        await beside(world.kubelet(), main=lose())
        assert len(its_pods(world)) == size
        await world.stop()

    run(check())


def test_an_orphan_is_adopted_and_one_whose_labels_change_is_let_go() -> None:
    async def check() -> None:
        world = World()
        orphan = {"kind": "Pod", "metadata": {"name": "orphan", "labels": {"app": "x"}}, "spec": {}}
        world.add(PODS, orphan)
        world.add(REPLICA_SETS, replica_set(2))
        world.start(replica_sets.controller)
        await world.settle()
        assert {pod["metadata"]["name"] for pod in its_pods(world)} >= {"orphan"}
        assert len(world.all(PODS)) == 2
        world.set(PODS, "default/orphan", lambda pod: pod["metadata"]["labels"].update(app="y"))
        await world.settle()
        assert owner(world.get(PODS, "default/orphan")) is None
        assert len(its_pods(world)) == 2
        await world.stop()

    run(check())


def test_a_refusal_is_told_once_and_taken_back() -> None:
    async def check() -> None:
        world = World()
        no = StatusError("Forbidden", 'pods "r-x" is forbidden: exceeded quota', None, 403)
        world.refuse = lambda verb, resource, _value: no if (verb, resource) == ("create", PODS) else None
        world.add(REPLICA_SETS, replica_set(3))
        world.start(replica_sets.controller)
        await world.settle(quiet=2)
        found = world.get(REPLICA_SETS, KEY)
        (condition,) = found["status"]["conditions"]
        assert (condition["type"], condition["reason"]) == ("ReplicaFailure", "FailedCreate")
        assert condition["message"] == 'pods "r-x" is forbidden: exceeded quota'
        (decision,) = world.decisions.of(found["metadata"]["uid"])
        assert "has 0 of 3 pods" in decision.message
        world.refuse = lambda verb, resource, value: None
        await world.settle(quiet=2000)
        found = world.get(REPLICA_SETS, KEY)
        assert found["status"]["replicas"] == 3
        assert not found["status"].get("conditions")
        assert not world.decisions.of(found["metadata"]["uid"])
        await world.stop()

    run(check())


def test_a_ready_pod_is_available_after_its_time() -> None:
    async def check() -> None:
        world = World()
        value = replica_set(1)
        value["spec"]["minReadySeconds"] = 100
        world.add(REPLICA_SETS, value)
        world.start(replica_sets.controller)

        async def wait() -> None:
            await world.settle(quiet=20)
            assert world.get(REPLICA_SETS, KEY)["status"].get("availableReplicas", 0) == 0
            await world.settle(quiet=120)
            assert world.get(REPLICA_SETS, KEY)["status"]["availableReplicas"] == 1

        await beside(world.kubelet(), main=wait())
        await world.stop()

    run(check())


def test_a_replication_controller_does_the_same_and_does_not_tell_of_terminating_pods() -> None:
    async def check() -> None:
        world = World()
        value = replica_set(2)
        value |= {"apiVersion": "v1", "kind": "ReplicationController"}
        value["spec"]["selector"] = {"app": "x"}
        world.add(REPLICATION_CONTROLLERS, value)
        world.start(replicationcontrollers.controller)
        await world.settle()
        assert len(its_pods(world, REPLICATION_CONTROLLERS)) == 2
        status = world.get(REPLICATION_CONTROLLERS, KEY)["status"]
        assert status == {"replicas": 2, "fullyLabeledReplicas": 2, "observedGeneration": 1}
        await world.stop()

    run(check())


def test_a_set_whose_pods_vanish_at_once_comes_nearly_to_rest() -> None:
    """As of a template that names a node which tolerates nobody."""

    async def vandal(world: World) -> None:
        while True:
            await asyncio.sleep(0.05)
            for key in list(world.objects.get(PODS, {})):
                world.remove(PODS, key)

    async def check() -> tuple[int, str]:
        world = World()
        made = world.add(REPLICA_SETS, replica_set(2))
        world.start(replica_sets.controller, names=["replicaset-controller"])
        await beside(vandal(world), main=asyncio.sleep(600.0))
        await world.stop()
        [told] = world.decisions.of(made["metadata"]["uid"])
        return sum(one["kind"] == "Pod" for one in world.created), told.reason

    count, reason = run(check())
    assert 600 <= count <= 120 + 600 and reason == "PodsVanish"
