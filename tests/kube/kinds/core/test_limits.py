"""LimitRanges and ResourceQuotas."""

from typing import Any

import pytest

from sampan.kube.kinds.core import limitrange, resourcequota
from sampan.kube.kinds.resource import Object
from tests.kube.kinds.core.checks import cells, changed, errors, made

LIMITS, QUOTA = limitrange.RESOURCE, resourcequota.RESOURCE


def limits(**item: Any) -> Object:
    return {"spec": {"limits": [{"type": "Container", **item}]}}


def quota(**spec: Any) -> Object:
    return {"spec": spec}


def test_limits_follow_from_limits() -> None:
    (item,) = made(LIMITS, **limits(max={"cpu": "2"}, min={"cpu": "1", "memory": "1.0001"}))["spec"]["limits"]
    assert item["default"] == {"cpu": "2"}
    assert item["defaultRequest"] == {"cpu": "2", "memory": "1001m"}


def test_a_limit_range_without_a_name_gets_one() -> None:
    value: Object = {"metadata": {}, "spec": {}}
    LIMITS.prepare_create(value, None)  # type: ignore[arg-type]
    assert len(value["metadata"]["name"]) == 36


@pytest.mark.parametrize(
    "item, texts",
    [
        ({"max": {"cpu": "2"}, "min": {"cpu": "1"}}, []),
        (
            {"max": {"cpu": "1"}, "min": {"cpu": "2"}},
            [
                'spec.limits[0].min[cpu]: Invalid value: "2": min value 2 is greater than max value 1',
                'spec.limits[0].defaultRequest[cpu]: Invalid value: "1": '
                "min value 2 is greater than default request value 1",
                'spec.limits[0].default[cpu]: Invalid value: "2": '
                "min value 2 is greater than default value 1",
            ],
        ),
        (
            {"type": "Odd"},
            ['spec.limits[0].type: Invalid value: "Odd": must be a standard limit type or fully qualified'],
        ),
        ({"max": {"pods": "1"}}, 3),
        (
            {"type": "Pod", "default": {"cpu": "1"}},
            ["spec.limits[0].default: Forbidden: may not be specified when `type` is 'Pod'"],
        ),
        (
            {"type": "PersistentVolumeClaim", "max": {"cpu": "1"}},
            [
                "spec.limits[0].limits: Required value: either minimum or maximum storage value is required, "
                "but neither was provided"
            ],
        ),
        (
            {"min": {"cpu": "1"}, "max": {"cpu": "2"}, "maxLimitRequestRatio": {"cpu": "3"}},
            [
                'spec.limits[0].maxLimitRequestRatio[cpu]: Invalid value: "3": '
                "ratio 3 is greater than max/min = 2.000000"
            ],
        ),
        (
            {"maxLimitRequestRatio": {"cpu": "500m"}},
            ['spec.limits[0].maxLimitRequestRatio[cpu]: Invalid value: "500m": ratio 500m is less than 1'],
        ),
        (
            {"default": {"example.com/gpu": "2"}, "defaultRequest": {"example.com/gpu": "1"}},
            [
                'spec.limits[0].defaultRequest[example.com/gpu]: Invalid value: "1": '
                "default value 2 must equal to defaultRequest value 1 in example.com/gpu"
            ],
        ),
    ],
)
def test_what_is_wrong_with_limits(item: Object, texts: list[str] | int) -> None:
    found = errors(LIMITS, **limits(**item))
    assert (len(found) if isinstance(texts, int) else found) == texts


@pytest.mark.parametrize(
    "spec, paths",
    [
        ({"hard": {"cpu": "1", "count/deployments.apps": "2", "requests.hugepages-2Mi": "2Mi"}}, []),
        ({"hard": {"storage": "1"}}, ["spec.hard[storage]"]),
        ({"hard": {"odd": "1"}}, ["spec.hard[odd]", "spec.hard[odd]"]),
        ({"hard": {"pods": "-1500m"}}, ["spec.hard[pods]", "spec.hard[pods]"]),
        ({"hard": {"secrets": "1"}, "scopes": ["BestEffort"]}, ["spec.scopes"]),
        ({"scopes": ["Odd", "Terminating", "NotTerminating"]}, ["spec.scopes", "spec.scopes"]),
        (
            {"scopeSelector": {"matchExpressions": [{"scopeName": "PriorityClass", "operator": "In"}]}},
            ["spec.scopeSelector.matchExpressions.values"],
        ),
        (
            {
                "scopeSelector": {
                    "matchExpressions": [{"scopeName": "BestEffort", "operator": "In", "values": ["a"]}]
                }
            },
            ["spec.scopeSelector.matchExpressions.operator"],
        ),
        (
            {
                "hard": {"requests.storage": "1Gi"},
                "scopeSelector": {
                    "matchExpressions": [{"scopeName": "VolumeAttributesClass", "operator": "Exists"}]
                },
            },
            [],
        ),
    ],
)
def test_what_is_wrong_with_a_quota(spec: Object, paths: list[str]) -> None:
    assert [text.partition(": ")[0] for text in errors(QUOTA, **quota(**spec))] == paths


def test_the_scopes_of_a_quota_stay() -> None:
    old, new = quota(scopes=["BestEffort"]), quota(scopes=["NotBestEffort"])
    assert changed(QUOTA, old, old) == []
    assert changed(QUOTA, old, new) == ['spec.scopes: Invalid value: ["NotBestEffort"]: field is immutable']


def test_what_kubectl_shows_of_a_quota() -> None:
    value = made(QUOTA, **quota())
    value["status"] = {
        "hard": {"pods": "4", "limits.cpu": "2", "cpu": "1"},
        "used": {"pods": "1", "limits.cpu": "500m"},
    }
    assert cells(QUOTA, value) == ["cpu: 0/1, pods: 1/4", "limits.cpu: 500m/2", "<unknown>"]
