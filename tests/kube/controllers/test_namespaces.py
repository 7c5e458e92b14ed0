"""What is done to empty a namespace, in which order, and what it says meanwhile."""

import asyncio
from collections.abc import Mapping
from typing import Any, cast

import pytest

from sampan.kube.client.requests import Client, Object
from sampan.kube.controllers.namespaces import Left, conditions, empty
from sampan.specs.kubernetes.status import StatusError

NOW = "2027-01-15T08:00:00Z"
ALL = ["create", "delete", "deletecollection", "get", "list"]


class Fake:
    """A server that has these objects by path; those with a finalizer stay."""

    def __init__(self, objects: dict[str, list[Object]], groups: list[Object]) -> None:
        self.objects = objects
        self.groups = groups
        self.deleted: list[str] = []
        self.broken: dict[str, StatusError] = {}

    async def request(self, method: str, path: str, body: Any = None, **_: Any) -> Mapping[str, Any]:
        await asyncio.sleep(0)
        if path in ("/api", "/apis"):
            return {"items": [one for one in self.groups if bool(one["metadata"]) is (path == "/apis")]}
        if path in self.broken:
            raise self.broken[path]
        if method == "DELETE":
            assert body == {"propagationPolicy": "Background"}
            self.deleted.append(path)
            self.objects[path] = [one for one in self.objects[path] if one["metadata"].get("finalizers")]
        return {"items": self.objects.get(path, [])}


def group(
    name: str, version: str, *plurals: str, freshness: str = "Current", scope: str = "Namespaced"
) -> Object:
    resources = [
        {"resource": one, "responseKind": {"kind": one}, "scope": scope, "verbs": ALL} for one in plurals
    ]
    versions = [{"version": version, "resources": resources, "freshness": freshness}]
    return {"metadata": {"name": name} if name else {}, "versions": versions}


def value(*finalizers: str) -> Object:
    return {"metadata": {"name": "x", "finalizers": list(finalizers)}}


CORE = group("", "v1", "configmaps", "pods")
APPS = group("apps", "v1", "deployments")
MAPS, PODS = "/api/v1/namespaces/n/configmaps", "/api/v1/namespaces/n/pods"
DEPLOYMENTS = "/apis/apps/v1/namespaces/n/deployments"


def emptied(fake: Fake) -> Left:
    return asyncio.run(empty(cast(Client, fake), "n"))


def test_pods_go_before_everything_else() -> None:
    fake = Fake({MAPS: [value()], PODS: [value()], DEPLOYMENTS: [value()]}, [CORE, APPS])
    assert emptied(fake) == Left()
    assert fake.deleted == [PODS, MAPS, DEPLOYMENTS]


def test_while_pods_remain_nothing_else_is_touched() -> None:
    fake = Fake({MAPS: [value()], PODS: [value("a/b"), value("a/b")]}, [CORE])
    assert emptied(fake) == Left({"pods.": 2}, {"a/b": 2})
    assert fake.deleted == [PODS]


def test_what_fails_does_not_stop_the_rest() -> None:
    fake = Fake({MAPS: [value()], DEPLOYMENTS: [value()]}, [CORE, APPS])
    fake.broken[MAPS] = StatusError("ServiceUnavailable", "not now", None, 503)
    assert emptied(fake) == Left(failures=["not now"])
    assert fake.deleted == [DEPLOYMENTS]


@pytest.mark.parametrize("code", [404, 405])
def test_what_is_served_no_more_has_gone(code: int) -> None:
    fake = Fake({MAPS: [value()]}, [CORE])
    fake.broken[MAPS] = StatusError("", "no", None, code)
    assert emptied(fake) == Left()


def test_a_group_whose_server_is_away_is_told_of() -> None:
    fake = Fake({}, [CORE, group("metrics.k8s.io", "v1beta1", freshness="Stale")])
    assert emptied(fake) == Left(stale=("metrics.k8s.io/v1beta1",))


def rows(left: Left) -> dict[str, tuple[str, str, str]]:
    found = conditions(left, NOW)
    return {
        one["type"].removeprefix("Namespace"): (one["status"], one["reason"], one["message"]) for one in found
    }


def test_conditions_say_that_all_is_well() -> None:
    assert {status for status, _, _ in rows(Left()).values()} == {"False"}


def test_conditions_say_what_is_in_the_way() -> None:
    left = Left({"pods.": 1, "jobs.batch": 2}, {"a/b": 1}, ["second", "first"], ("m/v1",))
    found = rows(left)
    assert found["DeletionDiscoveryFailure"] == (
        "True",
        "DiscoveryFailed",
        "Discovery failed for some groups, 1 failing: unable to retrieve the complete list of server APIs: "
        "m/v1: stale GroupVersion discovery: m/v1",
    )
    assert found["DeletionContentFailure"] == (
        "True",
        "ContentDeletionFailed",
        "Failed to delete all resource types, 2 remaining: first, second",
    )
    assert found["ContentRemaining"] == (
        "True",
        "SomeResourcesRemain",
        "Some resources are remaining: jobs.batch has 2 resource instances, pods. has 1 resource instances",
    )
    assert found["FinalizersRemaining"] == (
        "True",
        "SomeFinalizersRemain",
        "Some content in the namespace has finalizers remaining: a/b in 1 resource instances",
    )
