"""HorizontalPodAutoscalers between their two versions: nothing is lost on the way."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan.kube.kinds.autoscaling import annotations
from sampan.kube.kinds.autoscaling.horizontalpodautoscaler_v1 import from_stored, to_stored

TARGET = {"kind": "Deployment", "name": "d", "apiVersion": "apps/v1"}
CPU = {
    "type": "Resource",
    "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}},
}
PODS = {
    "type": "Pods",
    "pods": {"metric": {"name": "m"}, "target": {"type": "AverageValue", "averageValue": "5"}},
}
OBJECT = {
    "type": "Object",
    "object": {
        "describedObject": {"kind": "Ingress", "name": "i", "apiVersion": "networking.k8s.io/v1"},
        "metric": {"name": "m", "selector": {"matchLabels": {"a": "b"}}},
        "target": {"type": "Value", "value": "10"},
    },
}
CONTAINER = {
    "type": "ContainerResource",
    "containerResource": {
        "name": "memory",
        "container": "c",
        "target": {"type": "AverageValue", "averageValue": "1Gi"},
    },
}
RULES = {
    "stabilizationWindowSeconds": 0,
    "selectPolicy": "Max",
    "policies": [{"type": "Pods", "value": 4, "periodSeconds": 15}],
}


def stored(metrics: list[Any], **spec: Any) -> dict[str, Any]:
    return {
        "kind": "HorizontalPodAutoscaler",
        "apiVersion": "autoscaling/v2",
        "metadata": {"name": "h"},
        "spec": {"scaleTargetRef": TARGET, "minReplicas": 1, "maxReplicas": 3, "metrics": metrics, **spec},
        "status": {"desiredReplicas": 0, "currentMetrics": None},
    }


@pytest.mark.parametrize("metrics", [[CPU], [PODS, CPU], [OBJECT, CPU], [CONTAINER], [PODS, OBJECT]])
def test_comes_back_as_it_was(metrics: list[Any]) -> None:
    value = stored(metrics, behavior={"scaleUp": RULES, "scaleDown": RULES})
    assert to_stored(from_stored(value)) == value


def test_one_metric_is_a_field() -> None:
    found = from_stored(stored([CPU]))
    assert found["spec"]["targetCPUUtilizationPercentage"] == 70
    assert "annotations" not in found["metadata"]


def test_others_are_written_as_v1_would() -> None:
    written = from_stored(stored([PODS, CPU]))["metadata"]["annotations"]
    assert written == {
        annotations.METRICS: '[{"type":"Pods","pods":{"metricName":"m","targetAverageValue":"5"}}]'
    }


def test_no_metric_is_the_default_one() -> None:
    value = {"metadata": {}, "spec": {"scaleTargetRef": TARGET, "maxReplicas": 3}}
    assert to_stored(value)["spec"]["metrics"][0]["resource"]["target"]["averageUtilization"] == 80


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["type", "pods", "metricName", "ScaleUp", "Policies"]), inner)
    ),
    max_leaves=10,
)


@given(st.sampled_from(annotations.ALL), JSON)
def test_any_annotation_is_read_or_left(key: str, value: Any) -> None:
    import orjson

    text = orjson.dumps(value, option=orjson.OPT_PASSTHROUGH_SUBCLASS).decode() if _fits(value) else "{"
    found = to_stored({"metadata": {"annotations": {key: text}}, "spec": {"maxReplicas": 1}})
    assert "annotations" not in found["metadata"]


def _fits(value: Any) -> bool:
    import orjson

    try:
        orjson.dumps(value)
    except (TypeError, orjson.JSONEncodeError):
        return False
    return True
