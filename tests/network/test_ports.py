import ipaddress
import socket
from collections.abc import Iterator

import pytest

from sampan.errors import Failed, Invalid
from sampan.network import ports
from sampan.network.ports import Ports, Request

LOCAL = ipaddress.ip_address("127.0.0.1")


@pytest.fixture
def leases() -> Iterator[Ports]:
    made = Ports()
    yield made
    made.release(list(made.all()))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("", 0))
        return int(probe.getsockname()[1])


def test_a_port_is_held_until_released(leases: Ports) -> None:
    lease = leases.lease(Request("tcp", 80, LOCAL, free_port()), "172.17.0.2")
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with pytest.raises(OSError):
            other.bind(("127.0.0.1", lease.port))
        leases.release([lease])
        other.bind(("127.0.0.1", lease.port))


def test_a_second_container_is_told_in_dockers_words(leases: Ports) -> None:
    port = free_port()
    leases.lease(Request("tcp", 80, None, port), "172.17.0.2")
    with pytest.raises(Failed, match=f"Bind for 0.0.0.0:{port} failed: port is already allocated"):
        leases.lease(Request("tcp", 80, None, port), "172.17.0.3")
    with pytest.raises(Failed, match=f"Bind for 127.0.0.1:{port} failed: port is already allocated"):
        leases.lease(Request("tcp", 80, LOCAL, port), "172.17.0.3")
    # Another protocol is another port.
    assert leases.lease(Request("udp", 80, None, port), "172.17.0.3").port == port


def test_a_port_of_a_host_program_is_refused(leases: Ports) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        says = f"failed to bind host port for 127.0.0.1:{port}:172.17.0.2:80/tcp: address already in use"
        with pytest.raises(Failed, match=says):
            leases.lease(Request("tcp", 80, LOCAL, port), "172.17.0.2")
    assert not list(leases.all())


def test_an_address_the_host_does_not_have_is_refused(leases: Ports) -> None:
    nowhere = ipaddress.ip_address("192.0.2.77")
    with pytest.raises(Failed, match="cannot assign requested address"):
        leases.lease(Request("tcp", 80, nowhere, free_port()), "172.17.0.2")


def test_any_port_comes_from_the_ephemeral_range_and_differs(leases: Ports) -> None:
    low, high = ports.ephemeral_range()
    got = [leases.lease(Request("tcp", 80), "172.17.0.2").port for _ in range(5)]
    assert len(set(got)) == 5 and all(low <= port <= high for port in got)


def test_a_range_gives_its_first_free_port(leases: Ports) -> None:
    first = free_port()
    leases.lease(Request("tcp", 80, LOCAL, first), "172.17.0.2")
    assert first < leases.lease(Request("tcp", 80, LOCAL, first, first + 50), "172.17.0.3").port <= first + 50


def test_addresses_of_different_families_do_not_exclude_each_other(leases: Ports) -> None:
    port = free_port()
    leases.lease(Request("tcp", 80, ipaddress.ip_address("0.0.0.0"), port), "172.17.0.2")
    if ports.ipv6_available():
        assert leases.lease(Request("tcp", 80, ipaddress.ip_address("::1"), port), "172.17.0.3").port == port


def test_ports_beyond_the_limit_are_tested_but_not_held() -> None:
    few = Ports(_limit=0)
    lease = few.lease(Request("tcp", 80, LOCAL, free_port()), "172.17.0.2")
    assert lease.sockets == ()
    few.release([lease])


@pytest.mark.parametrize("text", ["1.2.3", "host", "1.2.3.4.5"])
def test_bad_host_addresses_are_refused(text: str) -> None:
    with pytest.raises(Invalid, match="invalid IP address"):
        ports.parse_host_address(text)
