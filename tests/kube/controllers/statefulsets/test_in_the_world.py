"""StatefulSets through late news, conflicts and crashes: at last all is as it was asked for."""

import random
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sampan.kube.client.requests import Object, ResourcePath
from sampan.kube.client.resources import CLAIMS, CONTROLLER_REVISIONS, PODS, STATEFUL_SETS
from sampan.kube.controllers import statefulsets
from sampan.specs.kubernetes.pods import is_ready
from sampan.specs.kubernetes.status import StatusError, forbidden
from tests.kube.controllers.statefulsets.sets import stateful_set
from tests.kube.controllers.world import World, beside, run

KEY = "n/w"
TEMPLATES = [{"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"]}}]
seeds, crashes = st.integers(0, 1 << 20), st.frozensets(st.integers(2, 60), max_size=4)


def asked(world: World, **spec: object) -> None:
    def change(owner: Object) -> None:
        owner["spec"].update(spec)

    world.set(STATEFUL_SETS, KEY, change)


def with_image(image: str) -> Object:
    return {"metadata": {"labels": {"app": "x"}}, "spec": {"containers": [{"name": "c", "image": image}]}}


def check_end(world: World, numbers: list[int], image: str) -> None:
    pods = world.all(PODS)
    assert sorted(one["metadata"]["name"] for one in pods) == sorted(f"w-{one}" for one in numbers)
    assert {one["spec"]["containers"][0]["image"] for one in pods} <= {image}
    status = world.get(STATEFUL_SETS, KEY)["status"]
    count = len(numbers)
    assert [status[name] for name in ("replicas", "readyReplicas", "updatedReplicas")] == [count] * 3
    assert status["currentRevision"] == status["updateRevision"]
    assert status["observedGeneration"] == world.get(STATEFUL_SETS, KEY)["metadata"]["generation"]


def play(seed: int, deaths: frozenset[int], work: Callable[[World], object], **spec: object) -> World:
    """A set of three pods, then `work` (a coroutine function), then rest."""
    world = World(random.Random(seed), deaths)

    async def scenario() -> None:
        world.add(STATEFUL_SETS, stateful_set(3, template=with_image("a"), **spec))
        world.start(statefulsets.controller)
        await beside(world.kubelet(), main=work(world))  # type: ignore[arg-type]
        await world.stop()

    run(scenario())
    return world


@settings(max_examples=12, deadline=None)
@given(seeds, crashes, st.booleans())
def test_a_set_is_scaled_and_updated(seed: int, deaths: frozenset[int], parallel: bool) -> None:
    async def work(world: World) -> None:
        await world.settle()
        asked(world, replicas=5)
        await world.settle(world.dice.choice((0.5, 30.0)))
        asked(world, template=with_image("b"))
        await world.settle(world.dice.choice((0.5, 30.0)))
        asked(world, replicas=2)
        await world.settle()
        check_end(world, [0, 1], "b")

    policy = "Parallel" if parallel else "OrderedReady"
    world = play(seed, deaths, work, podManagementPolicy=policy, volumeClaimTemplates=TEMPLATES)
    assert {"n/data-w-0", "n/data-w-1", "n/data-w-2"} <= set(world.objects[CLAIMS])


@settings(max_examples=12, deadline=None)
@given(seeds, crashes)
def test_pods_that_fail_or_vanish_are_made_again(seed: int, deaths: frozenset[int]) -> None:
    async def work(world: World) -> None:
        await world.settle()
        world.set(PODS, "n/w-1", lambda pod: pod.update(status={"phase": "Failed"}))
        world.remove(PODS, "n/w-0")
        await world.settle()
        check_end(world, [0, 1, 2], "a")

    world = play(seed, deaths, work)
    names = [one["metadata"]["name"] for one in world.created if one.get("kind") == "Pod"]
    assert sorted(names) == ["w-0", "w-0", "w-1", "w-1", "w-2"]  # none more often than it had to be


@settings(max_examples=12, deadline=None)
@given(seeds, crashes)
def test_in_order_no_pod_is_made_before_those_below_it_are_ready(seed: int, deaths: frozenset[int]) -> None:
    world = World(random.Random(seed), deaths)
    wrong = []

    def watch(verb: str, resource: ResourcePath, value: Object) -> StatusError | None:
        if verb == "create" and resource == PODS:
            below = int(value["metadata"]["name"].removeprefix("w-"))
            there = [world.objects[PODS].get(f"n/w-{number}") for number in range(below)] if below else []
            if not all(pod is not None and is_ready(pod) for pod in there):
                wrong.append(value["metadata"]["name"])
        return None

    async def scenario() -> None:
        world.refuse = watch
        world.add(STATEFUL_SETS, stateful_set(4, template=with_image("a")))
        world.start(statefulsets.controller)
        await beside(world.kubelet(), main=world.settle())
        check_end(world, [0, 1, 2, 3], "a")
        await world.stop()

    run(scenario())
    assert not wrong
    made = [one["metadata"]["name"] for one in world.created if one.get("kind") == "Pod"]
    assert made == ["w-0", "w-1", "w-2", "w-3"]


@settings(max_examples=10, deadline=None)
@given(seeds, crashes)
def test_going_back_to_a_template_uses_its_revision_again(seed: int, deaths: frozenset[int]) -> None:
    async def work(world: World) -> None:
        for image in ("a", "b", "c", "a"):
            asked(world, template=with_image(image))
            await world.settle()
        check_end(world, [0, 1, 2], "a")
        found = sorted(world.all(CONTROLLER_REVISIONS), key=lambda one: one["revision"])
        images = [one["data"]["spec"]["template"]["spec"]["containers"][0]["image"] for one in found]
        assert (images, found[-1]["revision"]) == (["c", "a"], 4)

    play(seed, deaths, work, revisionHistoryLimit=1)


@pytest.mark.parametrize("scaled", ["Retain", "Delete"])
def test_claims_belong_to_pods_that_are_scaled_away(scaled: str) -> None:
    async def work(world: World) -> None:
        await world.settle()
        asked(world, replicas=1)
        await world.settle()
        owners = [
            [
                one["kind"]
                for one in world.get(CLAIMS, f"n/data-w-{number}")["metadata"].get("ownerReferences") or ()
            ]
            for number in range(3)
        ]
        with_pod = ["Pod"] if scaled == "Delete" else ["StatefulSet"]
        assert owners == [["StatefulSet"], with_pod, with_pod]

    policy = {"whenDeleted": "Delete", "whenScaled": scaled}
    play(1, frozenset(), work, volumeClaimTemplates=TEMPLATES, persistentVolumeClaimRetentionPolicy=policy)


def test_a_pod_waits_until_the_claims_of_the_one_before_have_gone() -> None:
    async def work(world: World) -> None:
        await world.settle()
        asked(world, replicas=1)
        await world.settle()
        asked(world, replicas=2)
        await world.settle()
        assert "n/w-1" not in world.objects[PODS]
        world.remove(CLAIMS, "n/data-w-1")  # as the garbage collector does
        await world.settle()
        check_end(world, [0, 1], "a")
        assert not world.get(CLAIMS, "n/data-w-1")["metadata"].get("ownerReferences")

    policy = {"whenDeleted": "Retain", "whenScaled": "Delete"}
    play(3, frozenset(), work, volumeClaimTemplates=TEMPLATES, persistentVolumeClaimRetentionPolicy=policy)


def test_why_it_does_not_get_on_is_kept_and_told() -> None:
    world = World()

    def refuse(verb: str, resource: ResourcePath, value: Object) -> StatusError | None:
        if (verb, resource) == ("create", PODS):
            return forbidden("", "pods", value["metadata"]["name"], "exceeded quota")
        return None

    async def scenario() -> None:
        world.refuse = refuse
        owner = world.add(STATEFUL_SETS, stateful_set(1, template=with_image("a")))
        world.start(statefulsets.controller)
        await world.settle()
        await world.stop()
        decision = world.decisions.of(owner["metadata"]["uid"])[-1]
        assert (decision.reason, decision.message) == ("Failed", 'pods "w-0" is forbidden: exceeded quota')

    run(scenario())
    text = 'Create Pod w-0 in StatefulSet w failed error: pods "w-0" is forbidden: exceeded quota'
    assert ("w", "Warning", "FailedCreate", text) in world.recorded.events
