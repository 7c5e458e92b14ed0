import errno
import ipaddress
import os
import socket
from collections.abc import Callable

import pytest

from sampan.linux import netlink, netns, rtnetlink

interface, network, address = ipaddress.ip_interface, ipaddress.ip_network, ipaddress.ip_address


@pytest.mark.parametrize("text", ["02:42:ac:11:00:02", "02-42-ac-11-00-02", "0242.ac11.0002"])
def test_mac_addresses_in_any_notation(text: str) -> None:
    assert rtnetlink.mac_text(rtnetlink.mac_bytes(text)) == "02:42:ac:11:00:02"


@pytest.mark.parametrize("text", ["", "zz", "02:42:ac:11:00", "02:42:ac:11:00:02:03"])
def test_bad_mac_addresses_are_refused(text: str) -> None:
    with pytest.raises(ValueError):
        rtnetlink.mac_bytes(text)


def in_new_namespace(body: Callable[[netlink.Socket], None]) -> None:
    def inside() -> None:
        with netlink.Socket(netlink.NETLINK_ROUTE) as sock:
            body(sock)

    netns.run_in_new(inside)


@pytest.mark.root
def test_a_bridge_with_addresses_and_routes() -> None:
    def body(sock: netlink.Socket) -> None:
        sock.transact([rtnetlink.add_bridge("b0", mac="02:00:00:00:00:01")])
        link = rtnetlink.link_by_name(sock, "b0")
        assert link is not None
        assert (link.kind, link.mac, link.up) == ("bridge", "02:00:00:00:00:01", False)
        sock.transact(
            [
                rtnetlink.set_link(link.index, up=True, mtu=1300),
                rtnetlink.add_address(link.index, interface("10.9.0.1/24")),
                rtnetlink.add_address(link.index, interface("fd00:9::1/64")),
                rtnetlink.add_route(link.index, address("10.9.0.254")),
                rtnetlink.add_route(link.index, address("10.9.0.253"), network("10.10.0.0/16")),
                rtnetlink.add_route(link.index, address("fd00:9::ff")),
            ]
        )
        changed = rtnetlink.link_by_name(sock, "b0")
        assert changed is not None and changed.up and changed.mtu == 1300
        present = {a for index, a in rtnetlink.addresses(sock) if index == link.index}
        assert {interface("10.9.0.1/24"), interface("fd00:9::1/64")} <= present
        routes = {(r.destination, r.gateway) for r in rtnetlink.routes(sock)}
        assert (None, address("10.9.0.254")) in routes
        assert (network("10.10.0.0/16"), address("10.9.0.253")) in routes
        default6 = [r.gateway for r in rtnetlink.routes(sock, socket.AF_INET6) if r.destination is None]
        assert address("fd00:9::ff") in default6
        chosen = rtnetlink.route_to(sock, address("10.10.1.1"))
        assert chosen is not None and chosen.gateway == address("10.9.0.253")

    in_new_namespace(body)


@pytest.mark.root
def test_a_veth_pair_into_another_namespace() -> None:
    def body(sock: netlink.Socket) -> None:
        other = netns.run_in_new(netns.current)
        try:
            sock.transact([rtnetlink.add_veth("v0", "eth0", other, mtu=1400, peer_mac="02:00:00:00:00:09")])
            outer = rtnetlink.link_by_name(sock, "v0")
            assert outer is not None and (outer.kind, outer.mtu) == ("veth", 1400)
            with netns.run_in(other, lambda: netlink.Socket(netlink.NETLINK_ROUTE)) as inside:
                inner = rtnetlink.link_by_name(inside, "eth0")
                assert inner is not None and (inner.mac, inner.mtu) == ("02:00:00:00:00:09", 1400)
            sock.transact([rtnetlink.delete_link(outer.index)])
            assert rtnetlink.link_by_name(sock, "v0") is None
        finally:
            os.close(other)

    in_new_namespace(body)


@pytest.mark.root
def test_the_first_failure_of_several_requests_is_named() -> None:
    def body(sock: netlink.Socket) -> None:
        requests = [rtnetlink.add_bridge("b0"), rtnetlink.add_bridge("b0"), rtnetlink.add_bridge("b1")]
        with pytest.raises(netlink.NetlinkError) as caught:
            sock.transact(requests)
        assert (caught.value.errno, caught.value.index) == (errno.EEXIST, 1)
        # rtnetlink goes on: each request stands alone.
        assert rtnetlink.link_by_name(sock, "b1") is not None

    in_new_namespace(body)


@pytest.mark.root
def test_run_in_leaves_the_caller_where_it_was() -> None:
    before = os.readlink("/proc/thread-self/ns/net")
    inside = netns.run_in_new(lambda: os.readlink("/proc/thread-self/ns/net"))
    assert inside != before == os.readlink("/proc/thread-self/ns/net")


@pytest.mark.root
def test_run_in_raises_what_the_function_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        netns.run_in_new(lambda: 1 // 0)


@pytest.mark.root
def test_an_alias_is_read_as_it_was_set() -> None:
    def body(sock: netlink.Socket) -> None:
        sock.transact([rtnetlink.add_bridge("b0"), rtnetlink.set_alias("b0", "some engine's")])
        link = rtnetlink.link_by_name(sock, "b0")
        assert link is not None and link.alias == "some engine's"

    in_new_namespace(body)
