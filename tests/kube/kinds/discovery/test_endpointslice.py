"""EndpointSlice: what no recording shows."""

from typing import Any

import pytest

from sampan.kube.kinds.discovery.endpointslice import RESOURCE
from tests.kube.kinds.judging import CONTEXT, made, wrong


def _slice(*endpoints: dict[str, Any], kind: str = "IPv4", **more: Any) -> dict[str, Any]:
    return {"addressType": kind, "endpoints": list(endpoints), **more}


GOOD = {"addresses": ["192.0.2.1"]}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (_slice(GOOD), []),
        (_slice(*[GOOD] * 1001), ["endpoints: Too many: 1001: must have at most 1000 items"]),
        (
            _slice({"addresses": ["192.0.2.1"] * 101}),
            ["endpoints[0].addresses: Too many: 101: must have at most 100 items"],
        ),
        (
            _slice({"addresses": ["::1", "fe80::1"]}, kind="IPv6"),
            [
                'endpoints[0].addresses[0]: Invalid value: "::1": '
                "may not be in the loopback range (127.0.0.0/8, ::1/128)",
                'endpoints[0].addresses[1]: Invalid value: "fe80::1": '
                "may not be in the link-local range (169.254.0.0/16, fe80::/10)",
            ],
        ),
        (
            _slice({"addresses": ["host"]}, kind="FQDN"),
            [
                'endpoints[0].addresses[0]: Invalid value: "host": '
                "should be a domain with at least two segments separated by dots"
            ],
        ),
        (
            _slice({**GOOD, "hints": {"forZones": [{"name": "a"}, {"name": "a"}]}}),
            ['endpoints[0].hints.forZones[1].name: Duplicate value: "a"'],
        ),
        (
            _slice({**GOOD, "hints": {"forZones": [{"name": f"z{at}"} for at in range(9)]}}),
            ["endpoints[0].hints.forZones: Too many: 9: must have at most 8 items"],
        ),
        (
            _slice(GOOD, ports=[{"appProtocol": "a b"}]),
            ['ports[0].appProtocol: Invalid value: "a b": name part'],
        ),
    ],
)
def test_says_what_is_wrong(body: dict[str, Any], expected: list[str]) -> None:
    assert wrong(RESOURCE, **body) == expected


def test_has_no_topology() -> None:
    new = made(RESOURCE, **_slice({**GOOD, "deprecatedTopology": {"a": "b"}}))
    assert "deprecatedTopology" not in new["endpoints"][0]


def test_warns_of_odd_addresses_but_not_controllers() -> None:
    new = made(RESOURCE, **_slice({"addresses": ["2001:DB8::1"]}, kind="IPv6"))
    assert RESOURCE.warnings(new, None, CONTEXT) == [
        'endpoints[0].addresses[0]: IPv6 address "2001:DB8::1" should be in RFC 5952 canonical format '
        '("2001:db8::1")'
    ]
    managed = "endpointslice.kubernetes.io/managed-by"
    new["metadata"]["labels"] = {managed: "endpointslice-controller.k8s.io"}
    assert RESOURCE.warnings(new, None, CONTEXT) == []


def test_shows_three_of_each() -> None:
    ports = [{"name": "a"}, {"name": "b", "port": 80}, {"name": "c", "port": 81}, {"name": "d", "port": 82}]
    new = made(RESOURCE, **_slice(*[{"addresses": [f"192.0.2.{at}"]} for at in range(5)], ports=ports))
    assert RESOURCE.cells is not None
    assert RESOURCE.cells(new, 0.0)[:3] == [
        "IPv4",
        "a,80,81 + 1 more...",
        "192.0.2.0,192.0.2.1,192.0.2.2 + 2 more...",
    ]
    assert RESOURCE.cells(made(RESOURCE, **_slice()), 0.0)[1:3] == ["<unset>", "<unset>"]
