"""Deployments and Jobs, namespaces and nodes: what holds them up."""

from typing import Any

import pytest

from sampan.kube.client.requests import Object
from sampan.kube.explain import places, workloads
from sampan.kube.explain.explanation import Explanation, Seen
from tests.kube.explain.test_pods import seen as pod


def seen(kind: str, spec: Object, status: Object, metadata: Object | None = None, **more: Any) -> Seen:
    value = {"metadata": {"name": "x", "namespace": "ns", "uid": "u", **(metadata or {})}}
    return Seen(kind, {**value, "spec": spec, "status": status}, **more)


def condition(kind: str, status: str = "True", **more: str) -> Object:
    return {"conditions": [{"type": kind, "status": status, **more}]}


QUOTA = 'pods "x" is forbidden: exceeded quota: q, requested: pods=1, used: pods=2, limited: pods=2'
DEPLOYMENTS = [
    ("unseen", {}, {}, {"generation": 2}, (), "Pending", "has not seen the last change"),
    ("paused", {"paused": True}, {}, {}, (), "Paused", "it is paused"),
    (
        "quota",
        {},
        condition("ReplicaFailure", reason="FailedCreate", message=QUOTA),
        {},
        (),
        "FailedCreate",
        "exceeded quota: q",
    ),
    ("a pod", {}, {}, {}, (pod({"schedulerName": "mine"}),), "Progressing", "pod p is Pending: no scheduler"),
    (
        "too late",
        {},
        condition("Progressing", "False", reason="ProgressDeadlineExceeded", message="timed out"),
        {},
        (pod({"schedulerName": "mine"}),),
        "ProgressDeadlineExceeded",
        "pod p is Pending",
    ),
    (
        "complete",
        {"replicas": 2},
        {"replicas": 2, "updatedReplicas": 2, "availableReplicas": 2},
        {},
        (),
        "Complete",
        "all 2 pods",
    ),
]
JOBS = [
    ("suspended", {"suspend": True}, {}, {}, (), "Suspended", "it is suspended"),
    ("managed", {"managedBy": "x.io/c"}, {}, {}, (), "Managed", "x.io/c is to run it"),
    (
        "failed",
        {},
        condition("Failed", reason="BackoffLimitExceeded", message="too often"),
        {},
        (),
        "Failed",
        "BackoffLimitExceeded: too often",
    ),
    ("running", {}, {"active": 1}, {}, (), "Running", "1 active"),
]
HELD = {"kind": "ConfigMap", "metadata": {"name": "c", "finalizers": ["x.io/f"]}}
GOING = {"deletionTimestamp": "2027-01-15T07:59:00Z"}
DISCOVERY = condition("NamespaceDeletionDiscoveryFailure", message="m.x.io/v1: stale")
BROKEN = {
    "metadata": {"name": "v1.m.x.io"},
    "status": condition("Available", "False", reason="MissingEndpoints"),
}
LABELS = {"matchLabels": {"app": "a"}}
BUDGET = {
    "metadata": {"name": "b", "namespace": "ns"},
    "spec": {"selector": LABELS},
    "status": {"currentHealthy": 1},
}
POD = {"metadata": {"name": "p", "namespace": "ns", "labels": {"app": "a"}}}


def check(found: Explanation, state: str, because: str) -> None:
    assert (found.state, because in found.because) == (state, True), found.text()


@pytest.mark.parametrize(
    ("_what", "spec", "status", "metadata", "children", "state", "because"),
    DEPLOYMENTS,
    ids=[row[0] for row in DEPLOYMENTS],
)
def test_deployments(
    _what: str, spec: Object, status: Object, metadata: Object, children: Any, state: str, because: str
) -> None:
    check(workloads.deployment(seen("deployment", spec, status, metadata, children=children)), state, because)


@pytest.mark.parametrize(
    ("_what", "spec", "status", "metadata", "children", "state", "because"),
    JOBS,
    ids=[row[0] for row in JOBS],
)
def test_jobs(
    _what: str, spec: Object, status: Object, metadata: Object, children: Any, state: str, because: str
) -> None:
    check(workloads.job(seen("job", spec, status, metadata, children=children)), state, because)


NAMESPACES: list[tuple[str, Object, Object, Object, Object, str, str]] = [
    ("fine", {}, {}, {}, {}, "Active", "nothing stands"),
    ("held", {}, {}, GOING, {"left": [HELD]}, "Terminating", "configmap c still has the finalizer x.io/f"),
    ("undiscovered", {}, DISCOVERY, GOING, {"apiservices": [BROKEN]}, "Terminating", "m.x.io/v1: stale"),
    (
        "its own",
        {"finalizers": ["kubernetes", "x.io/n"]},
        {},
        GOING,
        {},
        "Terminating",
        "finalizer x.io/n in its spec",
    ),
]


@pytest.mark.parametrize(
    ("_what", "spec", "status", "metadata", "around", "state", "because"),
    NAMESPACES,
    ids=[row[0] for row in NAMESPACES],
)
def test_namespaces(
    _what: str, spec: Object, status: Object, metadata: Object, around: Any, state: str, because: str
) -> None:
    check(places.namespace(seen("namespace", spec, status, metadata, around=around)), state, because)


def test_an_api_that_does_not_answer_is_named() -> None:
    found = places.namespace(seen("namespace", {}, DISCOVERY, GOING, around={"apiservices": [BROKEN]}))
    assert found.unblock == (
        "APIService v1.m.x.io is not available (MissingEndpoints): bring it back, or delete it",
    )


NODES: list[tuple[str, Object, Object, str, str]] = [
    ("silent", {}, condition("Ready", "Unknown"), "NotReady", "has not reported"),
    (
        "cordoned",
        {"unschedulable": True},
        condition("Ready"),
        "Cordoned",
        "cannot be drained: PodDisruptionBudget b",
    ),
    (
        "tainted",
        {"taints": [{"key": "k", "effect": "NoSchedule"}]},
        condition("Ready"),
        "Tainted",
        "k=:NoSchedule",
    ),
    ("ready", {}, condition("Ready"), "Ready", "with 1 pods"),
]


@pytest.mark.parametrize(
    ("_what", "spec", "status", "state", "because"), NODES, ids=[row[0] for row in NODES]
)
def test_nodes(_what: str, spec: Object, status: Object, state: str, because: str) -> None:
    around = {"pods": [POD], "poddisruptionbudgets": [BUDGET]}
    check(places.node(seen("node", spec, status, around=around)), state, because)
