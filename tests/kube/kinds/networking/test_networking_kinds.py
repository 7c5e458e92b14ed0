"""IngressClass, NetworkPolicy, ServiceCIDR and IPAddress: what no recording shows."""

from typing import Any

import pytest

from sampan.kube.kinds.networking import ingressclass, ipaddress, networkpolicy, servicecidr
from tests.kube.kinds.judging import CONTEXT, made, wrong, wrong_update

CLASS, POLICY = ingressclass.RESOURCE, networkpolicy.RESOURCE
CIDR, ADDRESS = servicecidr.RESOURCE, ipaddress.RESOURCE


def _class(**parameters: Any) -> dict[str, Any]:
    return {"controller": "example.com/c", "parameters": {"kind": "K", "name": "n", **parameters}}


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (_class(), []),
        (
            _class(namespace="n"),
            ["spec.parameters.namespace: Forbidden: `parameters.scope` is set to 'Cluster'"],
        ),
        (
            _class(scope="X"),
            ['spec.parameters.scope: Unsupported value: "X": supported values: "Cluster", "Namespace"'],
        ),
        (_class(kind="a/b"), ["spec.parameters.kind: Invalid value: \"a/b\": may not contain '/'"]),
        ({"controller": ""}, ["spec.controller: Required value"]),
        (
            {"controller": f"example.com/{'c' * 250}"},
            ["spec.controller: Too long: may not be more than 250 bytes"],
        ),
    ],
)
def test_class_says_what_is_wrong(spec: dict[str, Any], expected: list[str]) -> None:
    assert wrong(CLASS, spec=spec) == expected


def test_class_shows_its_parameters() -> None:
    new = made(CLASS, spec=_class(apiGroup="g.example.com"))
    assert CLASS.cells is not None
    assert CLASS.cells(new, 0.0)[:2] == ["example.com/c", "K.g.example.com/n"]


def _ports(*ports: dict[str, Any]) -> dict[str, Any]:
    return {"podSelector": {}, "egress": [{"ports": list(ports)}]}


def test_policy_of_egress_is_for_both_directions() -> None:
    new = made(POLICY, spec=_ports({"port": 53}))
    assert new["spec"]["policyTypes"] == ["Ingress", "Egress"]
    assert new["spec"]["egress"][0]["ports"] == [{"port": 53, "protocol": "TCP"}]


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (
            _ports({"port": "http", "endPort": 90}),
            [
                "spec.egress[0].ports[0].endPort: Invalid value: 90: "
                "may not be specified when `port` is non-numeric"
            ],
        ),
        (
            _ports({"port": 80, "endPort": 70000}),
            ["spec.egress[0].ports[0].endPort: Invalid value: 70000: must be between 1 and 65535, inclusive"],
        ),
        (
            {"podSelector": {}, "egress": [{"to": [{"ipBlock": {}}]}]},
            ["spec.egress[0].to[0].ipBlock.cidr: Required value"],
        ),
        (
            {
                "podSelector": {},
                "egress": [{"to": [{"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.0.0.0/8", "x"]}}]}],
            },
            [
                'spec.egress[0].to[0].ipBlock.except[0]: Invalid value: "10.0.0.0/8": '
                "must be a strict subset of `cidr`",
                'spec.egress[0].to[0].ipBlock.except[1]: Invalid value: "x": must be a valid CIDR value, '
                "(e.g. 10.9.8.0/24 or 2001:db8::/64)",
            ],
        ),
    ],
)
def test_policy_says_what_is_wrong(spec: dict[str, Any], expected: list[str]) -> None:
    assert wrong(POLICY, spec=spec) == expected


def test_policy_warns_of_ambiguous_ranges() -> None:
    new = made(POLICY, spec={"podSelector": {}, "ingress": [{"from": [{"ipBlock": {"cidr": "10.0.0.1/8"}}]}]})
    assert POLICY.warnings(new, None, CONTEXT) == [
        'spec.ingress[0].from[0].ipBlock.cidr: CIDR value "10.0.0.1/8" is ambiguous in this context '
        '(should be "10.0.0.0/8" or "10.0.0.1/32"?)'
    ]


def test_policy_shows_its_selector() -> None:
    selector = {
        "matchLabels": {"b": "c"},
        "matchExpressions": [{"key": "a", "operator": "In", "values": ["y", "x"]}],
    }
    assert POLICY.cells is not None
    assert POLICY.cells(made(POLICY, spec={"podSelector": selector}), 0.0)[0] == "a in (x,y),b=c"


def _range(*cidrs: str) -> dict[str, Any]:
    return made(CIDR, spec={"cidrs": list(cidrs)})


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (_range("10.0.0.0/8"), _range("10.0.0.0/8", "fd00::/64"), []),
        (
            _range("10.0.0.0/8"),
            _range("11.0.0.0/8"),
            ['spec.cidrs[0]: Invalid value: "11.0.0.0/8": field is immutable'],
        ),
        (
            _range("10.0.0.0/8"),
            _range("10.0.0.0/8", "11.0.0.0/8"),
            [
                'spec.cidrs: Invalid value: ["10.0.0.0/8","11.0.0.0/8"]: may specify no more than one IP for '
                "each IP family, i.e 192.168.0.0/24 and 2001:db8::/64"
            ],
        ),
        (
            _range("10.0.0.0/8", "fd00::/64"),
            _range("10.0.0.0/8"),
            ['spec.cidrs: Invalid value: ["10.0.0.0/8"]: field is immutable'],
        ),
    ],
)
def test_range_takes_a_second_family_and_nothing_else(old: Any, new: Any, expected: list[str]) -> None:
    assert wrong_update(CIDR, old, new) == expected


def test_range_has_two_members_at_most() -> None:
    assert wrong(CIDR, spec={"cidrs": ["10.0.0.0/8", "fd00::/64", "x"]}) == [
        'spec.cidrs: Invalid value: {"CIDRs":["10.0.0.0/8","fd00::/64","x"]}: may only hold up to 2 values'
    ]


def test_address_keeps_its_parent() -> None:
    parent = {"resource": "services", "namespace": "n", "name": "s"}
    old = made(ADDRESS, metadata={"name": "10.0.0.1"}, spec={"parentRef": parent})
    new = made(ADDRESS, metadata={"name": "10.0.0.1"}, spec={"parentRef": {**parent, "name": "t"}})
    assert wrong_update(ADDRESS, old, new) == [
        'spec.parentRef: Invalid value: {"Group":"","Resource":"services","Namespace":"n","Name":"t"}: '
        "field is immutable"
    ]
    assert ADDRESS.cells is not None
    assert ADDRESS.cells(old, 0.0)[0] == "services/n/s"
    old["spec"]["parentRef"]["group"] = "g.example.com"
    assert ADDRESS.cells(old, 0.0)[0] == "services.g.example.com/n/s"
