import ipaddress

import pytest

from sampan.linux import netlink, netns
from sampan.linux import nf_tables as nf
from sampan.linux import nftables as nft
from sampan.network import rules
from sampan.network.firewall import Table
from sampan.network.rules import NetworkRules, PortRule
from tests.network.scratch import on_scratch_host, until

ip, net = ipaddress.ip_address, ipaddress.ip_network
BACKEND = NetworkRules("br-backend", (net("172.18.0.0/16"), net("fd00:18::/64")))
INTERNAL = NetworkRules("br-inner", (net("172.19.0.0/16"),), icc=False, internal=True)
WEB = PortRule("tcp", None, 8080, ip("172.18.0.2"), 80)


@pytest.mark.parametrize(
    ("rule", "map", "key"),
    [
        (WEB, "local4", "06000000 1f900000"),
        (PortRule("udp", ip("127.0.0.1"), 53, ip("172.18.0.2"), 53), "bound4", "11000000 7f000001 00350000"),
        (PortRule("sctp", None, 9, ip("fd00::2"), 9), "local6", "84000000 00090000"),
        (PortRule("tcp", ip("fd00::1"), 80, ip("fd00::2"), 80), "bound6", f"06000000 fd{0:028x}01 00500000"),
    ],
)  # fmt: skip
def test_each_kind_of_port_has_its_map_and_key(rule: PortRule, map: str, key: str) -> None:
    assert (rule.map, rule.key) == (map, bytes.fromhex(key))


def keys(table: Table, name: str) -> set[bytes]:
    firewall = nft.Firewall()
    try:
        return set(firewall.element_keys(table.name, name))
    finally:
        firewall.close()


@pytest.mark.root
def test_the_kernel_takes_every_rule_and_gives_everything_back() -> None:
    async def body() -> None:
        table = Table("t")
        table.add_network(BACKEND)  # wanted before the table exists
        table.install()
        table.add_network(INTERNAL)
        table.add_ports([WEB])
        assert keys(table, "bridges") == {nft.ifname("br-backend"), nft.ifname("br-inner")}
        assert keys(table, "local4") == {WEB.key}
        table.remove_ports([WEB])
        table.remove_ports([WEB])
        table.remove_network("br-inner")
        assert keys(table, "bridges") == {nft.ifname("br-backend")}
        assert keys(table, "local4") == set()
        table.install()  # again: replaces itself
        table.close(remove=True)
        firewall = nft.Firewall()
        assert firewall.tables() == []
        firewall.close()

    on_scratch_host(body)


@pytest.mark.root
def test_ten_thousand_ports_are_one_transaction() -> None:
    async def body() -> None:
        table = Table("t")
        table.install()
        ports = [PortRule("tcp", None, 10_000 + n, ip("172.18.0.2"), 80) for n in range(10_000)]
        table.add_ports(ports)
        # A dump taken while the kernel still grows the map's hash table lacks elements.
        await until(lambda: len(keys(table, "local4")) == 10_000, "all ports are in the map")
        table.remove_ports(ports)
        assert keys(table, "local4") == set()
        table.close()

    on_scratch_host(body)


@pytest.mark.root
def test_a_flushed_table_is_restored() -> None:
    async def body() -> None:
        table = Table("t")
        table.add_network(BACKEND)
        table.install()
        table.add_ports([WEB])
        table.watch()
        stranger = nft.Firewall()
        stranger.commit([nft.delete_table("t")])
        assert not stranger.has_table("t")
        await until(lambda: stranger.has_table("t"), "the table is back", seconds=1)
        assert keys(table, "local4") == {WEB.key}
        assert keys(table, "bridges") == {nft.ifname("br-backend")}
        stranger.commit(nft.delete_elements("t", "local4", [WEB.key]))
        await until(lambda: keys(table, "local4") == {WEB.key}, "the element is back", seconds=1)
        stranger.close()
        table.close()

    on_scratch_host(body)


@pytest.mark.root
def test_removing_from_a_damaged_table_puts_it_right() -> None:
    async def body() -> None:
        table = Table("t")
        table.install()
        other = PortRule("tcp", None, 81, ip("172.18.0.2"), 80)
        table.add_ports([WEB, other])
        stranger = nft.Firewall()
        stranger.commit([nft.delete_table("t")])
        table.remove_ports([WEB])
        assert keys(table, "local4") == {other.key}
        stranger.close()
        table.close()

    on_scratch_host(body)


@pytest.mark.root
def test_other_tables_are_left_alone_and_their_drops_are_seen() -> None:
    async def body() -> None:
        stranger = nft.Firewall()
        stranger.commit([nft.add_table("theirs"), nft.add_chain("theirs", "forward")])
        table = Table("t")
        table.install()
        assert table.forward_drops() == []
        table.close(remove=True)
        assert stranger.tables() == ["theirs"]
        stranger.close()

    on_scratch_host(body)


@pytest.mark.root
def test_the_resolvers_table_can_be_made_again() -> None:
    def inside() -> None:
        firewall = nft.Firewall()
        firewall.commit(rules.resolver("dns", 4000, 4001))
        firewall.commit(rules.resolver("dns", 5000, 5001))
        (chain,) = firewall.base_chains()
        assert (chain.family, chain.table, chain.hook) == (nf.NFPROTO_IPV4, "dns", nf.NF_INET_LOCAL_OUT)
        firewall.close()

    netns.run_in_new(inside)


@pytest.mark.root
def test_adding_a_port_twice_is_refused_by_the_kernel() -> None:
    async def body() -> None:
        table = Table("t")
        table.install()
        table.add_ports([WEB])
        with pytest.raises(netlink.NetlinkError):
            table.add_ports([PortRule("tcp", None, 8080, ip("172.18.0.9"), 80)])
        table.close()

    on_scratch_host(body)
