"""Which set is the one of a Deployment's template."""

import copy
from typing import Any

import pytest

from sampan.kube.client.requests import Object
from sampan.kube.controllers.deployments.sets import HASH, newest, number, older, same_template

TEMPLATE: Object = {
    "metadata": {"labels": {"app": "x"}},
    "spec": {
        "containers": [{"name": "c", "image": "i", "resources": {}}],
        "securityContext": {},
        "terminationGracePeriodSeconds": 30,
    },
}


def changed(path: str, value: Any) -> Object:
    found = copy.deepcopy(TEMPLATE)
    at = found
    *way, last = path.split(".")
    for name in way:
        at = at[int(name)] if isinstance(at, list) else at[name]
    at[last] = value
    return found


@pytest.mark.parametrize(
    "path, value, same",
    [
        (f"metadata.labels.{HASH}", "abc", True),
        ("metadata.annotations", {}, True),
        ("spec.nodeSelector", {}, True),
        ("spec.hostNetwork", False, True),
        ("spec.volumes", [], True),
        ("spec.containers.0.command", [], True),
        ("spec.containers.0.env", [{"name": "A", "value": ""}], False),
        ("spec.containers.0.image", "other", False),
        ("spec.securityContext", None, False),
        ("spec.affinity", {}, False),
        ("spec.terminationGracePeriodSeconds", 0, False),
        ("spec.automountServiceAccountToken", False, False),
        ("metadata.labels.other", "y", False),
    ],
)
def test_templates_are_equal_as_structs_are(path: str, value: Any, same: bool) -> None:
    other = changed(path, value)
    assert same_template(TEMPLATE, other) is same
    assert same_template(other, TEMPLATE) is same


def replica_set(name: str, created: str, template: Object) -> Object:
    metadata = {"name": name, "uid": name, "creationTimestamp": created}
    return {"metadata": metadata, "spec": {"template": template}}


def test_the_oldest_of_equal_sets_is_the_newest_revision() -> None:
    first = replica_set("b", "2026-01-01T00:00:00Z", TEMPLATE)
    second = replica_set("a", "2026-01-01T00:00:01Z", TEMPLATE)
    other = replica_set("c", "2025-01-01T00:00:00Z", changed("spec.containers.0.image", "old"))
    deployment = {"spec": {"template": TEMPLATE}}
    assert newest(deployment, [second, other, first]) is first
    assert older([second, other, first], first) == [second, other]
    assert newest(deployment, [other]) is None


@pytest.mark.parametrize(
    "text, wanted",
    [
        ("12", 12),
        ("-3", -3),
        ("+4", 4),
        ("", None),
        (None, None),
        ("x", None),
        ("1.5", None),
        ("9" * 30, None),
    ],
)
def test_annotations_hold_numbers_or_none(text: str | None, wanted: int | None) -> None:
    assert number(text) == wanted
