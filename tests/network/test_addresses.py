import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan.errors import Denied, Failed, Invalid
from sampan.network import addresses
from sampan.network.addresses import DEFAULT_POOLS, Pool, pick_subnet

net, ip = ipaddress.ip_network, ipaddress.ip_address


@pytest.mark.parametrize(
    ("taken", "expected"),
    [
        ([], "172.17.0.0/16"),
        (["172.17.0.0/16"], "172.18.0.0/16"),
        (["172.16.0.0/12"], "192.168.0.0/20"),
        (["172.17.5.0/24"], "172.18.0.0/16"),
        (["0.0.0.0/1", "172.17.0.0/16"], "172.18.0.0/16"),
        (["172.16.0.0/12", "192.168.0.0/19"], "192.168.32.0/20"),
    ],
)
def test_the_first_subnet_that_is_free_is_picked(taken: list[str], expected: str) -> None:
    assert str(pick_subnet(DEFAULT_POOLS, 4, [net(text) for text in taken])) == expected


def test_no_free_subnet_is_said_in_dockers_words() -> None:
    with pytest.raises(Denied, match="non-overlapping IPv4 address pool among the defaults"):
        pick_subnet(DEFAULT_POOLS, 4, [net("0.0.0.0/0")])
    with pytest.raises(Denied, match="IPv6 address pool"):
        pick_subnet(DEFAULT_POOLS, 6, [])


def test_a_huge_ipv6_pool_is_not_walked() -> None:
    taken = [net("fd00::/17"), net("fd00:8000::/64")]
    assert pick_subnet([("fd00::/16", 64)], 6, taken) == net("fd00:8000:0:1::/64")


@given(st.binary(min_size=5, max_size=5))
def test_the_local_ipv6_pool_is_unique_local(seed: bytes) -> None:
    base, size = addresses.local_ipv6_pool(seed)
    assert net(base).subnet_of(net("fd00::/8")) and net(base).prefixlen == 48 and size == 64


def test_the_first_free_address_is_given_again() -> None:
    pool = Pool(net("10.0.0.0/29"), ip("10.0.0.1"))
    given_out = [pool.allocate() for _ in range(5)]
    assert [str(address) for address in given_out] == [f"10.0.0.{n}" for n in range(2, 7)]
    with pytest.raises(Failed, match="no available"):
        pool.allocate()
    pool.release(given_out[1])
    pool.release(given_out[3])
    assert [str(pool.allocate()), str(pool.allocate())] == ["10.0.0.3", "10.0.0.5"]


def test_addresses_come_from_the_range_and_skip_the_reserved() -> None:
    pool = Pool(net("10.0.0.0/24"), ip("10.0.0.128"), net("10.0.0.128/30"), frozenset([ip("10.0.0.129")]))
    assert [str(pool.allocate()), str(pool.allocate())] == ["10.0.0.130", "10.0.0.131"]
    # One asked for may lie outside the range, but within the subnet.
    assert str(pool.allocate(ip("10.0.0.5"))) == "10.0.0.5"


@pytest.mark.parametrize("text", ["10.0.0.0", "10.0.0.1", "10.0.0.255", "10.0.0.9"])
def test_a_taken_address_is_denied(text: str) -> None:
    pool = Pool(net("10.0.0.0/24"), ip("10.0.0.1"))
    pool.reserve(ip("10.0.0.9"))
    with pytest.raises(Denied, match="Address already in use"):
        pool.allocate(ip(text))


def test_an_address_outside_the_subnet_is_invalid() -> None:
    with pytest.raises(Invalid):
        Pool(net("10.0.0.0/24"), ip("10.0.0.1")).allocate(ip("10.0.1.2"))


def test_releasing_the_gateway_does_not_give_it_away() -> None:
    pool = Pool(net("10.0.0.0/29"), ip("10.0.0.1"))
    pool.release(ip("10.0.0.1"))
    assert pool.allocate() == ip("10.0.0.2")


@pytest.mark.parametrize("subnet", ["10.0.0.4/31", "10.0.0.4/32", "fd00::/127"])
def test_tiny_subnets_use_every_address(subnet: str) -> None:
    pool = Pool(net(subnet), None)
    assert [pool.allocate() for _ in range(net(subnet).num_addresses)] == list(net(subnet))


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 40)), max_size=200))
def test_no_address_is_given_twice(steps: list[tuple[bool, int]]) -> None:
    pool = Pool(net("10.0.0.0/26"), ip("10.0.0.1"))
    held: list[addresses.Address] = []
    for take, which in steps:
        if take:
            try:
                address = pool.allocate()
            except Failed:
                assert len(held) == 61
                continue
            assert address not in held
            held.append(address)
        elif held:
            pool.release(held.pop(which % len(held)))


def test_mac_addresses_follow_ipv4_addresses() -> None:
    assert addresses.mac_of(ip("172.17.0.2"), bytes(6)) == "02:42:ac:11:00:02"
    assert addresses.mac_of(None, b"\xff\x01\x02\x03\x04\x05") == "fe:01:02:03:04:05"
