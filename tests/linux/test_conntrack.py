import socket

import pytest

from sampan.linux import conntrack, netlink, netns, rtnetlink
from sampan.network.firewall import Table

pytestmark = pytest.mark.root


def test_only_the_flows_picked_are_forgotten() -> None:
    def inside() -> None:
        with netlink.Socket(netlink.NETLINK_ROUTE) as sock:
            sock.transact([rtnetlink.set_link(1, up=True)])
        table = Table("t")
        table.install()  # rules with NAT are what makes the kernel track connections
        server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        server.bind(("127.0.0.1", 0))
        port = server.getsockname()[1]
        clients = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(3)]
        for client in clients:
            client.sendto(b"x", ("127.0.0.1", port))
        seen: list[conntrack.Flow] = []
        assert conntrack.forget(lambda flow: bool(seen.append(flow))) == 0
        here = socket.inet_aton("127.0.0.1")
        assert seen.count(conntrack.Flow(socket.IPPROTO_UDP, here, port, here)) == 3
        assert conntrack.forget(lambda flow: flow.port == port) == 3
        assert conntrack.forget(lambda flow: flow.port == port) == 0
        for item in (server, *clients):
            item.close()
        table.close()

    netns.run_in_new(inside)
