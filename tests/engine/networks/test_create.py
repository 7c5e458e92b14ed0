# ruff: noqa: E501 -- one row of a table is one line

import ipaddress
from typing import Any

import pytest

from sampan.engine.networks import create
from sampan.engine.networks.create import Surroundings
from sampan.engine.networks.record import NetworkRecord
from sampan.errors import AlreadyExists, Denied, Invalid, NotFound, SampanError

POOLS = [("172.17.0.0/16", 16), ("172.18.0.0/16", 16), ("fd00:1::/48", 64)]


def around(*existing: NetworkRecord, taken: tuple[str, ...] = ()) -> Surroundings:
    return Surroundings(existing, POOLS, [ipaddress.ip_network(text) for text in taken], 1400)


def made(around: Surroundings | None = None, **body: Any) -> NetworkRecord:
    return create.build({"Name": "n", **body}, around or globals()["around"]())


def ipam(**entry: Any) -> dict[str, Any]:
    return {"Config": [entry]}


def test_a_plain_network_gets_a_subnet_a_bridge_and_the_uplinks_mtu() -> None:
    record = made(taken_around())
    assert str(record.subnets[0].network) == "172.18.0.0/16"
    assert (record.bridge, record.mtu) == (f"br-{record.id[:12]}", 1400)
    plan = record.bridge_plan()
    assert [str(address) for address in plan.addresses] == ["172.18.0.1/16"]
    shown = record.document()["IPAM"]
    assert shown == {
        "Driver": "default",
        "Options": None,
        "Config": [{"Subnet": "172.18.0.0/16", "Gateway": "172.18.0.1"}],
    }


def taken_around() -> Surroundings:
    return around(taken=("172.17.3.0/24",))


def test_given_settings_are_shown_as_they_were_given() -> None:
    record = made(IPAM=ipam(Subnet="10.9.0.0/24"), EnableIPv6=True, Labels={"a": "b"})
    document = record.document()
    assert document["IPAM"]["Config"] == [
        {"Subnet": "10.9.0.0/24"},
        {"Subnet": "fd00:1::/64", "Gateway": "fd00:1::1"},
    ]
    assert document["Labels"] == {"a": "b"} and document["EnableIPv6"] is True
    assert str(record.subnets[0].gateway) == "10.9.0.1"


@pytest.mark.parametrize(
    ("entry", "gateway"),
    [
        ({"Subnet": "10.9.0.0/24"}, "10.9.0.1"),
        ({"Subnet": "10.9.0.0/24", "Gateway": "10.9.0.254"}, "10.9.0.254"),
        ({"Subnet": "10.9.0.0/24", "AuxiliaryAddresses": {"a": "10.9.0.1"}}, "10.9.0.2"),
        ({"Subnet": "10.9.0.0/24", "IPRange": "10.9.0.128/25"}, "10.9.0.128"),
        ({"Subnet": "10.9.0.0/24", "IPRange": "10.9.0.0/25"}, "10.9.0.1"),
    ],
)
def test_the_gateway_is_the_first_free_address(entry: dict[str, Any], gateway: str) -> None:
    assert str(made(IPAM={"Config": [entry]}).subnets[0].gateway) == gateway


REFUSED: list[tuple[dict[str, Any], type[SampanError], str]] = [
    ({"Name": ""}, Invalid, "invalid name: "),
    ({"Name": "a/b"}, Invalid, "invalid name: a/b"),
    ({"Name": "host"}, Denied, "operation is not permitted on predefined host network "),
    ({"Name": "default"}, Denied, "operation is not permitted on predefined default network "),
    ({"Name": "old"}, AlreadyExists, "network with name old already exists"),
    ({"Name": 5}, Invalid, "cannot unmarshal number into Go struct field CreateRequest.Name of type string"),
    ({"Internal": "yes"}, Invalid, "CreateRequest.Internal of type bool"),
    ({"Labels": {"a": 1}}, Invalid, "CreateRequest.Labels"),
    ({"IPAM": []}, Invalid, "CreateRequest.IPAM"),
    ({"IPAM": {"Config": {}}}, Invalid, "CreateRequest.IPAM.Config"),
    ({"Driver": "nope"}, NotFound, 'plugin "nope" not found'),
    ({"Driver": "host"}, Denied, 'only one instance of "host" network is allowed'),
    ({"IPAM": {"Driver": "nope"}}, NotFound, 'plugin "nope" not found'),
    ({"Scope": "swarm"}, Denied, "cannot create a swarm scoped network when swarm is not active"),
    ({"IPAM": ipam(Subnet="10.8.0.128/25")}, Denied, "Pool overlaps with other one on this address space"),
    ({"IPAM": ipam(Subnet="foo")}, Invalid, "invalid network config:\ninvalid subnet foo: invalid CIDR block notation"),
    ({"IPAM": ipam(Gateway="10.0.0.1")}, Invalid, "invalid subnet : invalid CIDR block notation"),
    ({"IPAM": ipam(Subnet="10.9.1.5/24")}, Invalid, "invalid subnet 10.9.1.5/24: it should be 10.9.1.0/24"),
    ({"IPAM": ipam(Subnet="10.9.0.0/25", Gateway="10.8.0.1")}, Invalid, "invalid gateway 10.8.0.1: parent subnet 10.9.0.0/25 doesn't contain this address"),
    (
        {"IPAM": ipam(Subnet="10.9.0.0/25", IPRange="10.8.0.0/24", AuxiliaryAddresses={"a": "1.2.3.4"})},
        Invalid,
        "invalid network config:\n"
        "* invalid ip-range 10.8.0.0/24: CIDR block is bigger than its parent subnet 10.9.0.0/25\n"
        "* invalid ip-range 10.8.0.0/24: parent subnet 10.9.0.0/25 doesn't contain ip-range\n"
        "* invalid auxiliary address a: parent subnet 10.9.0.0/25 doesn't contain this address",
    ),
    ({"Options": {"com.docker.network.driver.mtu": "x"}}, Invalid, 'value: x (strconv.Atoi: parsing "x": invalid syntax)'),
    ({"Options": {"com.docker.network.driver.mtu": "-5"}}, Invalid, "invalid MTU number: -5"),
    ({"Options": {"com.docker.network.bridge.enable_icc": "xyz"}}, Invalid, 'strconv.ParseBool: parsing "xyz"'),
    ({"Options": {"com.docker.network.bridge.name": "waytoolongbridgename"}}, Invalid, "numerical result out of range"),
    ({"Options": {"com.docker.network.bridge.name": "../x"}}, Invalid, "numerical result out of range"),
    ({"Options": {"com.docker.network.bridge.name": "br-old"}}, Denied, "networks have same bridge name"),
    ({"ConfigFrom": {"Network": "nope"}}, NotFound, "configuration network nope not found"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "kind", "says"), REFUSED, ids=[row[2][:50] for row in REFUSED])
def test_mistakes_are_refused_in_dockers_words(
    body: dict[str, Any], kind: type[SampanError], says: str
) -> None:
    old = create.build(
        {
            "Name": "old",
            "IPAM": ipam(Subnet="10.8.0.0/24"),
            "Options": {"com.docker.network.bridge.name": "br-old"},
        },
        around(),
    )
    with pytest.raises(kind) as caught:
        made(around(old), **body)
    assert says in caught.value.message


def test_networks_never_overlap_each_other() -> None:
    first = made(Name="a")
    second = made(around(first), Name="b")
    assert not first.subnets[0].network.overlaps(second.subnets[0].network)
    with pytest.raises(Denied, match="could not find an available, non-overlapping IPv4 address pool"):
        made(around(first, second), Name="c")


def test_a_config_only_network_has_no_bridge_and_lends_its_settings() -> None:
    template = made(Name="t", ConfigOnly=True, IPAM=ipam(Subnet="10.9.0.0/24"), Labels={"x": "y"})
    assert (template.driver, template.bridge, template.subnets) == ("null", "", ())
    user = made(around(template), Name="u", ConfigFrom={"Network": "t"})
    assert str(user.subnets[0].network) == "10.9.0.0/24" and user.labels == {"x": "y"}
    assert user.document()["ConfigFrom"] == {"Network": "t"}


def test_a_record_survives_its_row() -> None:
    record = made(
        IPAM=ipam(Subnet="10.9.0.0/24", IPRange="10.9.0.128/25", AuxiliaryAddresses={"a": "10.9.0.7"}),
        EnableIPv6=True,
        Internal=True,
    )
    row = record.row()
    row["of-a-newer-version"] = 1
    assert NetworkRecord.from_row(row) == record


def test_rules_follow_the_options() -> None:
    options = {
        "com.docker.network.bridge.enable_icc": "false",
        "com.docker.network.bridge.enable_ip_masquerade": "0",
    }
    rules = made(Options=options, Internal=True).rules()
    assert (rules.icc, rules.masquerade, rules.internal) == (False, False, True)
    assert (made().rules().icc, made().rules().masquerade, made().rules().internal) == (True, True, False)
