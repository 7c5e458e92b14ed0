"""Pods are made carefully: few at first, and no more after one has failed."""

import asyncio

import pytest

from sampan.kube.client.requests import Object
from sampan.kube.controllers.podcontrol import from_template, prefix, slow_start

OWNER = {"apiVersion": "v1", "kind": "Job", "metadata": {"name": "o", "namespace": "ns", "uid": "u"}}


@pytest.mark.parametrize(
    ("count", "fails_at", "done", "tried"),
    [(0, None, 0, 0), (1, None, 1, 1), (10, None, 10, 10), (10, 1, 0, 1), (10, 2, 2, 3), (100, 7, 6, 7)],
)
async def test_a_batch_that_fails_is_the_last(
    count: int, fails_at: int | None, done: int, tried: int
) -> None:
    calls = 0

    async def make() -> None:
        nonlocal calls
        calls += 1
        if calls == fails_at:
            raise ValueError("refused")

    made, error = await slow_start(count, make)
    assert (made, calls) == (done, tried)
    assert (error is None) == (fails_at is None)


async def test_pods_of_a_batch_are_made_at_once() -> None:
    running = most = 0

    async def make() -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1

    assert await slow_start(15, make) == (15, None)
    assert most == 8


def test_a_pod_is_what_the_template_says_and_its_owners() -> None:
    template: Object = {
        "metadata": {"labels": {"a": "b"}, "name": "ignored", "creationTimestamp": None},
        "spec": {"containers": []},
    }
    pod = from_template(template, OWNER)
    assert pod["metadata"] == {
        "labels": {"a": "b"},
        "namespace": "ns",
        "generateName": "o-",
        "ownerReferences": [
            {
                "apiVersion": "v1",
                "kind": "Job",
                "name": "o",
                "uid": "u",
                "controller": True,
                "blockOwnerDeletion": True,
            }
        ],
    }
    assert from_template(template, OWNER, "o-1")["metadata"]["name"] == "o-1"


@pytest.mark.parametrize(("name", "begins"), [("web", "web-"), ("Web", "Web")])
def test_names_begin_with_the_owners(name: str, begins: str) -> None:
    assert prefix(name) == begins
