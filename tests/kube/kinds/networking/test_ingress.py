"""Ingress: what no recording shows."""

from typing import Any

import pytest

from sampan.kube.kinds.networking.ingress import RESOURCE
from sampan.kube.kinds.resource import Context
from tests.kube.kinds.judging import CONTEXT, made, wrong, wrong_update

BACKEND = {"service": {"name": "s", "port": {"number": 80}}}


def _rule(**path: Any) -> dict[str, Any]:
    one = {"path": "/", "pathType": "Prefix", "backend": BACKEND, **path}
    return {"rules": [{"http": {"paths": [one]}}]}


WHERE = "spec.rules[0].http.paths[0]"
CASES = [
    (
        "nothing to serve",
        {},
        ["spec: Invalid value: null: either `defaultBackend` or `rules` must be specified"],
    ),
    ("a good one", {"defaultBackend": BACKEND}, []),
    ("no paths", {"rules": [{"http": {"paths": []}}]}, ["spec.rules[0].http.paths: Required value"]),
    (
        "a host that is an address",
        {"rules": [{"host": "10.0.0.1"}]},
        ['spec.rules[0].host: Invalid value: "10.0.0.1": must be a DNS name, not an IP address'],
    ),
    (
        "no type of path",
        _rule(pathType=None),
        [f"{WHERE}.pathType: Required value: pathType must be specified"],
    ),
    (
        "a relative path",
        _rule(path="a"),
        [f'{WHERE}.path: Invalid value: "a": must be an absolute path'],
    ),
    ("implementations may take no path", _rule(path="", pathType="ImplementationSpecific"), []),
    (
        "dots",
        _rule(path="/a//../b/.."),
        [
            f"{WHERE}.path: Invalid value: \"/a//../b/..\": must not contain '//'",
            f"{WHERE}.path: Invalid value: \"/a//../b/..\": must not contain '/../'",
            f"{WHERE}.path: Invalid value: \"/a//../b/..\": cannot end with '/..'",
        ],
    ),
    (
        "two kinds of backend",
        {"defaultBackend": {"resource": {"kind": "K", "name": "n"}, **BACKEND}},
        ['spec.defaultBackend: Invalid value: "": cannot set both resource and service backends'],
    ),
    (
        "no backend",
        {"defaultBackend": {}},
        ['spec.defaultBackend: Invalid value: "": resource or service backend is required'],
    ),
    (
        "no port",
        {"defaultBackend": {"service": {"name": "s"}}},
        ["spec.defaultBackend: Required value: port name or number is required"],
    ),
    (
        "two ports",
        {"defaultBackend": {"service": {"name": "s", "port": {"name": "a", "number": 1}}}},
        ['spec.defaultBackend: Invalid value: "": cannot set both port name & port number'],
    ),
]


@pytest.mark.parametrize(("spec", "expected"), [row[1:] for row in CASES], ids=[row[0] for row in CASES])
def test_says_what_is_wrong(spec: dict[str, Any], expected: list[str]) -> None:
    assert wrong(RESOURCE, spec=spec) == expected


def test_class_of_annotation_and_of_spec_must_agree() -> None:
    metadata = {"name": "x", "namespace": "n", "annotations": {"kubernetes.io/ingress.class": "a"}}
    spec = {"defaultBackend": BACKEND, "ingressClassName": "b"}
    assert wrong(RESOURCE, metadata=metadata, spec=spec) == [
        'annotations.kubernetes.io/ingress.class: Invalid value: "a": '
        "must match `ingressClassName` when both are specified"
    ]


def test_old_objects_keep_names_that_new_ones_may_not_have() -> None:
    spec = {"defaultBackend": {"service": {"name": "1", "port": {"number": 80}}}}
    new = made(RESOURCE, spec=spec)
    assert wrong(RESOURCE, spec=spec)
    assert wrong_update(RESOURCE, new, new) == []


def test_status_of_a_write_is_dropped_and_kept() -> None:
    status = {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}
    old = made(RESOURCE, spec={"defaultBackend": BACKEND}, status=status)
    assert old["status"] == {"loadBalancer": {}}
    old["status"] = status
    new = made(RESOURCE, spec={"defaultBackend": BACKEND})
    RESOURCE.prepare_update(new, old, CONTEXT)
    assert new["status"] == status


def test_judges_addresses_of_load_balancers() -> None:
    old = made(RESOURCE, spec={"defaultBackend": BACKEND})
    new = {**old, "status": {"loadBalancer": {"ingress": [{"ip": "x"}, {"hostname": "1.2.3.4"}]}}}
    assert wrong_update(RESOURCE, old, new, "status") == [
        'status.loadBalancer.ingress[0].ip: Invalid value: "x": must be a valid IP address, '
        "(e.g. 10.9.8.7 or 2001:db8::ffff)",
        'status.loadBalancer.ingress[1].hostname: Invalid value: "1.2.3.4": '
        "must be a DNS name, not an IP address",
    ]


def test_warns_of_the_annotation_of_old() -> None:
    metadata = {"name": "x", "namespace": "n", "annotations": {"kubernetes.io/ingress.class": "a"}}
    new = made(RESOURCE, metadata=metadata, spec={"defaultBackend": BACKEND})
    assert RESOURCE.warnings(new, None, CONTEXT) == [
        "annotation \"kubernetes.io/ingress.class\" is deprecated, please use 'spec.ingressClassName' instead"
    ]
    assert RESOURCE.warnings(new, new, CONTEXT) == []


def test_warns_of_odd_addresses() -> None:
    new = made(RESOURCE, spec={"defaultBackend": BACKEND})
    new["status"] = {"loadBalancer": {"ingress": [{"ip": "010.0.0.1"}]}}
    found = RESOURCE.warnings(new, new, Context(now=CONTEXT.now, subresource="status"))
    assert found == [
        'status.loadBalancer.ingress[0].ip: non-standard IP address "010.0.0.1" will be considered invalid '
        'in a future Kubernetes release: use "10.0.0.1"'
    ]


def test_shows_three_hosts() -> None:
    rules = [{"host": f"{name}.example.com"} for name in "abcd"]
    new = made(RESOURCE, spec={"rules": rules, "tls": [{}]})
    new["status"] = {"loadBalancer": {"ingress": [{"ip": "192.0.2.9"}, {"hostname": "a"}]}}
    assert RESOURCE.cells is not None
    shown = RESOURCE.cells(new, 0.0)
    assert shown[:4] == [
        "<none>",
        "a.example.com,b.example.com,c.example.com + 1 more...",
        "192.0.2.9,a",
        "80, 443",
    ]
