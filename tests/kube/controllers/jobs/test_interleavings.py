"""Jobs come to the end that was asked for, whatever happens on the way; every pod that ends is counted once."""

import asyncio
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sampan.kube.client.requests import Object
from sampan.kube.client.resources import JOBS, PODS
from sampan.kube.controllers.jobs.controller import Jobs
from sampan.kube.controllers.jobs.facts import FINALIZER, INDEX, is_over, status_of
from sampan.specs.kubernetes import indexes, time
from sampan.specs.kubernetes.objects import is_true
from sampan.specs.kubernetes.status import StatusError
from tests.kube.controllers.world import World, beside, clock, run


def job(name: str, **spec: Any) -> Object:
    template = {
        "metadata": {"labels": {"job": name}},
        "spec": {"restartPolicy": "Never", "containers": [{"name": "c"}]},
    }
    given = {"parallelism": 2, "completions": 3, "backoffLimit": 1000, **spec}
    selector = {"matchLabels": {"job": name}}
    return {
        "kind": "Job",
        "metadata": {"name": name},
        "spec": {"selector": selector, "template": template, **given},
    }


class Node:
    """Ends pods, well or badly, and remembers how each has ended."""

    def __init__(self, world: World, failures: float) -> None:
        self.world, self.failures = world, failures
        self.ended: dict[str, str] = {}

    async def run(self) -> None:
        while True:
            await asyncio.sleep(self.world.dice.uniform(0.2, 3.0))
            for key, pod in list(self.world.objects.get(PODS, {}).items()):
                if self.world.dice.random() < 0.5:
                    self.step(key, pod)

    def step(self, key: str, pod: Object) -> None:
        phase = (pod.get("status") or {}).get("phase")
        if phase not in ("Succeeded", "Failed"):
            bad = "deletionTimestamp" in pod["metadata"] or self.world.dice.random() < self.failures
            self.end(key, pod, "Failed" if bad else "Succeeded")
        elif "deletionTimestamp" in pod["metadata"] and not pod["metadata"].get("finalizers"):
            self.world.objects[PODS].pop(key)

    def end(self, key: str, pod: Object, phase: str) -> None:
        uid = pod["metadata"]["uid"]
        self.ended[uid] = phase
        ended = {"exitCode": int(phase == "Failed"), "finishedAt": time.text(clock())}
        status = {"phase": phase, "containerStatuses": [{"name": "c", "state": {"terminated": ended}}]}
        self.world.set(PODS, key, lambda value: value.update(status=status))

    def count(self, phase: str) -> int:
        return sum(one == phase for one in self.ended.values())


def play(seed: int, crashes: set[int], failures: float, **spec: Any) -> tuple[World, Node, Object]:
    async def work() -> tuple[World, Node, Object]:
        world = World(random.Random(seed), frozenset(crashes))
        node = Node(world, failures)
        world.add(JOBS, job("j", **spec))
        world.start(Jobs, names=["job-controller"])
        await beside(node.run(), main=world.settle(quiet=900.0))
        await world.stop()
        return world, node, world.get(JOBS, "default/j")

    return run(work())


MANY = settings(max_examples=25, deadline=None)
SEEDS, CRASHES = st.integers(0, 10_000), st.sets(st.integers(0, 60), max_size=4)


@MANY
@given(SEEDS, CRASHES, st.sampled_from([0.0, 0.3, 0.6]), st.integers(1, 6), st.integers(1, 4))
def test_each_pod_counts_once(
    seed: int, crashes: set[int], failures: float, completions: int, parallelism: int
) -> None:
    world, node, found = play(seed, crashes, failures, completions=completions, parallelism=parallelism)
    status = status_of(found)
    assert is_true(found, "Complete"), status
    assert status["succeeded"] == completions == node.count("Succeeded")
    assert status.get("failed", 0) == node.count("Failed")
    assert "active" not in status and status["terminating"] == 0 and not status["uncountedTerminatedPods"]
    assert not any(FINALIZER in (pod["metadata"].get("finalizers") or ()) for pod in world.all(PODS))
    assert len(world.created) - 1 == len(node.ended)


@MANY
@given(SEEDS, CRASHES, st.sampled_from([0.0, 0.4]), st.integers(1, 6), st.integers(1, 4))
def test_each_index_succeeds_once(
    seed: int, crashes: set[int], failures: float, completions: int, parallelism: int
) -> None:
    world, node, found = play(
        seed, crashes, failures, completions=completions, parallelism=parallelism, completionMode="Indexed"
    )
    status = status_of(found)
    assert is_true(found, "Complete"), status
    assert status["completedIndexes"] == indexes.written([(0, completions - 1)])
    assert status["succeeded"] == completions
    assert status.get("failed", 0) == node.count("Failed")
    done = [
        pod["metadata"]["annotations"][INDEX]
        for pod in world.all(PODS)
        if (pod.get("status") or {}).get("phase") == "Succeeded"
    ]
    assert sorted(done) == sorted(str(at) for at in range(completions))


@MANY
@given(SEEDS, CRASHES, st.sampled_from([0.3, 1.0]), st.integers(0, 2))
def test_indexes_fail_on_their_own(seed: int, crashes: set[int], failures: float, limit: int) -> None:
    world, node, found = play(
        seed,
        crashes,
        failures,
        completions=4,
        parallelism=3,
        completionMode="Indexed",
        backoffLimitPerIndex=limit,
        backoffLimit=2**31 - 1,
    )
    status = status_of(found)
    assert is_over(found), status
    done, lost = (indexes.recover(status.get(name, ""), 4) for name in ("completedIndexes", "failedIndexes"))
    assert indexes.union([*done, *lost]) == [(0, 3)] and indexes.overlap(done, lost) == 0
    assert is_true(found, "Failed") == bool(lost)
    assert status.get("failed", 0) == node.count("Failed")
    tries: dict[str, list[str]] = {}
    for pod in world.created[1:]:
        told = pod["metadata"]["annotations"]
        tries.setdefault(told[INDEX], []).append(told["batch.kubernetes.io/job-index-failure-count"])
    for index, counts in tries.items():
        assert counts == [str(at) for at in range(len(counts))], (index, counts)
        assert len(counts) <= limit + 1


@MANY
@given(SEEDS, CRASHES, st.integers(0, 3))
def test_a_job_fails_beyond_its_limit(seed: int, crashes: set[int], limit: int) -> None:
    world, _, found = play(seed, crashes, 1.0, completions=5, parallelism=2, backoffLimit=limit)
    status = status_of(found)
    assert is_true(found, "Failed") and is_true(found, "FailureTarget"), status
    # Those that ran when it was stopped have failed as well.
    assert status["failed"] == len(world.created) - 1 >= limit + 1
    assert "active" not in status


@pytest.mark.parametrize("seed", range(12))
def test_a_job_is_suspended_and_resumed(seed: int) -> None:
    async def work() -> None:
        world = World(random.Random(seed), frozenset({seed, seed + 7}))
        node = Node(world, 0.0)
        world.add(JOBS, job("j", suspend=True, completions=4))
        world.start(Jobs, names=["job-controller"])
        await world.settle()
        assert world.all(PODS) == [] and is_true(world.get(JOBS, "default/j"), "Suspended")
        for suspended in (False, True):
            world.set(JOBS, "default/j", lambda value, to=suspended: value["spec"].update(suspend=to))
            await world.settle()
        left = [pod for pod in world.all(PODS) if "deletionTimestamp" not in pod["metadata"]]
        assert left == [] and status_of(world.get(JOBS, "default/j")).get("active") is None
        world.set(JOBS, "default/j", lambda value: value["spec"].update(suspend=False))
        await beside(node.run(), main=world.settle(quiet=300.0))
        assert is_true(world.get(JOBS, "default/j"), "Complete")
        assert node.count("Succeeded") == status_of(world.get(JOBS, "default/j"))["succeeded"] == 4
        await world.stop()

    run(work())


async def vandal(world: World, deletions: int) -> None:
    """Deletes a few pods that run."""
    for _ in range(deletions):
        await asyncio.sleep(world.dice.uniform(1.0, 20.0))
        running = [key for key, pod in world.objects.get(PODS, {}).items() if not ended(pod)]
        if running:
            world.remove(PODS, world.dice.choice(running))


def ended(pod: Object) -> bool:
    return (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")


@MANY
@given(
    SEEDS,
    CRASHES,
    st.sampled_from(["Failed", "TerminatingOrFailed"]),
    st.sampled_from(["Indexed", "NonIndexed"]),
)
def test_pods_that_somebody_deletes_have_failed(seed: int, crashes: set[int], policy: str, mode: str) -> None:
    async def work() -> None:
        world = World(random.Random(seed), frozenset(crashes))
        node = Node(world, 0.1)
        world.add(JOBS, job("j", completions=5, completionMode=mode, podReplacementPolicy=policy))
        world.start(Jobs, names=["job-controller"])
        await beside(node.run(), vandal(world, 4), main=world.settle(quiet=900.0))
        await world.stop()
        status = status_of(world.get(JOBS, "default/j"))
        assert is_true(world.get(JOBS, "default/j"), "Complete"), status
        assert status["succeeded"] == 5 == node.count("Succeeded")
        assert status.get("failed", 0) + 5 == len(world.created) - 1

    run(work())


@MANY
@given(SEEDS, CRASHES, st.lists(st.integers(1, 6), min_size=1, max_size=3))
def test_an_indexed_job_grows_and_shrinks(seed: int, crashes: set[int], sizes: list[int]) -> None:
    async def resize(world: World) -> None:
        for size in sizes:
            await asyncio.sleep(world.dice.uniform(0.5, 10.0))
            if not is_over(world.get(JOBS, "default/j")):
                spec = {"completions": size, "parallelism": size}
                world.set(JOBS, "default/j", lambda value, to=spec: value["spec"].update(to))

    async def work() -> None:
        world = World(random.Random(seed), frozenset(crashes))
        node = Node(world, 0.1)
        world.add(JOBS, job("j", completions=3, parallelism=3, completionMode="Indexed"))
        world.start(Jobs, names=["job-controller"])
        await beside(node.run(), resize(world), main=world.settle(quiet=900.0))
        await world.stop()
        found = world.get(JOBS, "default/j")
        last = found["spec"]["completions"]
        assert is_true(found, "Complete"), status_of(found)
        assert status_of(found)["completedIndexes"] == indexes.written([(0, last - 1)])
        left = [
            pod for pod in world.all(PODS) if not ended(pod) and "deletionTimestamp" not in pod["metadata"]
        ]
        assert left == []
        assert not any(pod["metadata"].get("finalizers") for pod in world.all(PODS))

    run(work())


@MANY
@given(SEEDS, CRASHES, st.integers(1, 4))
def test_a_success_policy_stops_the_rest(seed: int, crashes: set[int], enough: int) -> None:
    rules = {"rules": [{"succeededCount": enough}]}
    world, _, found = play(
        seed, crashes, 0.1, completions=8, parallelism=3, completionMode="Indexed", successPolicy=rules
    )
    status = status_of(found)
    assert [one["type"] for one in status["conditions"]] == ["SuccessCriteriaMet", "Complete"], status
    assert status["succeeded"] >= enough and "active" not in status and status["terminating"] == 0
    assert not any(pod["metadata"].get("finalizers") for pod in world.all(PODS))


@pytest.mark.parametrize("seed", range(8))
def test_pods_are_let_go_of_with_their_job(seed: int) -> None:
    async def work() -> None:
        world = World(random.Random(seed), frozenset({seed + 4, seed + 9}))
        world.add(JOBS, job("j", parallelism=3))
        world.start(Jobs, names=["job-controller"])
        await world.settle()
        assert len(world.all(PODS)) == 3
        world.remove(JOBS, "default/j")
        await world.settle()
        assert [pod["metadata"]["finalizers"] for pod in world.all(PODS)] == [[], [], []]
        await world.stop()

    run(work())


def test_a_job_of_another_controller_is_left_alone() -> None:
    async def work() -> None:
        world = World()
        world.add(JOBS, job("j", managedBy="example.com/queue"))
        owner = {"kind": "Job", "apiVersion": "batch/v1", "name": "j", "uid": "uid-1", "controller": True}
        metadata = {"name": "p", "finalizers": [FINALIZER], "ownerReferences": [owner]}
        world.add(PODS, {"kind": "Pod", "metadata": metadata, "spec": {}, "status": {"phase": "Succeeded"}})
        world.start(Jobs, names=["job-controller"])
        await world.settle()
        assert "status" not in world.get(JOBS, "default/j")
        assert world.get(PODS, "default/p")["metadata"]["finalizers"] == [FINALIZER]
        await world.stop()

    run(work())


def test_what_the_server_refuses_is_told_and_tried_again() -> None:
    async def work() -> None:
        world = World()
        full = StatusError("Forbidden", "pods is forbidden: exceeded quota", None, 403)
        world.refuse = lambda verb, resource, _value: full if (verb, resource) == ("create", PODS) else None
        made = world.add(JOBS, job("j", parallelism=3))
        world.start(Jobs, names=["job-controller"])
        await asyncio.sleep(30)
        assert status_of(world.get(JOBS, "default/j")).get("active") is None
        assert ("j", "Warning", "FailedCreate", f"Error creating: {full}") in world.recorded.events
        (why,) = world.decisions.of(made["metadata"]["uid"])
        assert why.reason == "PodsRefused" and "exceeded quota" in why.message
        world.refuse = lambda _verb, _resource, _value: None
        await beside(Node(world, 0.0).run(), main=world.settle(quiet=900.0))
        assert is_true(world.get(JOBS, "default/j"), "Complete")
        await world.stop()

    run(work())


@pytest.mark.parametrize("seed", range(4))
def test_no_pod_is_made_for_what_an_old_status_says(seed: int) -> None:
    async def work() -> None:
        world = World(random.Random(seed))
        node = Node(world, 0.0)
        world.add(JOBS, job("j", completions=4, parallelism=2))
        world.start(Jobs, names=["job-controller"])
        assert world._process is not None
        informer, loop = world._process.informers.of(JOBS), asyncio.get_running_loop()
        handle = informer._handle
        # Changes of jobs are seen 7 s late, those of pods at once.
        informer._handle = lambda event: loop.call_later(7.0, handle, event)
        await beside(node.run(), main=world.settle(quiet=120.0))
        assert is_true(world.get(JOBS, "default/j"), "Complete")
        assert len(world.created) - 1 == 4 == node.count("Succeeded")
        await world.stop()

    run(work())
