"""Where a Service leads, and what the condition of an APIService says of it."""

from typing import Any

import pytest

from sampan.kube.api.availability import before_asking
from sampan.kube.api.extensions import Extension
from sampan.kube.api.serviceaddresses import SERVICE_NAME, SLICES, NoAddress, addresses
from sampan.kube.kinds.apiregistration.availability import LOCAL, PASSED, failed, is_available, with_condition
from tests.kube.access.support import Objects

NOW, LATER = "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"
PORTS = [{"name": "https", "port": 443}, {"name": "other", "port": 8443}]


def service(kind: str = "ClusterIP", **spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": "s", "namespace": "n"}, "spec": {"type": kind, "ports": PORTS, **spec}}


def piece(
    name: str, addresses: list[str], port: Any = 4443, ready: Any = None, of: str = "s"
) -> dict[str, Any]:
    conditions = {} if ready is None else {"ready": ready}
    metadata = {"name": name, "namespace": "n", "labels": {SERVICE_NAME: of}}
    ports = [{"name": "https", "port": port}, {"name": "metrics", "port": 1}]
    return {
        "metadata": metadata,
        "endpoints": [{"addresses": addresses, "conditions": conditions}],
        "ports": ports,
    }


ENDPOINTS = {
    "metadata": {"name": "s", "namespace": "n"},
    "subsets": [
        {"addresses": [{"ip": "10.0.0.9"}], "ports": [{"name": "https", "port": 9}]},
        {"addresses": None},
    ],
}


@pytest.mark.parametrize(
    ("sentence", "objects", "expected", "reason"),
    [
        ("there is none", [], 'service "s" not found', "ServiceNotFound"),
        (
            "all addresses that are ready, of all slices",
            [service(), *((piece(name, [ip])) for name, ip in (("a", "10.0.0.1"), ("b", "10.0.0.2")))],
            [("10.0.0.1", 4443), ("10.0.0.2", 4443)],
            "",
        ),
        (
            "headless, as any other",
            [service(clusterIP="None"), piece("a", ["fd00::1"], ready=True)],
            [("fd00::1", 4443)],
            "",
        ),
        (
            "not what is ending",
            [service(), piece("a", ["10.0.0.1"], ready=False)],
            'no endpoints available for service "s"',
            "MissingEndpoints",
        ),
        (
            "not the slices of others",
            [service(), piece("a", ["10.0.0.1"], of="t")],
            'no endpoints available for service "s"',
            "EndpointsNotFound",
        ),
        (
            "a port of any number",
            [service(), piece("a", ["10.0.0.1"], port=None)],
            'no endpoints available for service "s"',
            "MissingEndpoints",
        ),
        ("its Endpoints, if there are no slices", [service(), ENDPOINTS], [("10.0.0.9", 9)], ""),
        (
            "a name elsewhere",
            [service("ExternalName", externalName="x.example.com")],
            [("x.example.com", 443)],
            "",
        ),
        ("an unknown type", [service("New")], 'unsupported service type "New"', ""),
        (
            "a port that it does not have",
            [service(ports=[])],
            'no service port 443 found for service "s"',
            "ServicePortError",
        ),
    ],
)
def test_where_a_service_leads(
    sentence: str, objects: list[dict[str, Any]], expected: list[Any] | str, reason: str
) -> None:
    reader = Objects()
    for one in objects:
        kind = SLICES if "endpoints" in one else "endpoints" if "subsets" in one else "services"
        reader.put(kind, one)
    try:
        found: Any = addresses(reader, "n", "s", 443)
    except NoAddress as error:
        found = str(error)
    assert found == expected, sentence
    one = Extension("v1.g", "g", "v1", "n", "s", 443, "", True, False, 1, 1)
    condition = before_asking(reader, one)
    assert (condition[1] if condition else "") == reason, sentence


def test_a_condition_is_of_the_day_when_its_status_changed() -> None:
    service_of = {
        "metadata": {"name": "v1.g"},
        "spec": {},
        "status": {"conditions": [{"type": "Other", "status": "True"}]},
    }
    first = with_condition(service_of, failed("ServiceNotFound", "a"), NOW)
    second = with_condition(first, failed("MissingEndpoints", "b"), LATER)
    third = with_condition(second, PASSED, LATER)
    times = [one["status"]["conditions"][1]["lastTransitionTime"] for one in (first, second, third)]
    assert times == [NOW, NOW, LATER]
    assert [is_available(one) for one in (service_of, first, second, third)] == [False, False, False, True]
    assert with_condition(third, PASSED, "x") is third
    assert with_condition(third, LOCAL, "x")["status"]["conditions"][0] == {"type": "Other", "status": "True"}
