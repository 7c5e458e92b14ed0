"""Services: addresses and ports given out, kept and given back; what changes of type leave."""

from typing import Any

import pytest

from sampan.errors import Invalid
from sampan.kube.kinds.core.service import RESOURCE
from sampan.kube.kinds.core.serviceaddresses import Range
from sampan.kube.kinds.core.serviceallocation import allocate
from sampan.kube.kinds.core.serviceports import DEFAULT, PortRange, parse_range
from sampan.kube.kinds.resource import Companions, Context, Object
from sampan.specs.kubernetes import ip
from sampan.specs.kubernetes.status import StatusError
from tests.kube.kinds.golden import NOW, Cluster

ADDRESSES = "ipaddresses.networking.k8s.io"


def service(name: str = "s", **spec: Any) -> Object:
    spec.setdefault("ports", [{"port": 80}])
    value = {"metadata": {"name": name, "namespace": "n", "resourceVersion": "1"}, "spec": spec}
    RESOURCE.default(value)
    return value


def first(_size: int) -> int:
    return 0


def keep(cluster: Cluster, value: Object, companions: Companions) -> None:
    """What the core does with what it is given."""
    cluster.objects["services", "n", value["metadata"]["name"]] = value
    for resource, one in companions.create:
        cluster.objects[resource, "", one["metadata"]["name"]] = one
    for resource, name in companions.delete:
        del cluster.objects[resource, "", name]


def create(cluster: Cluster, value: Object, *, dry: bool = False, node_ports: PortRange = DEFAULT) -> Object:
    context = Context(now=NOW, reader=cluster, dry_run=dry)
    companions = allocate(value, None, context, first, node_ports)
    RESOURCE.prepare_create(value, context)
    assert RESOURCE.validate(value, context) == []
    if not dry:
        keep(cluster, value, companions)
    return value


def change(cluster: Cluster, old: Object, **spec: Any) -> Object:
    new = {"metadata": dict(old["metadata"]), "spec": {**old["spec"], **spec}}
    new["spec"] = {key: value for key, value in new["spec"].items() if value is not None}
    new["spec"]["ports"] = [dict(port) for port in new["spec"].get("ports", [])]
    RESOURCE.default(new)
    context = Context(now=NOW, reader=cluster)
    companions = allocate(new, old, context, first)
    RESOURCE.prepare_update(new, old, context)
    assert RESOURCE.validate_update is not None
    assert RESOURCE.validate_update(new, old, context) == []
    keep(cluster, new, companions)
    return new


def refusal(cluster: Cluster, value: Object, node_ports: PortRange = DEFAULT) -> str:
    with pytest.raises(StatusError) as raised:
        create(cluster, value, node_ports=node_ports)
    return raised.value.message


def held(cluster: Cluster) -> list[str]:
    return [value["metadata"]["name"] for value in cluster.list(ADDRESSES)]


@pytest.mark.parametrize(
    "cidr, first_address, dynamic, last",
    [
        ("10.96.0.0/12", "10.96.0.1", "10.96.1.1", "10.111.255.254"),
        ("10.0.0.0/24", "10.0.0.1", "10.0.0.17", "10.0.0.254"),
        ("10.0.0.0/28", "10.0.0.1", "10.0.0.1", "10.0.0.14"),
        ("10.0.0.0/20", "10.0.0.1", "10.0.1.1", "10.0.15.254"),
        ("2001:db8::/112", "2001:db8::1", "2001:db8::101", "2001:db8::ffff"),
    ],
)
def test_the_first_part_of_a_range_is_for_who_asks(
    cidr: str, first_address: str, dynamic: str, last: str
) -> None:
    parsed = ip.parse_range(cidr)
    assert parsed is not None
    one = Range(*parsed, True)
    assert [one.show(at) for at in (one.first, one.dynamic, one.last)] == [first_address, dynamic, last]


def test_an_address_comes_with_the_object_that_holds_it() -> None:
    cluster = Cluster()
    value = create(cluster, service())
    assert value["spec"]["clusterIP"] == "10.96.1.1"
    assert value["spec"]["clusterIPs"] == ["10.96.1.1"]
    assert cluster.get(ADDRESSES, "", "10.96.1.1") == {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "IPAddress",
        "metadata": {
            "name": "10.96.1.1",
            "labels": {
                "ipaddress.kubernetes.io/ip-family": "IPv4",
                "ipaddress.kubernetes.io/managed-by": "ipallocator.k8s.io",
            },
        },
        "spec": {"parentRef": {"resource": "services", "namespace": "n", "name": "s"}},
    }
    assert create(cluster, service("t"))["spec"]["clusterIP"] == "10.96.1.2"


def test_nobody_gets_an_address_twice() -> None:
    cluster = Cluster()
    create(cluster, service(clusterIP="10.96.0.7"))
    assert refusal(cluster, service("t", clusterIP="10.96.0.7")) == (
        'Service "t" is invalid: spec.clusterIPs: Invalid value: ["10.96.0.7"]: '
        "failed to allocate IP 10.96.0.7: provided IP is already allocated"
    )
    assert "the provided network does not match the current range" in refusal(
        cluster, service("t", clusterIP="192.0.2.1")
    )
    assert "the provided IP (10.96.0.0) is not in the valid range" in refusal(
        cluster, service("t", clusterIP="10.96.0.0")
    )


def test_a_full_range_says_so_and_its_first_part_is_used_before() -> None:
    cluster = Cluster()
    cluster.objects["servicecidrs.networking.k8s.io", "", "kubernetes"]["spec"]["cidrs"] = ["10.0.0.0/27"]
    given = [create(cluster, service(f"s{number}"))["spec"]["clusterIP"] for number in range(30)]
    assert given[0] == "10.0.0.17"
    assert sorted(given) == sorted(f"10.0.0.{number}" for number in range(1, 31))
    assert refusal(cluster, service("more")) == (
        "Internal error occurred: failed to allocate a serviceIP: range is full"
    )


def test_a_dry_run_gives_nothing_out() -> None:
    cluster = Cluster()
    assert create(cluster, service(), dry=True)["spec"]["clusterIP"] == "10.96.0.0"
    value = create(cluster, service(type="NodePort"), dry=True)
    assert value["spec"]["ports"][0]["nodePort"] == 32769
    assert held(cluster) == []


def test_a_range_that_is_going_gives_nothing_out() -> None:
    cluster = Cluster()
    cidr = cluster.objects["servicecidrs.networking.k8s.io", "", "kubernetes"]
    cidr["status"] = {"conditions": [{"type": "Ready", "status": "False"}]}
    assert "range is full" in refusal(cluster, service())


def test_a_deleted_service_gives_its_address_back() -> None:
    cluster = Cluster()
    value = create(cluster, service())
    companions = allocate(None, value, Context(now=NOW, reader=cluster))
    assert companions == Companions(delete=((ADDRESSES, "10.96.1.1"),))
    headless = create(cluster, service("h", clusterIP="None"))
    assert allocate(None, headless, Context(now=NOW, reader=cluster)) == Companions()


def test_node_ports() -> None:
    cluster = Cluster()
    value = create(cluster, service(type="NodePort"))
    assert value["spec"]["ports"][0]["nodePort"] == 30086
    ports = [{"name": "a", "port": 53, "protocol": "UDP"}, {"name": "b", "port": 53, "nodePort": 30001}]
    value = create(cluster, service("t", type="NodePort", ports=ports))
    assert [port["nodePort"] for port in value["spec"]["ports"]] == [30001, 30001]
    taken = service("u", type="NodePort", ports=[{"port": 80, "nodePort": 30086}])
    assert refusal(cluster, taken) == (
        'Service "u" is invalid: spec.ports[0].nodePort: Invalid value: 30086: '
        "provided port is already allocated"
    )
    low = service("u", type="NodePort", ports=[{"port": 80, "nodePort": 80}])
    assert refusal(cluster, low).endswith(
        "Invalid value: 80: provided port is not in the valid range. The range of valid ports is 30000-32767"
    )


def test_node_ports_run_out() -> None:
    cluster = Cluster()
    ports = [{"name": f"p{number}", "port": number} for number in range(1, 90)]
    assert refusal(cluster, service(type="NodePort", ports=ports), PortRange(30000, 30087)) == (
        "Internal error occurred: failed to allocate a nodePort: range is full"
    )


@pytest.mark.parametrize(
    ("text", "expected", "dynamic"),
    [
        ("30000-32767", (30000, 32767), 30086),
        ("30000+100", (30000, 30100), 30016),
        ("30000", (30000, 30000), 30000),
        ("30000-30015", (30000, 30015), 30000),
        ("1-65535", (1, 65535), 129),
        ("2-1", "end port cannot be less than start port: 2-1", 0),
        ("1-65536", "the port range cannot be greater than 65535: 1-65536", 0),
        ("a-b", "unable to parse port range: a-b", 0),
        ("-5", "unable to parse port range: -5", 0),
        ("", "unable to parse port range: ", 0),
        ("0-10", "0 is no port: 0-10", 0),
    ],
)
def test_the_range_of_node_ports(text: str, expected: tuple[int, int] | str, dynamic: int) -> None:
    if isinstance(expected, str):
        with pytest.raises(Invalid) as raised:
            parse_range(text)
        assert str(raised.value) == expected
        return
    found = parse_range(text)
    assert (found.first, found.last, found.dynamic) == (*expected, dynamic)
    cluster = Cluster()
    value = create(cluster, service(type="NodePort"), node_ports=found)
    assert value["spec"]["ports"][0]["nodePort"] == dynamic
    beside = service("t", type="NodePort", ports=[{"port": 80, "nodePort": found.last + 1}])
    assert refusal(cluster, beside, found).endswith(f"The range of valid ports is {found}")


def test_a_health_check_has_a_port_of_its_own() -> None:
    cluster = Cluster()
    value = create(cluster, service(type="LoadBalancer", externalTrafficPolicy="Local"))
    spec = value["spec"]
    assert (spec["ports"][0]["nodePort"], spec["healthCheckNodePort"]) == (30086, 30087)
    changed = change(cluster, value, externalTrafficPolicy="Cluster")
    assert "healthCheckNodePort" not in changed["spec"]
    assert changed["spec"]["ports"][0]["nodePort"] == 30086


def test_who_does_not_know_what_was_given_keeps_it() -> None:
    cluster = Cluster()
    value = create(cluster, service(type="NodePort"))
    changed = change(cluster, value, clusterIP=None, clusterIPs=None, ports=[{"port": 81}])
    assert changed["spec"]["clusterIPs"] == value["spec"]["clusterIPs"]
    assert changed["spec"]["ports"] == [{"port": 81, "targetPort": 81, "protocol": "TCP", "nodePort": 30086}]


def test_changes_of_type_give_back_what_is_not_needed_and_take_what_is() -> None:
    cluster = Cluster()
    value = create(cluster, service(type="NodePort"))
    plain = change(cluster, value, type="ClusterIP")
    assert "nodePort" not in plain["spec"]["ports"][0] and "externalTrafficPolicy" not in plain["spec"]
    assert held(cluster) == ["10.96.1.1"]
    outside = change(cluster, plain, type="ExternalName", externalName="example.com")
    assert {"clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"}.isdisjoint(outside["spec"])
    assert held(cluster) == []
    inside = change(cluster, outside, type="ClusterIP", externalName=None)
    assert inside["spec"]["clusterIPs"] == held(cluster) == ["10.96.1.1"]


def dual() -> Cluster:
    cluster = Cluster()
    cidr = cluster.objects["servicecidrs.networking.k8s.io", "", "kubernetes"]
    cidr["spec"]["cidrs"] = ["10.96.0.0/12", "2001:db8::/112"]
    return cluster


def test_a_second_family_comes_and_goes() -> None:
    cluster = dual()
    value = create(cluster, service())
    assert value["spec"]["ipFamilies"] == ["IPv4"]
    both = change(cluster, value, ipFamilyPolicy="PreferDualStack")
    assert both["spec"]["clusterIPs"] == held(cluster) == ["10.96.1.1", "2001:db8::101"]
    one = change(cluster, both, ipFamilyPolicy="SingleStack")
    assert one["spec"]["clusterIPs"] == held(cluster) == ["10.96.1.1"]
    assert one["spec"]["ipFamilies"] == ["IPv4"]


def test_families_follow_from_addresses() -> None:
    value = create(dual(), service(clusterIP="2001:db8::7"))
    assert value["spec"]["ipFamilies"] == ["IPv6"]
    value = create(dual(), service(ipFamilyPolicy="RequireDualStack", ipFamilies=["IPv6"]))
    assert value["spec"]["clusterIPs"] == ["2001:db8::101", "10.96.1.1"]


def test_the_second_address_is_not_taken_away_silently() -> None:
    cluster = dual()
    value = create(cluster, service(ipFamilyPolicy="RequireDualStack"))
    with pytest.raises(StatusError) as raised:
        change(cluster, value, clusterIPs=["10.96.1.1"], ipFamilies=["IPv4"])
    assert raised.value.message.startswith(
        'Service "s" is invalid: [spec.ipFamilyPolicy: Invalid value: "RequireDualStack": must be '
        "'SingleStack' to release the secondary cluster IP"
    )


def test_an_update_with_one_node_port_twice() -> None:
    cluster = Cluster()
    value = create(cluster, service(type="NodePort"))
    ports = [{"name": name, "port": number, "nodePort": 30500} for name, number in (("a", 1), ("b", 2))]
    with pytest.raises(StatusError) as raised:
        change(cluster, value, ports=ports)
    assert (raised.value.message, raised.value.code) == ("duplicate nodePort: {TCP 30500}", 500)


@pytest.mark.parametrize(
    "spec, cells",
    [
        ({}, ["ClusterIP", "10.96.1.1", "<none>", "80/TCP", "5s", "<none>"]),
        (
            {"clusterIP": "None", "selector": {"b": "2", "a": "1"}},
            ["ClusterIP", "None", "<none>", "80/TCP", "5s", "a=1,b=2"],
        ),
        ({"type": "NodePort"}, ["NodePort", "10.96.1.1", "<none>", "80:30086/TCP", "5s", "<none>"]),
        (
            {"type": "LoadBalancer", "externalIPs": ["192.0.2.1"]},
            ["LoadBalancer", "10.96.1.1", "192.0.2.1", "80:30086/TCP", "5s", "<none>"],
        ),
        (
            {"type": "LoadBalancer"},
            ["LoadBalancer", "10.96.1.1", "<pending>", "80:30086/TCP", "5s", "<none>"],
        ),
        (
            {"type": "ExternalName", "externalName": "a.b", "ports": []},
            ["ExternalName", "<none>", "a.b", "<none>", "5s", "<none>"],
        ),
    ],
)
def test_what_kubectl_shows(spec: Object, cells: list[str]) -> None:
    value = create(Cluster(), service(**spec))
    value["metadata"]["creationTimestamp"] = "1970-01-01T00:00:10Z"
    assert RESOURCE.cells is not None
    assert RESOURCE.cells(value, 15) == cells


def test_a_load_balancer_is_shown_with_what_it_was_given() -> None:
    value = create(Cluster(), service(type="LoadBalancer"))
    value["status"] = {"loadBalancer": {"ingress": [{"hostname": "b.example"}, {"ip": "192.0.2.9"}]}}
    assert RESOURCE.cells is not None
    assert RESOURCE.cells(value, 0)[2] == "192.0.2.9,b.example"


def status_errors(kind: str, ingress: Object) -> list[str]:
    value = service(type=kind)
    value["status"] = {"loadBalancer": {"ingress": [ingress]}}
    part = next(one for one in RESOURCE.subresources if one.name == "status")
    assert part.validate_update is not None
    return [str(error) for error in part.validate_update(value, value, Context(now=NOW))]


def test_what_a_load_balancer_may_say() -> None:
    path = "status.loadBalancer.ingress"
    assert status_errors("LoadBalancer", {"ip": "192.0.2.1", "ipMode": "VIP"}) == []
    assert status_errors("ClusterIP", {"ip": "192.0.2.1", "ipMode": "VIP"}) == [
        f"{path}: Forbidden: may only be used when `spec.type` is 'LoadBalancer'"
    ]
    assert status_errors("LoadBalancer", {"ip": "x", "ipMode": "Y", "hostname": "1.2.3.4"}) == [
        f'{path}[0].ip: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
        f'{path}[0].ipMode: Unsupported value: "Y": supported values: "Proxy", "VIP"',
        f'{path}[0].hostname: Invalid value: "1.2.3.4": must be a DNS name, not an IP address',
    ]
