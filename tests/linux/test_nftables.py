import errno
import ipaddress
import struct
from collections.abc import Callable

import pytest

from sampan.linux import netlink, netns
from sampan.linux import nf_tables as nf
from sampan.linux import nftables as nft


def test_concatenated_types_are_six_bits_each() -> None:
    assert nft.concatenated(nf.TYPE_INET_PROTOCOL, nf.TYPE_INET_SERVICE) == 12 << 6 | 13


def test_many_elements_become_several_messages_within_an_attributes_size() -> None:
    elements = [nft.value_element(struct.pack(">I", number)) for number in range(10_000)]
    messages = nft.add_elements("t", "s", elements)
    assert len(messages) > 1
    assert all(len(message.body) < 65_000 for message in messages)


def in_new_namespace(body: Callable[[nft.Firewall], None]) -> None:
    def inside() -> None:
        firewall = nft.Firewall()
        try:
            body(firewall)
        finally:
            firewall.close()

    netns.run_in_new(inside)


@pytest.mark.root
def test_a_transaction_is_all_or_nothing() -> None:
    def body(firewall: nft.Firewall) -> None:
        with pytest.raises(netlink.NetlinkError) as caught:
            firewall.commit([nft.add_table("t"), nft.delete_chain("t", "missing")])
        assert (caught.value.errno, caught.value.index) == (errno.ENOENT, 1)
        assert not firewall.has_table("t")
        # The socket is still in step with the kernel's answers.
        firewall.commit([nft.add_table("t")])
        assert firewall.tables() == ["t"]

    in_new_namespace(body)


@pytest.mark.root
def test_set_elements_are_added_listed_and_removed() -> None:
    def body(firewall: nft.Firewall) -> None:
        kind = nft.SetType(nf.TYPE_IPADDR, 4)
        keys = [ipaddress.ip_address(f"10.0.{n // 250}.{n % 250}").packed for n in range(3000)]
        elements = [nft.value_element(key) for key in keys]
        firewall.commit([nft.add_table("t"), nft.add_set("t", "s", kind, 1)])
        firewall.commit(nft.add_elements("t", "s", elements))
        assert sorted(firewall.element_keys("t", "s")) == sorted(keys)
        firewall.commit(nft.delete_elements("t", "s", keys[1:]))
        assert firewall.element_keys("t", "s") == keys[:1]

    in_new_namespace(body)


@pytest.mark.root
def test_hooked_chains_of_all_tables_are_seen_with_their_policy() -> None:
    def body(firewall: nft.Firewall) -> None:
        hook = nft.Hook("filter", nf.NF_INET_FORWARD, 0)
        firewall.commit([nft.add_table("t"), nft.add_chain("t", "c", hook), nft.add_chain("t", "plain")])
        (chain,) = firewall.base_chains()
        assert (chain.table, chain.name, chain.hook) == ("t", "c", nf.NF_INET_FORWARD)
        assert (chain.family, chain.policy) == (nf.NFPROTO_INET, nf.NF_ACCEPT)

    in_new_namespace(body)


@pytest.mark.root
def test_the_monitor_tells_others_deletions_from_our_own() -> None:
    def body(firewall: nft.Firewall) -> None:
        firewall.commit([nft.add_table("t"), nft.add_chain("t", "c"), nft.add_table("other")])
        monitor = nft.Monitor("t", firewall.port)
        stranger = nft.Firewall()
        try:
            firewall.commit([nft.delete_chain("t", "c")])
            assert not monitor.changes().damaged
            assert monitor.changes() == nft.Changes()
            stranger.commit([nft.delete_table("other")])
            assert monitor.changes() == nft.Changes(damaged=False, chains=True)
            stranger.commit([nft.delete_table("t")])
            assert monitor.changes().damaged
            assert not monitor.changes().damaged
        finally:
            stranger.close()
            monitor.close()

    in_new_namespace(body)
