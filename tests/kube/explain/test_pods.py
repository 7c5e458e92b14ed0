"""The deciding fact of a pod: the first that holds, in the order in which a pod lives."""

from typing import Any

import pytest

from sampan.kube.client.requests import Object
from sampan.kube.explain import pods
from sampan.kube.explain.explanation import Seen

NOW = 1_800_000_000.0  # 2027-01-15T08:00:00Z


def node(name: str = "n", ready: str = "True", **labels: str) -> Object:
    conditions = [{"type": "Ready", "status": ready}]
    return {"metadata": {"name": name, "labels": labels}, "status": {"conditions": conditions}}


def seen(
    spec: Object | None = None,
    status: Object | None = None,
    metadata: Object | None = None,
    nodes: list[Object] | None = None,
    **more: Any,
) -> Seen:
    pod = {
        "metadata": {"name": "p", "namespace": "ns", "uid": "u", **(metadata or {})},
        "spec": {"containers": [{"name": "c"}], **(spec or {})},
        "status": {"phase": "Pending", **(status or {})},
    }
    around = {"nodes": [node()] if nodes is None else nodes, "services": more.pop("services", [])}
    return Seen("pod", pod, around=around, now=NOW, **more)


def container(state: Object, name: str = "c", ready: bool = False, **more: Any) -> Object:
    return {"containerStatuses": [{"name": name, "state": state, "ready": ready, **more}]}


def waiting(reason: str, message: str = "", **more: Any) -> Object:
    return container({"waiting": {"reason": reason, "message": message}}, **more)


def event(reason: str, message: str) -> Object:
    return {"type": "Warning", "reason": reason, "message": message}


READY = {"type": "Ready", "status": "True"}
GOING = {"deletionTimestamp": "2027-01-15T07:59:00Z"}
DECIDED = {
    "by": "kube-scheduler",
    "reason": "Unschedulable",
    "message": "0/3 nodes are available: 3 Insufficient cpu.",
    "unblock": "ask for less cpu\nadd a node",
    "facts": {"filters": [{"plugin": "F", "text": "Insufficient cpu", "count": 3, "nodes": ["a"]}]},
}
RUNNING = {"phase": "Running", "conditions": [READY]}
WEB = {"metadata": {"name": "web"}, "spec": {"selector": {"app": "a"}, "ports": [{"targetPort": "http"}]}}

ROWS: list[tuple[str, Seen, str, str]] = [
    ("a finalizer", seen(metadata={**GOING, "finalizers": ["x.io/f"]}), "Terminating", "finalizer x.io/f"),
    ("node gone", seen({"nodeName": "n"}, metadata=GOING, nodes=[]), "Terminating", "its node n is gone"),
    (
        "node down",
        seen({"nodeName": "n"}, metadata=GOING, nodes=[node(ready="Unknown")]),
        "Terminating",
        "its node n is not ready",
    ),
    (
        "grace",
        seen({"nodeName": "n"}, metadata={"deletionTimestamp": "2027-01-15T08:00:20Z"}),
        "Terminating",
        "its grace period has 20 s left",
    ),
    ("gate", seen({"schedulingGates": [{"name": "x.io/g"}]}), "SchedulingGated", "scheduling gate x.io/g"),
    ("no room", seen(decisions=[DECIDED]), "Pending", "0/3 nodes are available: 3 Insufficient cpu"),
    (
        "no room, told by the condition only",
        seen(status={"conditions": [{"type": "PodScheduled", "status": "False", "message": "0/1 nodes"}]}),
        "Pending",
        "0/1 nodes",
    ),
    ("no scheduler", seen({"schedulerName": "mine"}), "Pending", "it asks for mine"),
    (
        "making room",
        seen(status={"nominatedNodeName": "n"}),
        "Pending",
        "pods of lower priority are being ended on n",
    ),
    (
        "evicted",
        seen(status={"phase": "Failed", "reason": "Evicted", "message": "low on memory"}),
        "Failed",
        "Evicted: low",
    ),
    (
        "failed",
        seen(status={"phase": "Failed", **container({"terminated": {"exitCode": 3, "reason": "Error"}})}),
        "Failed",
        "container c ended with exit code 3",
    ),
    (
        "crashing",
        seen(
            {"nodeName": "n"},
            {
                "phase": "Running",
                **waiting(
                    "CrashLoopBackOff",
                    restartCount=4,
                    lastState={"terminated": {"exitCode": 137, "reason": "OOMKilled"}},
                ),
            },
        ),
        "CrashLoopBackOff",
        "used more memory than its limit, and was restarted 4 times",
    ),
    (
        "no image",
        seen({"nodeName": "n"}, waiting("ImagePullBackOff", "not found")),
        "ImagePullBackOff",
        "c: not found",
    ),
    (
        "no volume",
        seen({"nodeName": "n"}, waiting("ContainerCreating"), events=[event("FailedMount", "no secret s")]),
        "Pending",
        "FailedMount: no secret s",
    ),
    (
        "fake node",
        seen({"nodeName": "n"}, nodes=[node(**{"sampan.dev/fake": "true"})]),
        "Pending",
        "a fake one",
    ),
    ("no such node", seen({"nodeName": "n"}, nodes=[]), "Pending", "which does not exist"),
    (
        "probe",
        seen(
            {"nodeName": "n"},
            {"phase": "Running", **container({"running": {}})},
            events=[event("Unhealthy", "Readiness probe failed: 500")],
        ),
        "NotReady",
        "container c: Readiness probe failed: 500",
    ),
    (
        "readiness gate",
        seen({"nodeName": "n", "readinessGates": [{"conditionType": "x.io/up"}]}, {"phase": "Running"}),
        "NotReady",
        "readiness gate x.io/up",
    ),
    (
        "a Service to a port without a name",
        seen({"nodeName": "n"}, RUNNING, {"labels": {"app": "a"}}, services=[WEB]),
        "Unreachable",
        "the port 'http', which no container",
    ),
    ("all well", seen({"nodeName": "n"}, RUNNING), "Running", "it runs and is ready"),
    ("done", seen(status={"phase": "Succeeded"}), "Succeeded", "have ended well"),
]


@pytest.mark.parametrize(("_what", "one", "state", "because"), ROWS, ids=[row[0] for row in ROWS])
def test_the_deciding_fact_comes_first(_what: str, one: Seen, state: str, because: str) -> None:
    found = pods.explain(one)
    assert (found.state, because in found.because) == (state, True), found.text()


def test_what_the_scheduler_decided_is_told_in_full() -> None:
    found = pods.explain(seen(decisions=[DECIDED]))
    assert found.unblock == ("ask for less cpu", "add a node")
    assert found.also == ("F: Insufficient cpu (3 nodes: a, ...)",)
    assert found.json()["decisions"] == [DECIDED]


def test_who_has_set_a_finalizer_is_read_off_the_managed_fields() -> None:
    fields = {"f:metadata": {"f:finalizers": {".": {}, 'v:"x.io/f"': {}}}}
    metadata = {
        **GOING,
        "finalizers": ["x.io/f"],
        "managedFields": [{"manager": "operator", "fieldsV1": fields}],
    }
    assert "which was 'operator'" in pods.explain(seen(metadata=metadata)).because


@pytest.mark.parametrize(
    ("metadata", "status", "because"),
    [
        (GOING, {}, "its node n has not told that it has ended"),
        ({}, {}, "the node agent of n is starting it"),
        ({}, RUNNING, "it runs and is ready"),
    ],
)
def test_nothing_follows_from_what_may_not_be_looked_at(
    metadata: Object, status: Object, because: str
) -> None:
    unseen = frozenset({"nodes", "services"})
    found = pods.explain(seen({"nodeName": "n"}, status, metadata, nodes=[], unseen=unseen))
    assert (found.because, found.unblock) == (because, ())
    assert found.also == ("could not be looked at: nodes, services",)


@pytest.mark.parametrize("missing", ["spec", "status"])
def test_an_odd_pod_is_explained_as_well(missing: str) -> None:
    odd = seen()
    del odd.value[missing]
    assert pods.explain(odd).text()
