"""Addresses of Services that a crash or a restored snapshot has left wrong."""

from typing import Any

import pytest

from sampan.kube.kinds.core.addressrepair import repairs
from sampan.kube.kinds.core.serviceaddresses import held_by
from sampan.specs.kubernetes.time import text

NOW = 1_000_000.0


def service(name: str, *addresses: str) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "n"}, "spec": {"clusterIPs": list(addresses)}}


def address(name: str, age: float = 3600, managed: bool = True) -> dict[str, Any]:
    found = held_by(service("s"), "IPv4", name)
    found["metadata"]["creationTimestamp"] = text(NOW - age)
    if not managed:
        del found["metadata"]["labels"]
    return found


@pytest.mark.parametrize(
    ("sentence", "services", "addresses", "made", "removed"),
    [
        ("all is as it should be", [service("s", "10.0.0.1")], [address("10.0.0.1")], [], []),
        ("one is missing", [service("s", "10.0.0.1", "fd00::1")], [address("10.0.0.1")], ["fd00::1"], []),
        ("headless and external Services have none", [service("s", "None"), service("t")], [], [], []),
        ("one is left over", [], [address("10.0.0.1")], [], ["10.0.0.1"]),
        ("its Service may still be on its way", [], [address("10.0.0.1", 30)], [], []),
        ("somebody else made it", [], [address("10.0.0.1", managed=False)], [], []),
        ("it is the same in another notation", [service("s", "FD00::0:1")], [address("fd00::1")], [], []),
        ("two have the same", [service("s", "10.0.0.1"), service("t", "10.0.0.1")], [], ["10.0.0.1"], []),
    ],
)
def test_repairs(sentence: str, services: Any, addresses: Any, made: list[str], removed: list[str]) -> None:
    plan = repairs(services, addresses, NOW)
    assert [one["metadata"]["name"] for _, one in plan.create] == made, sentence
    assert [name for _, name in plan.delete] == removed, sentence
