"""Budgets of pods that come and go, and of controllers of any kind."""

import asyncio
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sampan.errors import NotFound
from sampan.kube.client.informers import Informers
from sampan.kube.client.requests import Client, Object
from sampan.kube.client.resources import DEPLOYMENTS, DISRUPTION_BUDGETS, PODS, REPLICA_SETS
from sampan.kube.client.scales import Kinds
from sampan.kube.controllers import disruption
from sampan.kube.controllers.claims import owner_reference
from sampan.kube.controllers.disruption.scales import Scales
from sampan.specs.kubernetes import time as times
from sampan.specs.kubernetes.status import not_found
from tests.kube.controllers.world import World, clock, run

LABELS = {"app": "x"}


def budget(**spec: Any) -> Object:
    metadata = {"name": "b", "namespace": "n"}
    return {
        "kind": "PodDisruptionBudget",
        "metadata": metadata,
        "spec": {"selector": {"matchLabels": LABELS}, **spec},
    }


def pod(name: str, *owners: Object) -> Object:
    condition = {"type": "Ready", "status": "True"}
    return {
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "n", "labels": LABELS, "ownerReferences": list(owners)},
        "spec": {},
        "status": {"phase": "Running", "conditions": [condition]},
    }


def status_of(world: World) -> list[int]:
    status = world.get(DISRUPTION_BUDGETS, "n/b")["status"]
    return [
        status[name] for name in ("expectedPods", "desiredHealthy", "currentHealthy", "disruptionsAllowed")
    ]


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1 << 20), st.frozensets(st.integers(2, 30), max_size=3))
def test_a_budget_follows_its_pods_and_their_deployment(seed: int, deaths: frozenset[int]) -> None:
    world = World(random.Random(seed), deaths)

    async def scenario() -> None:
        meta = {"name": "d", "namespace": "n"}
        deployment = world.add(DEPLOYMENTS, {"kind": "Deployment", "metadata": meta, "spec": {"replicas": 4}})
        meta = {"name": "d-1", "namespace": "n", "ownerReferences": [owner_reference(deployment)]}
        owner = world.add(REPLICA_SETS, {"kind": "ReplicaSet", "metadata": meta, "spec": {"replicas": 3}})
        for name in "abc":
            world.add(PODS, pod(name, owner_reference(owner)))
        world.add(DISRUPTION_BUDGETS, budget(maxUnavailable="50%"))
        world.start(disruption.controller)
        await world.settle()
        assert status_of(world) == [4, 2, 3, 1]
        world.remove(PODS, "n/a")
        await world.settle()
        assert status_of(world) == [4, 2, 2, 0]
        world.set(DISRUPTION_BUDGETS, "n/b", lambda value: value["spec"].update(maxUnavailable=3))
        await world.settle()
        assert status_of(world) == [4, 1, 2, 1]
        await world.stop()

    run(scenario())


def test_an_eviction_of_which_nothing_comes_is_forgotten() -> None:
    world = World()

    async def scenario() -> None:
        stuck = pod("a")
        said = {"type": "DisruptionTarget", "status": "True", "lastTransitionTime": times.text(clock())}
        stuck["status"]["conditions"].append(said)
        world.add(PODS, stuck)
        world.add(PODS, pod("b"))
        of = budget(minAvailable=1)
        world.add(DISRUPTION_BUDGETS, {**of, "status": {"disruptedPods": {"a": times.text(clock())}}})
        world.start(disruption.controller)
        await world.settle()
        assert status_of(world) == [2, 1, 1, 0]
        await asyncio.sleep(125.0)
        await world.settle()
        assert status_of(world) == [2, 1, 2, 1]
        conditions = {one["type"]: one["status"] for one in world.get(PODS, "n/a")["status"]["conditions"]}
        assert conditions["DisruptionTarget"] == "False"
        await world.stop()

    run(scenario())
    text = "Pod was expected by PDB n/n to be deleted but it wasn't"
    assert ("a", "Warning", "NotDeleted", text) in world.recorded.events


DATABASES = {
    "metadata": {"name": "example.com"},
    "versions": [
        {
            "version": "v1",
            "resources": [
                {
                    "resource": "databases",
                    "scope": "Namespaced",
                    "responseKind": {"kind": "Database"},
                    "verbs": ["get"],
                }
            ],
        }
    ],
}


class Server(Client):
    """Serves the scale of one database, and what it has."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    async def request(self, _method: str, path: str, body: Any = None, **_options: Any) -> Any:
        if path == "/apis":
            return {"items": [DATABASES]}
        if path == "/api":
            return {"items": []}
        assert path == "/apis/example.com/v1/namespaces/n/databases/db/scale"
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def total(answer: Any, reference: Object) -> tuple[int, list[str]]:
    client = Server(answer)
    scales = Scales(client, Informers(client), Kinds(client, lambda: 0.0))
    return asyncio.run(scales.total([pod("a", reference), pod("b", reference), pod("c")]))


REFERENCE = {"apiVersion": "example.com/v2", "kind": "Database", "name": "db", "uid": "u", "controller": True}
SCALE = {"metadata": {"name": "db", "uid": "u"}, "spec": {"replicas": 7}}


def test_any_kind_with_a_scale_counts_once() -> None:
    assert total(SCALE, REFERENCE) == (7, ["c"])


@pytest.mark.parametrize(
    ("answer", "reference", "message"),
    [
        (not_found("example.com", "databases", "db"), REFERENCE, 'found no controllers for pod "a"'),
        ({**SCALE, "metadata": {"uid": "other"}}, REFERENCE, 'found no controllers for pod "a"'),
        (SCALE, {**REFERENCE, "kind": "Boat"}, 'no matches for kind "Boat" in group "example.com"'),
    ],
)
def test_a_scale_that_is_not_there(answer: Any, reference: Object, message: str) -> None:
    with pytest.raises(NotFound) as caught:
        total(answer, reference)
    assert caught.value.message == message
