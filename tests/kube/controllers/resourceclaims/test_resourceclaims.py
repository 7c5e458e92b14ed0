"""Claims that pods bring: one for each, kept while the pod runs, gone with it."""

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sampan.kube.client.requests import Object
from sampan.kube.client.resources import CLAIM_TEMPLATES, PODS, RESOURCE_CLAIMS
from sampan.kube.controllers.resourceclaims import rules
from sampan.kube.controllers.resourceclaims.controller import ResourceClaims
from sampan.specs.kubernetes.resourceclaims import FINALIZER, is_unneeded, statuses, user_of, users_of
from tests.kube.controllers.world import World, run


def pod(name: str, *entries: Object, status: Object | None = None, **spec: Any) -> Object:
    given = {"resourceClaims": list(entries), **spec}
    return {
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": given,
        "status": status or {"phase": "Pending"},
    }


def by_template(name: str, template: str = "gpu") -> Object:
    return {"name": name, "resourceClaimTemplateName": template}


TEMPLATE = {
    "kind": "ResourceClaimTemplate",
    "metadata": {"name": "gpu"},
    "spec": {"metadata": {"labels": {"a": "b"}}, "spec": {"devices": {"requests": [{"name": "r"}]}}},
}


def allocated(world: World, key: str, *users: Object) -> None:
    """As the scheduler writes it."""

    def change(claim: Object) -> None:
        claim["metadata"]["finalizers"] = [FINALIZER]
        claim["status"] = {"allocation": {"devices": {}}, "reservedFor": list(users)}

    world.set(RESOURCE_CLAIMS, key, change)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.sets(st.integers(0, 30), max_size=4), st.booleans())
def test_each_entry_has_one_claim(seed: int, crashes: set[int], late: bool) -> None:
    async def work() -> None:
        world = World(random.Random(seed), frozenset(crashes))
        world.start(ResourceClaims, names=["resourceclaim-controller"])
        if not late:
            world.add(CLAIM_TEMPLATES, TEMPLATE)
        shared = {"name": "s", "resourceClaimName": "shared"}
        for name in ("p", "q"):
            world.add(PODS, pod(name, by_template("one"), by_template("two"), shared))
        await world.settle()
        if late:
            assert world.objects.get(RESOURCE_CLAIMS, {}) == {}
            world.add(CLAIM_TEMPLATES, TEMPLATE)
            await world.settle()
        made = world.all(RESOURCE_CLAIMS)
        assert len(made) == 4 == sum(one.get("kind") == "ResourceClaim" for one in world.created)
        for name in ("p", "q"):
            found = world.get(PODS, f"default/{name}")
            told = statuses(found)
            assert set(told) == {"one", "two"}
            for entry, status in told.items():
                claim = world.get(RESOURCE_CLAIMS, f"default/{status['resourceClaimName']}")
                assert claim["metadata"]["name"].startswith(f"{name}-{entry}-")
                assert claim["metadata"]["annotations"] == {rules.POD_CLAIM: entry}
                assert claim["metadata"]["labels"] == {"a": "b"}
                assert claim["metadata"]["ownerReferences"][0]["uid"] == found["metadata"]["uid"]
        await world.stop()

    run(work())


@pytest.mark.parametrize("seed", range(8))
def test_what_a_pod_held_is_given_back(seed: int) -> None:
    async def work() -> None:
        world = World(random.Random(seed), frozenset({seed + 3, seed + 9}))
        world.start(ResourceClaims, names=["resourceclaim-controller"])
        world.add(CLAIM_TEMPLATES, TEMPLATE)
        world.add(PODS, pod("p", by_template("one"), {"name": "s", "resourceClaimName": "shared"}))
        other = world.add(PODS, pod("q", {"name": "s", "resourceClaimName": "shared"}, nodeName="n1"))
        world.add(RESOURCE_CLAIMS, {"kind": "ResourceClaim", "metadata": {"name": "shared"}, "spec": {}})
        await world.settle()
        first = world.get(PODS, "default/p")
        own = f"default/{statuses(first)['one']['resourceClaimName']}"
        for key in (own, "default/shared"):
            allocated(world, key, user_of(first))
        await world.settle()
        # Who has a node without the scheduler gets the claim as well.
        assert users_of(world.get(RESOURCE_CLAIMS, "default/shared")) == [
            user_of(first),
            user_of(other),
        ]
        world.set(PODS, "default/p", lambda value: value["status"].update(phase="Succeeded"))
        await world.settle()
        assert own not in world.objects[RESOURCE_CLAIMS]
        shared = world.get(RESOURCE_CLAIMS, "default/shared")
        assert users_of(shared) == [user_of(other)] and "allocation" in shared["status"]
        world.set(PODS, "default/q", lambda value: value["status"].update(phase="Failed"))
        await world.settle()
        shared = world.get(RESOURCE_CLAIMS, "default/shared")
        assert shared["status"] == {} and shared["metadata"]["finalizers"] == []
        await world.stop()

    run(work())


def test_a_claim_of_another_pod_is_not_taken() -> None:
    async def work() -> None:
        world = World()
        world.start(ResourceClaims, names=["resourceclaim-controller"])
        world.add(CLAIM_TEMPLATES, TEMPLATE)
        world.add(RESOURCE_CLAIMS, {"kind": "ResourceClaim", "metadata": {"name": "c"}, "spec": {}})
        status = {"resourceClaimStatuses": [{"name": "one", "resourceClaimName": "c"}]}
        world.add(PODS, pod("p", by_template("one"), status=status))
        world.add(PODS, pod("q", by_template("one", "none")))
        await world.settle()
        other = "ResourceClaim default/c was not created for pod default/p (pod is not owner)"
        missing = 'resource claim template "none": resourceclaimtemplate.resource.k8s.io "none" not found'
        assert {event[0]: event[3] for event in world.recorded.events} == {
            "p": f"PodResourceClaim one: {other}",
            "q": f"PodResourceClaim one: {missing}",
        }
        assert len(world.all(RESOURCE_CLAIMS)) == 1
        await world.stop()

    run(work())


@pytest.mark.parametrize(
    ("name", "entry", "beginning"),
    [("p", "c", "p-c-"), ("p" * 60, "c", "p" * 54 + "-"), ("p" * 40, "c" * 40, "p" * 27 + "-" + "c" * 27)],
)
def test_names_are_cut_evenly(name: str, entry: str, beginning: str) -> None:
    value = {**pod(name), "apiVersion": "v1", "metadata": {"name": name, "namespace": "n", "uid": "u"}}
    assert rules.claim_for(value, by_template(entry), TEMPLATE)["metadata"]["generateName"] == beginning


def test_a_pod_that_runs_without_a_claim_needs_none() -> None:
    value = pod("p", by_template("one"), status={"resourceClaimStatuses": [{"name": "one"}]})
    assert is_unneeded(value, by_template("one")) and not is_unneeded(pod("p"), by_template("one"))
