"""What is counted for which quota, and what is written of it."""

import pytest

from sampan.kube.client.discovery import Discovered
from sampan.kube.client.requests import Object, ResourcePath
from sampan.kube.controllers.quotas import differs, quotable, wanted
from sampan.specs.kubernetes import quantity
from sampan.specs.kubernetes.quotas import charged, count, counts

NOW = 1_800_000_000.0  # 2027-01-15T08:00:00Z
EVERY = frozenset(("create", "delete", "get", "list", "watch"))


def quota(hard: dict[str, str], status: Object | None = None, **spec: object) -> Object:
    return {"metadata": {"name": "q"}, "spec": {"hard": hard, **spec}, "status": status or {}}


def pod(cpu: str, phase: str = "Pending", **metadata: object) -> Object:
    container = {"name": "c", "resources": {"requests": {"cpu": cpu}}}
    return {"metadata": metadata, "spec": {"containers": [container]}, "status": {"phase": phase}}


def told(resource: str, of: Object, *objects: Object) -> dict[str, str]:
    return {name: str(amount) for name, amount in count(of, resource, objects, NOW).items()}


def test_names_say_which_resource_is_counted() -> None:
    names = (
        "pods",
        "requests.cpu",
        "count/pods",
        "count/boats.example.com",
        "secrets",
        "count/events",
        "unheard-of",
        "gold.storageclass.storage.k8s.io/requests.storage",
        "services.nodeports",
    )
    assert counts(quota(dict.fromkeys(names, "1"))) == {
        "pods": ["pods", "requests.cpu", "count/pods"],
        "boats.example.com": ["count/boats.example.com"],
        "secrets": ["secrets"],
        "persistentvolumeclaims": ["gold.storageclass.storage.k8s.io/requests.storage"],
        "services": ["services.nodeports"],
    }


def test_amounts_are_summed_and_nothing_is_zero() -> None:
    of = quota({"pods": "5", "requests.cpu": "2", "limits.memory": "1Gi", "count/pods": "9", "secrets": "1"})
    assert told("pods", of, pod("600m"), pod("0.7"), pod("5", "Succeeded")) == {
        "pods": "2",
        "requests.cpu": "1300m",
        "limits.memory": "0",
        "count/pods": "3",
    }
    assert told("secrets", of) == {"secrets": "0"}
    assert told("configmaps", of, {"metadata": {}}) == {}


@pytest.mark.parametrize(
    ("deletion", "pods"),
    [("2027-01-15T07:59:31Z", "1"), ("2027-01-15T07:59:30Z", "1"), ("2027-01-15T07:59:29Z", "0")],
)
def test_pods_that_should_have_gone_are_not_counted(deletion: str, pods: str) -> None:
    stuck = pod("1", "Running", deletionTimestamp=deletion, deletionGracePeriodSeconds=30)
    assert told("pods", quota({"pods": "1", "count/pods": "1"}), stuck) == {"pods": pods, "count/pods": "1"}


def test_scopes_leave_objects_out() -> None:
    of = quota({"pods": "1", "count/configmaps": "1"}, scopes=["NotBestEffort"])
    assert told("pods", of, pod("1"), pod("0")) == {"pods": "1"}
    assert told("configmaps", of, {"metadata": {}}) == {"count/configmaps": "0"}
    assert charged(of, "pods", pod("0"), NOW) == {}


def test_devices_count_by_class() -> None:
    gold, tin = (f"{name}.deviceclass.resource.k8s.io/devices" for name in ("gold", "tin"))
    of = quota({gold: "9", tin: "99", "count/resourceclaims.resource.k8s.io": "1"})
    first = [{"deviceClassName": "gold", "count": 2}, {"deviceClassName": "gold"}, {"deviceClassName": "tin"}]
    requests = [
        {"name": "a", "exactly": {"deviceClassName": "gold", "count": 3}},
        {"name": "b", "exactly": {"deviceClassName": "tin", "allocationMode": "All"}},
        {"name": "c", "firstAvailable": first},
    ]
    claim = {"metadata": {}, "spec": {"devices": {"requests": requests}}}
    assert told("resourceclaims.resource.k8s.io", of, claim) == {
        gold: "5",
        tin: "33",
        "count/resourceclaims.resource.k8s.io": "1",
    }


def test_what_cannot_be_counted_stays_as_it_was() -> None:
    before = {"used": {"pods": "1", "count/a.b": "3", "secrets": "2"}}
    of = quota({"pods": "5", "count/a.b": "4", "count/c.d": "1"}, before)
    assert wanted(of, {"pods": quantity.parse("2")}) == {
        "hard": {"pods": "5", "count/a.b": "4", "count/c.d": "1"},
        "used": {"count/a.b": "3", "pods": "2"},
    }


@pytest.mark.parametrize(
    ("old", "new", "news"),
    [
        ({}, {"hard": {"pods": "1"}, "used": {"pods": "0"}}, True),
        (
            {"hard": {"cpu": "1"}, "used": {"cpu": "1"}},
            {"hard": {"cpu": "1000m"}, "used": {"cpu": "1"}},
            False,
        ),
        ({"hard": {"cpu": "1"}, "used": {"cpu": "1"}}, {"hard": {"cpu": "1"}, "used": {"cpu": "2"}}, True),
        ({"hard": {"cpu": "1"}, "used": {"cpu": "1"}}, {"hard": {"cpu": "2"}, "used": {"cpu": "1"}}, True),
        ({"hard": {"cpu": "1"}, "used": {"cpu": "0"}}, {"hard": {"cpu": "1"}, "used": {}}, True),
    ],
)
def test_a_status_is_news_if_its_amounts_are(old: Object, new: Object, news: bool) -> None:
    assert differs(old, new) is news


def test_what_can_be_counted() -> None:
    def one(version: str, plural: str, verbs: frozenset[str] = EVERY, **more: bool) -> Discovered:
        path = ResourcePath(version, plural, more.get("namespaced", True))
        return Discovered(path, "Kind", verbs, more.get("preferred", True))

    found = [
        one("v1", "pods"),
        one("apps/v1", "deployments"),
        one("example.com/v2", "boats"),
        one("example.com/v1", "boats", preferred=False),
        one("v1", "nodes", namespaced=False),
        one("v1", "bindings", frozenset(("create",))),
        one("v1", "events"),
        one("events.k8s.io/v1", "events"),
    ]
    assert {name: path.api_version for name, path in quotable(found).items()} == {
        "pods": "v1",
        "deployments.apps": "apps/v1",
        "boats.example.com": "example.com/v2",
    }
