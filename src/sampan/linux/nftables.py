"""nftables over nfnetlink: tables, chains, rules, sets and maps, committed as one transaction.

Registers: 16-byte ones are NFT_REG_1 to 4; the same space in 4-byte steps is NFT_REG32_00 to 15, which
concatenated keys use. The numbers are nf_tables.py's.
"""

import errno
import socket
import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from sampan.linux import netlink
from sampan.linux import nf_tables as nf
from sampan.linux.netlink import Message, attribute, be32, nested, text

# An attribute's length is 16 bits and holds all elements of one message.
ELEMENT_BYTES = 48_000
# What may have taken something out of a table.
LOSSES = (
    nf.NFT_MSG_DELTABLE,
    nf.NFT_MSG_DELCHAIN,
    nf.NFT_MSG_DELRULE,
    nf.NFT_MSG_DELSET,
    nf.NFT_MSG_DELSETELEM,
)


def concatenated(*types: int) -> int:
    """As nft(8) numbers it, to show the elements by: six bits for each type, the first one's highest."""
    number = 0
    for kind in types:
        number = number << 6 | kind
    return number


def padded(value: bytes) -> bytes:
    """To a multiple of four bytes: a field of a concatenated key begins in a register of its own."""
    return value + bytes(-len(value) % 4)


def ifname(name: str) -> bytes:
    """As NFT_META_IIFNAME and NFT_META_OIFNAME load it: IFNAMSIZ, 16 bytes, filled up with zeros."""
    return name.encode().ljust(16, b"\0")


def _message(kind: int, flags: int, *parts: bytes, family: int = nf.NFPROTO_INET) -> Message:
    return Message(
        nf.NFNL_SUBSYS_NFTABLES << 8 | kind, flags, struct.pack(">BBH", family, 0, 0) + b"".join(parts)
    )


def expression(name: str, *parts: bytes) -> bytes:
    return nested(nf.NFTA_LIST_ELEM, text(nf.NFTA_EXPR_NAME, name), nested(nf.NFTA_EXPR_DATA, *parts))


def _data(kind: int, value: bytes) -> bytes:
    return nested(kind, attribute(nf.NFTA_DATA_VALUE, value))


def meta(key: int, register: int = nf.NFT_REG_1) -> bytes:
    """Load what is known of the packet beside its bytes: `key` is an NFT_META_*."""
    return expression("meta", be32(nf.NFTA_META_DREG, register), be32(nf.NFTA_META_KEY, key))


def payload(base: int, offset: int, length: int, register: int = nf.NFT_REG_1) -> bytes:
    """Load bytes of the header that `base`, an NFT_PAYLOAD_*, names; a packet too short for them does not
    match.
    """
    return expression(
        "payload",
        be32(nf.NFTA_PAYLOAD_DREG, register),
        be32(nf.NFTA_PAYLOAD_BASE, base),
        be32(nf.NFTA_PAYLOAD_OFFSET, offset),
        be32(nf.NFTA_PAYLOAD_LEN, length),
    )


def compare(value: bytes, register: int = nf.NFT_REG_1, operator: int = nf.NFT_CMP_EQ) -> bytes:
    """Go on only when the register holds `value`, or as `operator` says; a packet's own bytes are in network
    order.
    """
    return expression(
        "cmp",
        be32(nf.NFTA_CMP_SREG, register),
        be32(nf.NFTA_CMP_OP, operator),
        _data(nf.NFTA_CMP_DATA, value),
    )


def mask(mask: bytes, register: int = nf.NFT_REG_1) -> bytes:
    return expression(
        "bitwise",
        be32(nf.NFTA_BITWISE_SREG, register),
        be32(nf.NFTA_BITWISE_DREG, register),
        be32(nf.NFTA_BITWISE_LEN, len(mask)),
        _data(nf.NFTA_BITWISE_MASK, mask),
        _data(nf.NFTA_BITWISE_XOR, bytes(len(mask))),
    )


def lookup(name: str, register: int = nf.NFT_REG_1, into: int | None = None) -> bytes:
    """Match a set, or with `into` read a map (NFT_REG_VERDICT: act on it)."""
    return expression(
        "lookup",
        text(nf.NFTA_LOOKUP_SET, name),
        be32(nf.NFTA_LOOKUP_SREG, register),
        be32(nf.NFTA_LOOKUP_DREG, into) if into is not None else b"",
    )


def verdict(code: int, chain: str | None = None) -> bytes:
    """The end of a rule: NF_ACCEPT, NF_DROP, NFT_RETURN, or NFT_JUMP, for which alone there is a `chain`."""
    return expression(
        "immediate",
        be32(nf.NFTA_IMMEDIATE_DREG, nf.NFT_REG_VERDICT),
        nested(nf.NFTA_IMMEDIATE_DATA, _verdict(code, chain)),
    )


def _verdict(code: int, chain: str | None) -> bytes:
    target = text(nf.NFTA_VERDICT_CHAIN, chain) if chain else b""
    return nested(nf.NFTA_DATA_VERDICT, be32(nf.NFTA_VERDICT_CODE, code), target)


def immediate(value: bytes, register: int) -> bytes:
    """Load a constant, its bytes as the expression that reads the register wants them: for `dnat` in network
    order.
    """
    return expression(
        "immediate", be32(nf.NFTA_IMMEDIATE_DREG, register), _data(nf.NFTA_IMMEDIATE_DATA, value)
    )


def dnat(family: int, address: int, port: int) -> bytes:
    """Rewrite the destination to what the two registers hold."""
    return expression(
        "nat",
        be32(nf.NFTA_NAT_TYPE, nf.NFT_NAT_DNAT),
        be32(nf.NFTA_NAT_FAMILY, family),
        be32(nf.NFTA_NAT_REG_ADDR_MIN, address),
        be32(nf.NFTA_NAT_REG_PROTO_MIN, port),
        be32(nf.NFTA_NAT_FLAGS, nf.NF_NAT_RANGE_PROTO_SPECIFIED),
    )


def forward_to(register: int = nf.NFT_REG_1) -> bytes:
    """Hand the frame to the interface whose index the register holds. Family netdev."""
    return expression("fwd", be32(nf.NFTA_FWD_SREG_DEV, register))


def masquerade() -> bytes:
    """Rewrite the source to an address of the interface that the packet leaves by; for "nat" chains at
    NF_INET_POST_ROUTING.
    """
    return expression("masq")


def connection(key: int, register: int = nf.NFT_REG_1) -> bytes:
    return expression("ct", be32(nf.NFTA_CT_DREG, register), be32(nf.NFTA_CT_KEY, key))


def connection_is(key: int, bits: int) -> bytes:
    """Any of `bits` is set in the connection's state or status."""
    wanted = struct.pack("=I", bits)
    return connection(key) + mask(wanted) + compare(bytes(4), operator=nf.NFT_CMP_NEQ)


def local_destination() -> bytes:
    """nft(8)'s `fib daddr type local`: whether the host itself has that address. Overwrites NFT_REG_1."""
    fib = expression(
        "fib",
        be32(nf.NFTA_FIB_DREG, nf.NFT_REG_1),
        be32(nf.NFTA_FIB_RESULT, nf.NFT_FIB_RESULT_ADDRTYPE),
        be32(nf.NFTA_FIB_FLAGS, nf.NFTA_FIB_F_DADDR),
    )
    return fib + compare(struct.pack("=I", nf.RTN_LOCAL))


def interface_is(key: int, name: str, operator: int = nf.NFT_CMP_EQ) -> bytes:
    """`key`: NFT_META_IIFNAME for where a packet came in, NFT_META_OIFNAME for where it leaves. Overwrites
    NFT_REG_1.
    """
    return meta(key) + compare(ifname(name), operator=operator)


def family_is(family: int) -> bytes:
    """NFPROTO_IPV4 or NFPROTO_IPV6, which a table of family inet sees both of. Overwrites NFT_REG_1."""
    return meta(nf.NFT_META_NFPROTO) + compare(bytes([family]))


def network_is(offset: int, network: bytes, netmask: bytes) -> bytes:
    """The address at `offset` of the network header is within a network."""
    return payload(nf.NFT_PAYLOAD_NETWORK_HEADER, offset, len(network)) + mask(netmask) + compare(network)


def add_table(table: str, family: int = nf.NFPROTO_INET) -> Message:
    """One that is there already is no error, and keeps what it has."""
    return _message(nf.NFT_MSG_NEWTABLE, netlink.NLM_F_CREATE, text(nf.NFTA_TABLE_NAME, table), family=family)


def delete_table(table: str, family: int = nf.NFPROTO_INET) -> Message:
    """With everything in it. The commit fails with ENOENT when there is none: add it first to be sure."""
    return _message(nf.NFT_MSG_DELTABLE, 0, text(nf.NFTA_TABLE_NAME, table), family=family)


@dataclass(frozen=True, slots=True)
class Hook:
    """`number` is an NF_INET_* or NF_NETDEV_*; of chains in one place the one of lower `priority` comes
    first, and `policy` is for what no rule decides.
    """

    kind: str  # "nat" or "filter"
    number: int
    priority: int
    device: str = ""  # family netdev only
    policy: int = nf.NF_ACCEPT


def add_chain(table: str, name: str, hook: Hook | None = None, family: int = nf.NFPROTO_INET) -> Message:
    """Without `hook`, one that packets reach only by a jump. One that is there already keeps its rules."""
    parts = text(nf.NFTA_CHAIN_TABLE, table) + text(nf.NFTA_CHAIN_NAME, name)
    if hook is not None:
        number = be32(nf.NFTA_HOOK_HOOKNUM, hook.number)
        priority = be32(nf.NFTA_HOOK_PRIORITY, hook.priority & 0xFFFFFFFF)
        device = text(nf.NFTA_HOOK_DEV, hook.device) if hook.device else b""
        parts += nested(nf.NFTA_CHAIN_HOOK, number, priority, device)
        parts += be32(nf.NFTA_CHAIN_POLICY, hook.policy) + text(nf.NFTA_CHAIN_TYPE, hook.kind)
    return _message(nf.NFT_MSG_NEWCHAIN, netlink.NLM_F_CREATE, parts, family=family)


def delete_chain(table: str, name: str, family: int = nf.NFPROTO_INET) -> Message:
    """The chain must be empty and referred to by nothing."""
    parts = text(nf.NFTA_CHAIN_TABLE, table) + text(nf.NFTA_CHAIN_NAME, name)
    return _message(nf.NFT_MSG_DELCHAIN, 0, parts, family=family)


def add_rule(table: str, chain: str, *expressions: bytes, family: int = nf.NFPROTO_INET) -> Message:
    """Behind the chain's other rules; the first of `expressions` that does not match ends it."""
    parts = text(nf.NFTA_RULE_TABLE, table) + text(nf.NFTA_RULE_CHAIN, chain)
    parts += nested(nf.NFTA_RULE_EXPRESSIONS, *expressions)
    return _message(nf.NFT_MSG_NEWRULE, netlink.NLM_F_CREATE | netlink.NLM_F_APPEND, parts, family=family)


def flush_chain(table: str, chain: str, family: int = nf.NFPROTO_INET) -> Message:
    """Delete its rules; the chain itself stays, and so do the jumps to it."""
    parts = text(nf.NFTA_RULE_TABLE, table) + text(nf.NFTA_RULE_CHAIN, chain)
    return _message(nf.NFT_MSG_DELRULE, 0, parts, family=family)


@dataclass(frozen=True, slots=True)
class SetType:
    """What a set or map holds. `data_type` None: a set; NFT_DATA_VERDICT: a verdict map."""

    key_type: int
    key_length: int
    data_type: int | None = None
    data_length: int = 0


def add_set(table: str, name: str, kind: SetType, number: int, family: int = nf.NFPROTO_INET) -> Message:
    """`number` names the set within its transaction; it must differ between the transaction's sets."""
    parts = text(nf.NFTA_SET_TABLE, table) + text(nf.NFTA_SET_NAME, name)
    parts += be32(nf.NFTA_SET_FLAGS, 0 if kind.data_type is None else nf.NFT_SET_MAP)
    parts += be32(nf.NFTA_SET_KEY_TYPE, kind.key_type) + be32(nf.NFTA_SET_KEY_LEN, kind.key_length)
    if kind.data_type is not None:
        parts += be32(nf.NFTA_SET_DATA_TYPE, kind.data_type) + be32(nf.NFTA_SET_DATA_LEN, kind.data_length)
    if kind.key_type == nf.TYPE_IFNAME:
        # Without the key's byte order nft(8) prints interface names as empty strings.
        order = struct.pack("=BBI", nf.NFTNL_UDATA_SET_KEYBYTEORDER, 4, nf.BYTEORDER_HOST_ENDIAN)
        parts += attribute(nf.NFTA_SET_USERDATA, order)
    parts += be32(nf.NFTA_SET_ID, number)
    return _message(nf.NFT_MSG_NEWSET, netlink.NLM_F_CREATE, parts, family=family)


def value_element(key: bytes, data: bytes | None = None) -> bytes:
    """For `add_elements`: of a set without `data`, of a map with. Fields of a concatenated key must be
    `padded`.
    """
    value = _data(nf.NFTA_SET_ELEM_DATA, data) if data is not None else b""
    return nested(nf.NFTA_LIST_ELEM, _data(nf.NFTA_SET_ELEM_KEY, key), value)


def verdict_element(key: bytes, code: int, chain: str | None = None) -> bytes:
    """For `add_elements` of a verdict map; `code` and `chain` as in `verdict`."""
    action = nested(nf.NFTA_SET_ELEM_DATA, _verdict(code, chain))
    return nested(nf.NFTA_LIST_ELEM, _data(nf.NFTA_SET_ELEM_KEY, key), action)


def _elements_of(table: str, name: str, chunk: bytes) -> bytes:
    where = text(nf.NFTA_SET_ELEM_LIST_TABLE, table) + text(nf.NFTA_SET_ELEM_LIST_SET, name)
    return where + (nested(nf.NFTA_SET_ELEM_LIST_ELEMENTS, chunk) if chunk else b"")


def _chunks(elements: Iterable[bytes]) -> Iterator[bytes]:
    chunk: list[bytes] = []
    size = 0
    for element in elements:
        if size + len(element) > ELEMENT_BYTES:
            yield b"".join(chunk)
            chunk, size = [], 0
        chunk.append(element)
        size += len(element)
    if chunk:
        yield b"".join(chunk)


def add_elements(
    table: str, name: str, elements: Iterable[bytes], family: int = nf.NFPROTO_INET
) -> list[Message]:
    """Fails with EEXIST when an element is there with other data."""
    flags = netlink.NLM_F_CREATE | netlink.NLM_F_EXCL
    return [
        _message(nf.NFT_MSG_NEWSETELEM, flags, _elements_of(table, name, chunk), family=family)
        for chunk in _chunks(elements)
    ]


def delete_elements(
    table: str, name: str, keys: Iterable[bytes], family: int = nf.NFPROTO_INET
) -> list[Message]:
    """Fails with ENOENT when one is not there."""
    return [
        _message(nf.NFT_MSG_DELSETELEM, 0, _elements_of(table, name, chunk), family=family)
        for chunk in _chunks(value_element(key) for key in keys)
    ]


def delete_set(table: str, name: str, family: int = nf.NFPROTO_INET) -> Message:
    """No rule may refer to it."""
    parts = text(nf.NFTA_SET_TABLE, table) + text(nf.NFTA_SET_NAME, name)
    return _message(nf.NFT_MSG_DELSET, 0, parts, family=family)


@dataclass(frozen=True, slots=True)
class BaseChain:
    """A chain of any table that hooks into the packets' path."""

    family: int
    table: str
    name: str
    hook: int
    policy: int


class Firewall:
    """The nftables of one network namespace: that of the thread which opens it."""

    def __init__(self) -> None:
        self._socket = netlink.Socket(netlink.NETLINK_NETFILTER)
        # 10,000 map elements in one transaction are about 700 kB.
        self._socket.set_send_buffer(8 << 20)
        subsystem = struct.pack(">BBH", socket.AF_UNSPEC, 0, nf.NFNL_SUBSYS_NFTABLES)
        self._begin = Message(nf.NFNL_MSG_BATCH_BEGIN, 0, subsystem)
        self._end = Message(nf.NFNL_MSG_BATCH_END, 0, subsystem)
        self.port = self._socket.port

    def close(self) -> None:
        self._socket.close()

    def commit(self, messages: Sequence[Message]) -> None:
        """Apply all or nothing. Raises NetlinkError, whose `index` is the message refused."""
        self._socket.transact_batch(self._begin, messages, self._end)

    def has_table(self, table: str) -> bool:
        try:
            self._socket.request(_message(nf.NFT_MSG_GETTABLE, 0, text(nf.NFTA_TABLE_NAME, table)))
        except netlink.NetlinkError as error:
            if error.errno == errno.ENOENT:
                return False
            raise
        return True

    def tables(self) -> list[str]:
        """Names of all tables of family inet."""
        replies = self._socket.dump(_message(nf.NFT_MSG_GETTABLE, 0))
        return [
            netlink.string(netlink.attribute_map(reply.body, 4).get(nf.NFTA_TABLE_NAME, b""))
            for reply in replies
        ]

    def element_keys(self, table: str, name: str) -> list[bytes]:
        """The keys of a set or map. Raises NetlinkError when it does not exist."""
        keys: list[bytes] = []
        for reply in self._socket.dump(_message(nf.NFT_MSG_GETSETELEM, 0, _elements_of(table, name, b""))):
            elements = netlink.attribute_map(reply.body, 4).get(nf.NFTA_SET_ELEM_LIST_ELEMENTS, b"")
            for _, element in netlink.attributes(elements):
                key = netlink.attribute_map(netlink.attribute_map(element)[nf.NFTA_SET_ELEM_KEY])
                keys.append(key[nf.NFTA_DATA_VALUE])
        return keys

    def base_chains(self) -> list[BaseChain]:
        """The hooked chains of every table and family, ours included."""
        found: list[BaseChain] = []
        for reply in self._socket.dump(_message(nf.NFT_MSG_GETCHAIN, 0, family=socket.AF_UNSPEC)):
            parts = netlink.attribute_map(reply.body, 4)
            if nf.NFTA_CHAIN_HOOK not in parts:
                continue
            hook = netlink.attribute_map(parts[nf.NFTA_CHAIN_HOOK]).get(nf.NFTA_HOOK_HOOKNUM, b"")
            policy = parts.get(nf.NFTA_CHAIN_POLICY)
            table, name = (
                netlink.string(parts[nf.NFTA_CHAIN_TABLE]),
                netlink.string(parts[nf.NFTA_CHAIN_NAME]),
            )
            found.append(
                BaseChain(
                    reply.body[0],
                    table,
                    name,
                    int.from_bytes(hook, "big"),
                    nf.NF_ACCEPT if policy is None else int.from_bytes(policy, "big"),
                )
            )
        return found


@dataclass(frozen=True, slots=True)
class Changes:
    """What others did. `damaged`: our table may have lost something; `chains`: theirs differ."""

    damaged: bool = False
    chains: bool = False


class Monitor:
    """Tells when somebody else deletes from a table, or makes and removes chains elsewhere."""

    def __init__(self, table: str, own_port: int) -> None:
        self._subscription = netlink.Subscription(netlink.NETLINK_NETFILTER, nf.NFNLGRP_NFTABLES)
        self._table = table
        self._own_port = own_port

    def fileno(self) -> int:
        return self._subscription.fileno()

    def close(self) -> None:
        self._subscription.close()

    def changes(self) -> Changes:
        """Read what was reported since the last call."""
        events = self._subscription.read()
        if events is None:
            return Changes(True, True)
        damaged = chains = False
        for message, port in events:
            if port == self._own_port or message.kind >> 8 != nf.NFNL_SUBSYS_NFTABLES:
                continue
            # Chains, rules, sets and elements have the name of their table in the same place as tables do.
            name = netlink.string(netlink.attribute_map(message.body, 4).get(nf.NFTA_TABLE_NAME, b""))
            kind = message.kind & 0xFF
            damaged = damaged or (name == self._table and kind in LOSSES)
            chains = chains or kind in (nf.NFT_MSG_NEWCHAIN, nf.NFT_MSG_DELCHAIN, nf.NFT_MSG_DELTABLE)
        return Changes(damaged, chains)
