"""Ranges of Service addresses go when nothing needs them."""

import pytest

from sampan.kube.client.requests import Object
from sampan.kube.controllers.servicecidrs import READY, may_go, with_condition

NOW = 1_800_000_000.0  # 2027-01-15T08:00:00Z


def cidr(name: str, *ranges: str) -> Object:
    return {"metadata": {"name": name}, "spec": {"cidrs": list(ranges)}}


def address(name: str, manager: str = "ipallocator.k8s.io") -> Object:
    return {"metadata": {"name": name, "labels": {"ipaddress.kubernetes.io/managed-by": manager}}}


@pytest.mark.parametrize(
    ("others", "addresses", "expected"),
    [
        ([], [], True),
        ([], ["10.0.0.9"], False),
        ([], ["10.9.0.9", "fd00::1"], True),
        (["10.0.0.0/8"], ["10.0.0.9"], True),
        (["10.0.0.0/24"], ["10.0.0.9"], True),
        (["10.0.0.0/28"], ["10.0.0.9", "10.0.0.200"], False),
        (["10.0.0.0/28"], ["10.0.0.9"], True),
        (["10.0.1.0/24"], ["10.0.0.9"], False),
    ],
)
def test_a_range_goes_when_others_have_its_addresses(
    others: list[str], addresses: list[str], expected: bool
) -> None:
    mine = cidr("mine", "10.0.0.0/24")
    every = [mine, *(cidr(f"other-{at}", text) for at, text in enumerate(others))]
    assert may_go(mine, every, [address(one) for one in addresses]) is expected


def test_addresses_that_somebody_else_gave_out_do_not_hold_it() -> None:
    mine = cidr("mine", "10.0.0.0/24")
    assert may_go(mine, [mine], [address("10.0.0.9", "somebody"), address("nonsense")])


def test_both_families_count() -> None:
    mine = cidr("mine", "10.0.0.0/24", "fd00::/64")
    assert not may_go(mine, [mine, cidr("other", "10.0.0.0/16")], [address("fd00::7")])
    assert may_go(mine, [mine, cidr("other", "10.0.0.0/16", "fd00::/48")], [address("fd00::7")])


def test_readiness_is_told_once() -> None:
    value = cidr("mine", "10.0.0.0/24")
    status = with_condition(value, *READY, NOW)
    assert status == {
        "conditions": [
            {
                "type": "Ready",
                "status": "True",
                "reason": "",
                "message": "Kubernetes Service CIDR is ready",
                "lastTransitionTime": "2027-01-15T08:00:00Z",
            }
        ]
    }
    assert with_condition({**value, "status": status}, *READY, NOW + 1) is None
