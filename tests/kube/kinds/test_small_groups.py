"""PriorityClass, Lease, RuntimeClass and APIService: what no recording shows."""

from typing import Any

import pytest

from sampan.kube.kinds.apiregistration.apiservice import RESOURCE as SERVICE
from sampan.kube.kinds.coordination.lease import RESOURCE as LEASE
from sampan.kube.kinds.node.runtimeclass import RESOURCE as RUNTIME
from sampan.kube.kinds.scheduling.priorityclass import RESOURCE as PRIORITY
from tests.kube.kinds.judging import CONTEXT, made, wrong, wrong_update

RESERVED = (
    "metadata.name: Forbidden: priority class names with 'system-' prefix are reserved for system use only"
)


@pytest.mark.parametrize(
    ("name", "body", "expected"),
    [
        ("system-node-critical", {"value": 2000001000}, []),
        (
            "system-node-critical",
            {"value": 1},
            [f"{RESERVED}. error: value of system-node-critical PriorityClass must be 2000001000"],
        ),
        (
            "system-cluster-critical",
            {"value": 2000000000, "globalDefault": True},
            [f"{RESERVED}. error: globalDefault of system-cluster-critical must be false"],
        ),
        ("x", {"value": 1000000000}, []),
    ],
)
def test_system_priorities_are_the_systems(name: str, body: dict[str, Any], expected: list[str]) -> None:
    assert wrong(PRIORITY, metadata={"name": name}, **body) == expected


def test_class_of_a_priority_has_one_generation() -> None:
    assert PRIORITY.generation == ("value",)


def test_lease_is_made_by_an_update_too() -> None:
    assert LEASE.create_on_update


def test_runtime_is_judged_as_a_containers_limits_are() -> None:
    body = {
        "handler": "h",
        "overhead": {"podFixed": {"cpu": "-1"}},
        "scheduling": {"tolerations": [{"effect": "X"}]},
    }
    found = wrong(RUNTIME, **body)
    assert found[0] == 'overhead.limits[cpu]: Invalid value: "-1": must be greater than or equal to 0'
    assert found[1].startswith("scheduling.tolerations[0]")


def test_overhead_is_rounded_up() -> None:
    new = made(RUNTIME, handler="h", overhead={"podFixed": {"cpu": "1n"}})
    assert new["overhead"]["podFixed"] == {"cpu": "1m"}


def _service(**spec: Any) -> dict[str, Any]:
    base = {"group": "g.example.com", "version": "v1", "groupPriorityMinimum": 1, "versionPriority": 1}
    return {"metadata": {"name": "v1.g.example.com"}, "spec": {**base, **spec}}


def test_local_api_is_available_at_once() -> None:
    new = made(SERVICE, **_service())
    assert new["status"]["conditions"] == [
        {
            "type": "Available",
            "status": "True",
            "lastTransitionTime": CONTEXT.now,
            "reason": "Local",
            "message": "Local APIServices are always available",
        }
    ]
    assert SERVICE.cells is not None
    assert SERVICE.cells(new, 0.0)[:2] == ["Local", "True"]


def test_local_api_has_no_certificates() -> None:
    assert wrong(SERVICE, **_service(caBundle="eHl6", insecureSkipTLSVerify=True)) == [
        'spec.caBundle: Invalid value: "3 bytes": local APIServices may not have a caBundle',
        "spec.insecureSkipTLSVerify: Invalid value: true: "
        "local APIServices may not have insecureSkipTLSVerify",
    ]


def test_other_api_shows_why_it_is_not_available() -> None:
    new = made(SERVICE, **_service(service={"name": "s", "namespace": "n"}))
    assert new["spec"]["service"]["port"] == 443
    assert SERVICE.cells is not None
    assert SERVICE.cells(new, 0.0)[:2] == ["n/s", "Unknown"]
    new["status"] = {"conditions": [{"type": "Available", "status": "False", "reason": "Why"}]}
    assert SERVICE.cells(new, 0.0)[:2] == ["n/s", "False (Why)"]
    new["status"]["conditions"][0]["status"] = "X"
    assert wrong_update(SERVICE, new, new, "status") == [
        'status.conditions[0].status: Unsupported value: "X": supported values: "True", "False", "Unknown"'
    ]
