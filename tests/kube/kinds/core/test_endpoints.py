"""Endpoints, packed as the real server packs them."""

from sampan.kube.kinds.core import endpoints
from tests.kube.kinds.core.checks import CONTEXT, cells, errors, made

ENDPOINTS = endpoints.RESOURCE
A, B, C = ({"ip": f"192.0.2.{number}"} for number in (1, 2, 3))
HTTP, OTHER = (
    {"name": "http", "port": 80, "protocol": "TCP"},
    {"name": "other", "port": 81, "protocol": "TCP"},
)


def test_addresses_with_the_same_ports_stand_together() -> None:
    subsets = [
        {"addresses": [B], "ports": [HTTP]},
        {"addresses": [A], "ports": [{"name": "http", "port": 80}]},
    ]
    assert made(ENDPOINTS, subsets=subsets)["subsets"] == [{"addresses": [A, B], "ports": [HTTP]}]


def test_ports_of_the_same_addresses_stand_together() -> None:
    subsets = [{"addresses": [A], "ports": [HTTP]}, {"addresses": [A], "ports": [OTHER]}]
    (one,) = made(ENDPOINTS, subsets=subsets)["subsets"]
    assert one["addresses"] == [A]
    assert sorted(port["name"] for port in one["ports"]) == ["http", "other"]


def test_who_is_not_ready_anywhere_is_not_ready() -> None:
    subsets = [{"addresses": [A], "ports": [HTTP]}, {"notReadyAddresses": [A], "ports": [HTTP]}]
    assert made(ENDPOINTS, subsets=subsets)["subsets"] == [{"notReadyAddresses": [A], "ports": [HTTP]}]


def test_addresses_without_ports_are_kept() -> None:
    assert made(ENDPOINTS, subsets=[{"addresses": [C, A]}])["subsets"] == [{"addresses": [A, C]}]


def test_a_wrong_object_stays_as_it_was() -> None:
    assert errors(ENDPOINTS, subsets=[{"addresses": [{"ip": "169.254.0.1"}]}, {}]) == [
        'subsets[0].addresses[0].ip: Invalid value: "169.254.0.1": '
        "may not be in the link-local range (169.254.0.0/16, fe80::/10)",
        "subsets[1]: Required value: must specify `addresses` or `notReadyAddresses`",
    ]


def test_old_forms_of_addresses_are_warned_of() -> None:
    value = made(ENDPOINTS, subsets=[{"addresses": [{"ip": "010.0.0.1"}]}])
    (text,) = ENDPOINTS.warnings(value, None, CONTEXT)
    assert text.startswith('subsets[0].addresses[0].ip: non-standard IP address "010.0.0.1"')


def test_what_kubectl_shows() -> None:
    value = made(ENDPOINTS, subsets=[{"addresses": [A, {"ip": "2001:db8::1"}], "ports": [HTTP, OTHER]}])
    shown = cells(ENDPOINTS, value)[0]
    assert shown.endswith(" + 1 more...") and shown.count(",") == 2 and "[2001:db8::1]:8" in shown
    assert cells(ENDPOINTS, made(ENDPOINTS))[0] == "<none>"
    assert cells(ENDPOINTS, made(ENDPOINTS, subsets=[{"addresses": [A]}]))[0] == "192.0.2.1"
