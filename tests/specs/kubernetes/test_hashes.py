"""Hashes of templates and revisions, as a controller manager 1.35.3 named things by them."""

import json
from typing import Any

import pytest

from sampan.specs.kubernetes.hashes import revision_hash, template_hash

Object = dict[str, object]


def template(*containers: Object, labels: Object | None = None, **spec: object) -> Object:
    """As the server fills it in."""
    filled = [
        {"terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File", **one}
        for one in containers
    ]
    defaults = {
        "restartPolicy": "Always",
        "dnsPolicy": "ClusterFirst",
        "securityContext": {},
        "schedulerName": "default-scheduler",
        "terminationGracePeriodSeconds": 30,
    }
    return {
        "metadata": {"labels": labels or {"app": "x"}},
        "spec": {**defaults, "containers": filled, **spec},
    }


def container(image: str, pull: str = "IfNotPresent", **more: object) -> Object:
    return {"name": "c", "image": image, "imagePullPolicy": pull, "resources": {}, **more}


HTTP: dict[str, Any] = {"ports": [{"name": "http", "containerPort": 80, "protocol": "TCP"}]}
LARGE = {
    "metadata": {"annotations": {"q": "r"}, "labels": {"b": "c", "app": "x"}},
    "spec": {
        "affinity": {
            "podAntiAffinity": {
                "preferredDuringSchedulingIgnoredDuringExecution": [
                    {
                        "podAffinityTerm": {
                            "labelSelector": {"matchLabels": {"a": "b"}},
                            "topologyKey": "z",
                        },
                        "weight": 5,
                    }
                ]
            }
        },
        "containers": [
            {
                "command": ["sh", "-c", "x"],
                "env": [{"name": "A", "value": "1"}],
                "image": "a",
                "imagePullPolicy": "Always",
                "livenessProbe": {
                    "failureThreshold": 3,
                    "httpGet": {"path": "/", "port": 80, "scheme": "HTTP"},
                    "periodSeconds": 10,
                    "successThreshold": 1,
                    "timeoutSeconds": 1,
                },
                "name": "a",
                "resources": {"limits": {"cpu": "500m", "memory": "64Mi"}},
                "terminationMessagePath": "/dev/termination-log",
                "terminationMessagePolicy": "File",
                "volumeMounts": [{"mountPath": "/v", "name": "v"}],
            }
        ],
        "dnsPolicy": "ClusterFirst",
        "nodeSelector": {"a": "b"},
        "restartPolicy": "Always",
        "schedulerName": "default-scheduler",
        "securityContext": {"runAsUser": 5},
        "terminationGracePeriodSeconds": 30,
        "tolerations": [{"effect": "NoExecute", "key": "k", "operator": "Exists", "tolerationSeconds": 5}],
        "volumes": [{"configMap": {"defaultMode": 420, "name": "c"}, "name": "v"}],
    },
}


@pytest.mark.parametrize(
    "value, wanted",
    [
        (template(container("nginx", "Always")), "5d5b77bdb6"),
        (template(container("nginx:1", **HTTP), schedulerName="none"), "79ccb49d79"),
        (template(container("busybox", "Always", **HTTP), schedulerName="none"), "67cb9bd5b4"),
        (template(container("nginx:2", **HTTP), schedulerName="none"), "69cb495d9b"),
        (template(container("nginx:9", **HTTP), schedulerName="none"), "5b4685f5dc"),
        (template(container("nginx", "Always"), schedulerName="none"), "6667f9dbdf"),
        (LARGE, "7599d66cc7"),
    ],
)
def test_a_templates_hash_is_upstreams(value: Object, wanted: str) -> None:
    assert template_hash(value) == wanted


def test_a_taken_name_makes_another_hash() -> None:
    value = template(container("nginx"))
    assert len({template_hash(value, taken) for taken in (None, 0, 1, 2)}) == 4


def test_what_is_empty_is_not_there() -> None:
    """Objects come to controllers as protobuf, which has no empty lists and maps; empty objects it has."""
    plain = template(container("nginx"))
    assert template_hash(template(container("nginx"), nodeSelector={}, volumes=[])) == template_hash(plain)
    assert template_hash(template(container("nginx"), securityContext=None)) != template_hash(plain)


@pytest.mark.parametrize("image, wanted", [("nginx:1", "6c96d4b7c6"), ("nginx:2", "5cdd69dd7f")])
def test_a_revisions_hash_is_upstreams(image: str, wanted: str) -> None:
    value = template(container(image, **HTTP), schedulerName="none")
    data = {"spec": {"template": {"$patch": "replace", **value}}}
    raw = json.dumps(data, separators=(",", ":"), sort_keys=True).encode()
    assert revision_hash(raw, 0) == wanted
