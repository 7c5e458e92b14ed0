# ruff: noqa: E501 -- one row of a table is one line

import ipaddress
from typing import Any

import pytest

from sampan.engine.networks import filters, links, settings
from sampan.engine.networks.record import NetworkRecord
from sampan.errors import Invalid
from sampan.network.ports import Lease, Request

BRIDGE = NetworkRecord("1" * 64, "bridge", "", "bridge")
AUTOMATIC = NetworkRecord("2" * 64, "auto", "2026-01-01T00:00:00Z", "bridge", labels={"a": "b", "c": ""})
CONFIGURED = NetworkRecord(
    "3" * 64, "mine", "2026-06-01T00:00:00Z", "bridge", ipam={"Config": [{"Subnet": "10.9.0.0/24"}]}
)


def static(text: str) -> dict[str, Any]:
    return {"IPAMConfig": {"IPv4Address": text}}


WRONG: list[tuple[NetworkRecord, dict[str, Any], str]] = [
    (CONFIGURED, static("10.8.0.4"), "no configured subnet or ip-range contain the IP address 10.8.0.4"),
    (CONFIGURED, static("foo"), "invalid IPv4 address: foo"),
    (CONFIGURED, static("fd00::1"), "invalid IPv4 address: fd00::1"),
    (AUTOMATIC, static("172.18.0.9"), "user specified IP address is supported only when connecting to networks with user configured subnets"),
    (BRIDGE, static("172.17.0.9"), "* user specified IP address is supported on user defined networks only\n* user specified IP address is supported only when"),
    (BRIDGE, {"Aliases": ["x"]}, "network-scoped alias is supported only for containers in user defined networks"),
    (CONFIGURED, {"MacAddress": "zz"}, "invalid MAC address: zz"),
]  # fmt: skip


@pytest.mark.parametrize(("network", "asked", "says"), WRONG, ids=[row[2][:40] for row in WRONG])
def test_endpoint_mistakes_are_refused_in_dockers_words(
    network: NetworkRecord, asked: dict[str, Any], says: str
) -> None:
    with pytest.raises(Invalid) as caught:
        settings.check(network, settings.normalise(asked))
    assert caught.value.message.startswith("invalid endpoint settings:\n") and says in caught.value.message


@pytest.mark.parametrize(
    "asked",
    [5, [], {"Aliases": "x"}, {"Aliases": [1]}, {"IPAMConfig": []}, {"IPAMConfig": {"IPv4Address": 1}}, {"GwPriority": True}],
)  # fmt: skip
def test_endpoint_settings_of_a_wrong_type_are_refused(asked: Any) -> None:
    with pytest.raises(Invalid, match="cannot unmarshal"):
        settings.normalise(asked)


def test_only_what_a_user_may_set_is_taken() -> None:
    assert settings.normalise({"Aliases": ["x"], "IPAddress": "1.2.3.4", "NetworkID": "z"}) == {
        "Aliases": ["x"]
    }
    assert settings.normalise(None) == {}


def test_a_container_has_each_name_once() -> None:
    asked = {"Aliases": ["www", "web"]}
    names = settings.dns_names("web", "abcdef0123456789", "abcdef012345", asked)
    assert names == ("web", "www", "abcdef012345")


def test_fixed_ports_are_leased_before_random_ones() -> None:
    host_config = {
        "PortBindings": {
            "80/tcp": [{"HostIp": "", "HostPort": ""}, {"HostIp": "127.0.0.1", "HostPort": "8080"}],
            "53/udp": [{"HostIp": "", "HostPort": "5000-5010"}],
        },
        "PublishAllPorts": True,
    }
    config = {"ExposedPorts": {"80/tcp": {}, "90/tcp": {}}}
    assert settings.port_requests(host_config, config, "") == [
        Request("udp", 53, None, 5000, 5010),
        Request("tcp", 80, ipaddress.ip_address("127.0.0.1"), 8080, 8080),
        Request("tcp", 80),
        Request("tcp", 90),
    ]


def test_a_default_address_applies_to_bindings_without_one() -> None:
    host_config = {"PortBindings": {"80/tcp": [{"HostPort": "1"}, {"HostIp": "0.0.0.0", "HostPort": "2"}]}}
    hosts = [str(r.host) for r in settings.port_requests(host_config, {}, "192.0.2.1")]
    assert hosts == ["192.0.2.1", "0.0.0.0"]


def test_ports_are_shown_as_docker_does() -> None:
    leases = [Lease("tcp", ipaddress.ip_address("127.0.0.1"), 8080, 80)]
    config = {"ExposedPorts": {"80/tcp": {}, "90/udp": {}}}
    assert settings.ports_document(leases, config, running=True) == {
        "80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8080"}],
        "90/udp": None,
    }
    assert settings.ports_document([], config, running=False) == {}


def test_extra_hosts_know_the_host_gateway() -> None:
    entries = {"ExtraHosts": ["a:10.0.0.1", "up:host-gateway", "six:[fd00::1]", "bare:fd00::2"]}
    assert settings.extra_hosts(entries, ["172.17.0.1"]) == [
        ("10.0.0.1", "a"),
        ("172.17.0.1", "up"),
        ("fd00::1", "six"),
        ("fd00::2", "bare"),
    ]


@pytest.mark.parametrize("entry", ["x", ":1.2.3.4", "x:nope", "up:host-gateway"])
def test_bad_extra_hosts_are_refused(entry: str) -> None:
    with pytest.raises(Invalid):
        settings.extra_hosts({"ExtraHosts": [entry]}, [])


@pytest.mark.parametrize(
    ("text", "parsed"),
    [("db", ("db", "db")), ("db:alias", ("db", "alias")), ("/db:/web/alias", ("db", "alias"))],
)
def test_links_are_parsed_in_both_notations(text: str, parsed: tuple[str, str]) -> None:
    assert links.parse(text) == parsed


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        ({}, ["bridge", "auto", "mine"]),
        ({"name": ["au"]}, ["auto"]),
        ({"id": ["33"]}, ["mine"]),
        ({"type": ["builtin"]}, ["bridge"]),
        ({"type": ["custom"], "driver": ["bridge"]}, ["auto", "mine"]),
        ({"driver": ["null"]}, []),
        ({"label": ["a=b", "c"]}, ["auto"]),
        ({"label": ["a=x"]}, []),
        ({"scope": ["swarm"]}, []),
        ({"dangling": ["true"]}, ["mine"]),
        ({"dangling": ["0"]}, ["bridge", "auto"]),
    ],
)
def test_filters_choose_networks(wanted: dict[str, list[str]], names: list[str]) -> None:
    test = filters.listed(wanted, lambda network: network is AUTOMATIC)
    assert [network.name for network in (BRIDGE, AUTOMATIC, CONFIGURED) if test(network)] == names


@pytest.mark.parametrize(
    "wanted", [{"foo": ["x"]}, {"type": ["x"]}, {"dangling": ["x"]}, {"dangling": ["1", "0"]}]
)
def test_bad_filters_are_refused(wanted: dict[str, list[str]]) -> None:
    with pytest.raises(Invalid, match=r"invalid (value for )?filter"):
        filters.listed(wanted, lambda network: False)


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        ({"until": ["2026-03-01T00:00:00Z"]}, ["auto"]),
        ({"until": ["2026-03-01"]}, ["auto"]),
        ({"until": ["24h"]}, ["auto", "mine"]),
        ({"until": ["1767225600.5"]}, ["auto"]),
        ({"label": ["a"]}, ["auto"]),
        ({"label!": ["a"]}, ["mine"]),
    ],
)
def test_prune_filters_choose_networks(wanted: dict[str, list[str]], names: list[str]) -> None:
    test = filters.pruned(wanted, now=1_790_000_000 * 10**9)
    assert [network.name for network in (AUTOMATIC, CONFIGURED) if test(network)] == names


@pytest.mark.parametrize("text", ["x", "1x", "1h1", "."])
def test_an_unreadable_time_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        filters.pruned({"until": [text]})
