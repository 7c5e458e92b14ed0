"""How a pod looks as an endpoint."""

from typing import Any

import pytest

from sampan.kube.client.requests import Object
from sampan.kube.controllers.endpointslices.members import address_types, endpoint, ports
from sampan.kube.controllers.servicepods import Triggers, facts, is_endpoint


def pod(ready: bool = True, *addresses: str, status: Object | None = None, **spec: Any) -> Object:
    told = {"type": "Ready", "status": str(ready), "lastTransitionTime": "2027-01-15T08:00:00Z"}
    found = {"conditions": [told], "podIPs": [{"ip": one} for one in addresses or ("10.0.0.1",)]}
    metadata = {"name": "p", "namespace": "d", "uid": "u", "labels": {"app": "x"}}
    return {"metadata": metadata, "spec": {"nodeName": "n", **spec}, "status": {**found, **(status or {})}}


def service(**spec: Any) -> Object:
    metadata = {"name": "web", "namespace": "d", "uid": "s", "creationTimestamp": "2027-01-15T07:00:00Z"}
    return {"metadata": metadata, "spec": {"ipFamilies": ["IPv4"], "selector": {"app": "x"}, **spec}}


def conditions(value: Object, of: Object) -> list[bool]:
    found = endpoint(value, None, of, "IPv4")
    assert found is not None
    return [found["conditions"][name] for name in ("ready", "serving", "terminating")]


def test_conditions() -> None:
    going = pod()
    going["metadata"]["deletionTimestamp"] = "2027-01-15T08:00:00Z"
    assert conditions(pod(), service()) == [True, True, False]
    assert conditions(pod(False), service()) == [False, False, False]
    assert conditions(going, service()) == [False, True, True]
    published = service(publishNotReadyAddresses=True)
    assert conditions(pod(False), published) == [True, False, False]
    assert conditions(going, published) == [True, True, True]


def test_what_else_is_told() -> None:
    node = {"metadata": {"labels": {"topology.kubernetes.io/zone": "z"}}}
    named = pod(True, "10.0.0.1", hostname="h", subdomain="web")
    assert endpoint(named, node, service(), "IPv4") == {
        "addresses": ["10.0.0.1"],
        "conditions": {"ready": True, "serving": True, "terminating": False},
        "targetRef": {"kind": "Pod", "namespace": "d", "name": "p", "uid": "u"},
        "hostname": "h",
        "nodeName": "n",
        "zone": "z",
    }
    elsewhere = endpoint(pod(hostname="h", subdomain="other"), {"metadata": {}}, service(), "IPv4")
    assert elsewhere is not None and not {"hostname", "zone"} & elsewhere.keys()


def test_addresses_of_one_family_in_one_form() -> None:
    both = pod(True, "010.0.0.1", "2001:DB8::0:1", "nonsense")
    four, six = (endpoint(both, None, service(), kind) for kind in ("IPv4", "IPv6"))
    assert four is not None and four["addresses"] == ["10.0.0.1"]
    assert six is not None and six["addresses"] == ["2001:db8::1"]
    assert endpoint(pod(), None, service(), "IPv6") is None


@pytest.mark.parametrize(
    ("spec", "types"),
    [
        ({}, ["IPv4"]),
        ({"ipFamilies": ["IPv6", "IPv4"]}, ["IPv6", "IPv4"]),
        ({"ipFamilies": None, "clusterIP": "fd00::1"}, ["IPv6"]),
        ({"ipFamilies": None, "clusterIP": "10.0.0.1"}, ["IPv4"]),
        ({"ipFamilies": None, "clusterIP": "None"}, ["IPv4", "IPv6"]),
    ],
)
def test_address_types(spec: dict[str, Any], types: list[str]) -> None:
    assert address_types(service(**spec)) == types


def test_ports_by_number_and_by_name() -> None:
    containers = [{"ports": [{"name": "http", "containerPort": 8080, "protocol": "TCP"}]}]
    sidecar = {"restartPolicy": "Always", "ports": [{"name": "admin", "containerPort": 15000}]}
    first = {"ports": [{"name": "setup", "containerPort": 1}]}
    value = pod(containers=containers, initContainers=[sidecar, first])
    wanted = [
        {"name": "a", "port": 80, "targetPort": "http", "protocol": "TCP"},
        {"name": "b", "port": 81, "targetPort": 9, "protocol": "UDP", "appProtocol": "kubernetes.io/ws"},
        {"name": "c", "port": 82, "targetPort": "admin", "protocol": "TCP"},
        {"name": "d", "port": 83, "targetPort": "http", "protocol": "UDP"},
        {"name": "e", "port": 84, "targetPort": "setup", "protocol": "TCP"},
    ]
    found = {one["name"]: one for one in ports(service(ports=wanted), value)}
    assert found == {
        "a": {"name": "a", "protocol": "TCP", "port": 8080},
        "b": {"name": "b", "protocol": "UDP", "port": 9, "appProtocol": "kubernetes.io/ws"},
        "c": {"name": "c", "protocol": "TCP", "port": 15000},
    }
    assert ports(service(clusterIP="None"), value) == []


def test_who_is_told_of() -> None:
    assert is_endpoint(pod(), going=False)
    assert not is_endpoint(pod(status={"podIPs": []}), going=True)
    assert not is_endpoint(pod(status={"phase": "Succeeded"}), going=True)
    going = pod()
    going["metadata"]["deletionTimestamp"] = "2027-01-15T08:00:00Z"
    assert is_endpoint(going, going=True) and not is_endpoint(going, going=False)


def test_annotations_and_resources_of_pods_do_not_matter() -> None:
    changed = pod(containers=[{"image": "new"}])
    changed["metadata"]["annotations"] = {"a": "b"}
    assert facts(changed) == facts(pod())
    assert facts(pod(False)) != facts(pod())


def test_the_trigger_is_the_earliest_that_is_new() -> None:
    triggers, of = Triggers(), service()
    early, late = pod(), pod()
    late["metadata"]["name"] = "late"
    late["status"]["conditions"][0]["lastTransitionTime"] = "2027-01-15T09:00:00Z"
    assert triggers.time(of, [early]) == "2027-01-15T07:00:00Z", "a new Service's own time"
    assert triggers.time(of, [early, late]) == "2027-01-15T09:00:00Z"
    assert triggers.time(of, [early, late]) == ""
    triggers.forget("d/web")
    assert triggers.time(of, []) == "2027-01-15T07:00:00Z"
