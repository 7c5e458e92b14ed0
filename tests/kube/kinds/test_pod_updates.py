"""What may change of a pod, and by which subresource."""

import copy
from typing import Any

import pytest

from sampan.kube.kinds.core.pod import RESOURCE
from sampan.kube.kinds.resource import Context

CONTEXT = Context(now="2026-01-02T03:04:05Z")


def pod(**spec: Any) -> dict[str, Any]:
    resources = {"requests": {"cpu": "100m"}, "limits": {"cpu": "200m"}}
    value: dict[str, Any] = {
        "metadata": {"name": "p", "namespace": "n"},
        "spec": {"containers": [{"name": "c", "image": "nginx", "resources": resources}], **spec},
    }
    RESOURCE.default(value)
    RESOURCE.prepare_create(value, CONTEXT)
    assert RESOURCE.validate(value, CONTEXT) == []
    return value


def changed(path: str, value: Any, **spec: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    old = pod(**spec)
    new = copy.deepcopy(old)
    place: Any = new
    *parents, last = [int(one) if one.isdigit() else one for one in path.split(".")]
    for part in parents:
        place = place[part]
    place[last] = value
    return new, old


def errors(subresource: str, new: dict[str, Any], old: dict[str, Any]) -> list[tuple[str, str]]:
    part = next((one for one in RESOURCE.subresources if one.name == subresource), None)
    prepare = (part and part.prepare_update) or RESOURCE.prepare_update
    validate = (part and part.validate_update) or RESOURCE.validate_update
    assert validate is not None
    prepare(new, old, CONTEXT)
    return [(error.path, error.body) for error in validate(new, old, CONTEXT)]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("spec.containers.0.image", "nginx:2"),
        ("spec.activeDeadlineSeconds", 30),
        ("metadata.labels", {"a": "b"}),
        ("spec.tolerations", [{"key": "k", "operator": "Exists", "effect": "NoSchedule"}]),
    ],
)
def test_may_change(path: str, value: Any) -> None:
    assert errors("", *changed(path, value)) == []


def test_other_changes_are_shown() -> None:
    found = errors("", *changed("spec.nodeName", "n"))
    assert [path for path, _ in found] == ["spec"]
    assert '- "NodeName": "",\n+ "NodeName": "n",\n' in found[0][1]


def test_the_status_is_kept_from_those_who_write_pods() -> None:
    new, old = changed("status.phase", "Running")
    assert errors("", new, old) == []
    assert new["status"]["phase"] == "Pending"


def test_a_resize_changes_resources_and_nothing_else() -> None:
    new, old = changed("spec.containers.0.resources.requests", {"cpu": "150m"})
    new["spec"]["containers"][0]["image"] = "other"
    assert errors("resize", new, old) == []
    assert new["spec"]["containers"][0]["resources"]["requests"] == {"cpu": "150m"}


def test_a_resize_keeps_the_class() -> None:
    same = {"requests": {"cpu": "200m", "memory": "1Gi"}, "limits": {"cpu": "200m", "memory": "1Gi"}}
    found = errors("resize", *changed("spec.containers.0.resources", same))
    assert (
        "spec",
        'Invalid value: "Burstable": Pod QOS Class may not change as a result of resizing',
    ) in found


def test_ephemeral_containers_come_and_stay() -> None:
    one = {"name": "e", "image": "busybox", "imagePullPolicy": "Always", "terminationMessagePolicy": "File"}
    new, old = changed("spec.ephemeralContainers", [one])
    assert errors("ephemeralcontainers", new, old) == []
    without = copy.deepcopy(new)
    del without["spec"]["ephemeralContainers"]
    assert [path for path, _ in errors("ephemeralcontainers", without, new)] == ["spec.ephemeralContainers"]


@pytest.mark.parametrize(
    ("resources", "class_"),
    [
        ({}, "BestEffort"),
        ({"requests": {"cpu": "1"}}, "Burstable"),
        ({"limits": {"cpu": "1", "memory": "1Gi"}}, "Guaranteed"),
    ],
)
def test_classes(resources: dict[str, Any], class_: str) -> None:
    value = pod(containers=[{"name": "c", "image": "nginx", "resources": resources}])
    assert value["status"]["qosClass"] == class_
