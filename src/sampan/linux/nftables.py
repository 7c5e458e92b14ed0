"""nftables over nfnetlink: tables, chains, rules, sets and maps, committed as one transaction.

Registers: 16-byte ones are 1 to 4; the same space in 4-byte steps is 8 to 23, which concatenated keys use.
Sources: include/uapi/linux/netfilter/nf_tables.h and nfnetlink.h; libnftnl and nft(8) for the type numbers
that make `nft list ruleset` print our sets well.
"""

import socket
import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from sampan.linux import netlink
from sampan.linux.netlink import Message, attribute, be32, nested, text

NFNL_SUBSYS_NFTABLES = 10
NFNL_MSG_BATCH_BEGIN = 0x10
NFNL_MSG_BATCH_END = 0x11
NFNLGRP_NFTABLES = 7
NFPROTO_INET = 1
NFPROTO_IPV4 = 2
NFPROTO_NETDEV = 5
NFPROTO_IPV6 = 10

NFT_MSG_NEWTABLE = 0
NFT_MSG_GETTABLE = 1
NFT_MSG_DELTABLE = 2
NFT_MSG_NEWCHAIN = 3
NFT_MSG_GETCHAIN = 4
NFT_MSG_DELCHAIN = 5
NFT_MSG_NEWRULE = 6
NFT_MSG_DELRULE = 8
NFT_MSG_NEWSET = 9
NFT_MSG_DELSET = 11
NFT_MSG_NEWSETELEM = 12
NFT_MSG_GETSETELEM = 13
NFT_MSG_DELSETELEM = 14

NFT_DATA_VERDICT = 0xFFFFFF00
NFT_SET_MAP = 0x8
NF_DROP = 0
NF_ACCEPT = 1
NFT_JUMP = -3 & 0xFFFFFFFF
NFT_RETURN = -5 & 0xFFFFFFFF

NF_NETDEV_INGRESS = 0
NF_INET_PRE_ROUTING = 0
NF_INET_FORWARD = 2
NF_INET_LOCAL_OUT = 3
NF_INET_POST_ROUTING = 4
PRIORITY_RAW = -300
PRIORITY_DSTNAT = -100
PRIORITY_FILTER = 0
PRIORITY_SRCNAT = 100

REG_VERDICT = 0
REG_1 = 1
REG_2 = 2
REG32_00 = 8

META_IIFNAME = 6
META_OIFNAME = 7
META_NFPROTO = 15
META_L4PROTO = 16
CT_STATE = 0
CT_STATUS = 2
CT_STATE_ESTABLISHED_RELATED = 0x2 | 0x4
IPS_DST_NAT = 1 << 5
FIB_RESULT_ADDRTYPE = 3
FIB_F_DADDR = 2
RTN_LOCAL = 2
PAYLOAD_LINK = 0
PAYLOAD_NETWORK = 1
PAYLOAD_TRANSPORT = 2
CMP_EQ = 0
CMP_NEQ = 1
NAT_DNAT = 1

# nft's own numbers for data types; a concatenation is its parts in 6-bit fields.
TYPE_IPV4 = 7
TYPE_IPV6 = 8
TYPE_ETHER = 9
TYPE_PROTO = 12
TYPE_SERVICE = 13
TYPE_IFINDEX = 20
TYPE_IFNAME = 41

# An attribute's length is 16 bits and holds all elements of one message.
ELEMENT_BYTES = 48_000


def concatenated(*types: int) -> int:
    number = 0
    for kind in types:
        number = number << 6 | kind
    return number


def padded(value: bytes) -> bytes:
    return value + bytes(-len(value) % 4)


def ifname(name: str) -> bytes:
    return name.encode().ljust(16, b"\0")


def _message(kind: int, flags: int, *parts: bytes, family: int = NFPROTO_INET) -> Message:
    return Message(
        NFNL_SUBSYS_NFTABLES << 8 | kind, flags, struct.pack(">BBH", family, 0, 0) + b"".join(parts)
    )


def expression(name: str, *parts: bytes) -> bytes:
    # NFTA_LIST_ELEM { NFTA_EXPR_NAME, NFTA_EXPR_DATA }
    return nested(1, text(1, name), nested(2, *parts))


def _data(kind: int, value: bytes) -> bytes:
    return nested(kind, attribute(1, value))


def meta(key: int, register: int = REG_1) -> bytes:
    return expression("meta", be32(1, register), be32(2, key))


def payload(base: int, offset: int, length: int, register: int = REG_1) -> bytes:
    return expression("payload", be32(1, register), be32(2, base), be32(3, offset), be32(4, length))


def compare(value: bytes, register: int = REG_1, operator: int = CMP_EQ) -> bytes:
    return expression("cmp", be32(1, register), be32(2, operator), _data(3, value))


def mask(mask: bytes, register: int = REG_1) -> bytes:
    return expression(
        "bitwise",
        be32(1, register),
        be32(2, register),
        be32(3, len(mask)),
        _data(4, mask),
        _data(5, bytes(len(mask))),
    )


def lookup(name: str, register: int = REG_1, into: int | None = None) -> bytes:
    """Match a set, or with `into` read a map (REG_VERDICT: act on it)."""
    return expression("lookup", text(1, name), be32(2, register), be32(3, into) if into is not None else b"")


def verdict(code: int, chain: str | None = None) -> bytes:
    return expression("immediate", be32(1, REG_VERDICT), nested(2, _verdict(code, chain)))


def _verdict(code: int, chain: str | None) -> bytes:
    return nested(2, be32(1, code), text(2, chain) if chain else b"")


def immediate(value: bytes, register: int) -> bytes:
    return expression("immediate", be32(1, register), _data(2, value))


def dnat(family: int, address: int, port: int) -> bytes:
    """Rewrite the destination to what the two registers hold."""
    return expression(
        "nat", be32(1, NAT_DNAT), be32(2, family), be32(3, address), be32(5, port), be32(7, 0x2)
    )  # NF_NAT_RANGE_PROTO_SPECIFIED


def forward_to(register: int = REG_1) -> bytes:
    """Hand the frame to the interface whose index the register holds. Family netdev."""
    return expression("fwd", be32(1, register))


def masquerade() -> bytes:
    return expression("masq")


def connection(key: int, register: int = REG_1) -> bytes:
    return expression("ct", be32(1, register), be32(2, key))


def connection_is(key: int, bits: int) -> bytes:
    """Any of `bits` is set in the connection's state or status."""
    wanted = struct.pack("=I", bits)
    return connection(key) + mask(wanted) + compare(bytes(4), operator=CMP_NEQ)


def local_destination() -> bytes:
    fib = expression("fib", be32(1, REG_1), be32(2, FIB_RESULT_ADDRTYPE), be32(3, FIB_F_DADDR))
    return fib + compare(struct.pack("=I", RTN_LOCAL))


def interface_is(key: int, name: str, operator: int = CMP_EQ) -> bytes:
    return meta(key) + compare(ifname(name), operator=operator)


def family_is(family: int) -> bytes:
    return meta(META_NFPROTO) + compare(bytes([family]))


def network_is(offset: int, network: bytes, netmask: bytes) -> bytes:
    """The address at `offset` of the network header is within a network."""
    return payload(PAYLOAD_NETWORK, offset, len(network)) + mask(netmask) + compare(network)


def add_table(table: str, family: int = NFPROTO_INET) -> Message:
    return _message(NFT_MSG_NEWTABLE, netlink.NLM_F_CREATE, text(1, table), family=family)


def delete_table(table: str, family: int = NFPROTO_INET) -> Message:
    return _message(NFT_MSG_DELTABLE, 0, text(1, table), family=family)


@dataclass(frozen=True, slots=True)
class Hook:
    kind: str  # "nat" or "filter"
    number: int
    priority: int
    device: str = ""  # family netdev only
    policy: int = NF_ACCEPT


def add_chain(table: str, name: str, hook: Hook | None = None, family: int = NFPROTO_INET) -> Message:
    parts = text(1, table) + text(3, name)
    if hook is not None:
        device = text(3, hook.device) if hook.device else b""
        where = nested(4, be32(1, hook.number), be32(2, hook.priority & 0xFFFFFFFF), device)
        parts += where + be32(5, hook.policy) + text(7, hook.kind)
    return _message(NFT_MSG_NEWCHAIN, netlink.NLM_F_CREATE, parts, family=family)


def delete_chain(table: str, name: str, family: int = NFPROTO_INET) -> Message:
    """The chain must be empty and referred to by nothing."""
    return _message(NFT_MSG_DELCHAIN, 0, text(1, table), text(3, name), family=family)


def add_rule(table: str, chain: str, *expressions: bytes, family: int = NFPROTO_INET) -> Message:
    parts = text(1, table) + text(2, chain) + nested(4, *expressions)
    return _message(NFT_MSG_NEWRULE, netlink.NLM_F_CREATE | netlink.NLM_F_APPEND, parts, family=family)


def flush_chain(table: str, chain: str, family: int = NFPROTO_INET) -> Message:
    return _message(NFT_MSG_DELRULE, 0, text(1, table), text(2, chain), family=family)


@dataclass(frozen=True, slots=True)
class SetType:
    """What a set or map holds. `data_type` None: a set; NFT_DATA_VERDICT: a verdict map."""

    key_type: int
    key_length: int
    data_type: int | None = None
    data_length: int = 0


def add_set(table: str, name: str, kind: SetType, number: int, family: int = NFPROTO_INET) -> Message:
    """`number` names the set within its transaction; it must differ between the transaction's sets."""
    parts = text(1, table) + text(2, name) + be32(3, 0 if kind.data_type is None else NFT_SET_MAP)
    parts += be32(4, kind.key_type) + be32(5, kind.key_length)
    if kind.data_type is not None:
        parts += be32(6, kind.data_type) + be32(7, kind.data_length)
    if kind.key_type == TYPE_IFNAME:
        # NFTNL_UDATA_SET_KEYBYTEORDER = host: without it nft(8) prints interface names as empty strings.
        parts += attribute(13, bytes([0, 4]) + struct.pack("=I", 1))
    return _message(NFT_MSG_NEWSET, netlink.NLM_F_CREATE, parts + be32(10, number), family=family)


def value_element(key: bytes, data: bytes | None = None) -> bytes:
    return nested(1, _data(1, key), _data(2, data) if data is not None else b"")


def verdict_element(key: bytes, code: int, chain: str | None = None) -> bytes:
    return nested(1, _data(1, key), nested(2, _verdict(code, chain)))


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
    table: str, name: str, elements: Iterable[bytes], family: int = NFPROTO_INET
) -> list[Message]:
    """Fails with EEXIST when an element is there with other data."""
    flags = netlink.NLM_F_CREATE | netlink.NLM_F_EXCL
    return [
        _message(NFT_MSG_NEWSETELEM, flags, text(1, table), text(2, name), nested(3, chunk), family=family)
        for chunk in _chunks(elements)
    ]


def delete_elements(
    table: str, name: str, keys: Iterable[bytes], family: int = NFPROTO_INET
) -> list[Message]:
    """Fails with ENOENT when one is not there."""
    return [
        _message(NFT_MSG_DELSETELEM, 0, text(1, table), text(2, name), nested(3, chunk), family=family)
        for chunk in _chunks(value_element(key) for key in keys)
    ]


def delete_set(table: str, name: str, family: int = NFPROTO_INET) -> Message:
    """No rule may refer to it."""
    return _message(NFT_MSG_DELSET, 0, text(1, table), text(2, name), family=family)


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
        subsystem = struct.pack(">BBH", socket.AF_UNSPEC, 0, NFNL_SUBSYS_NFTABLES)
        self._begin = Message(NFNL_MSG_BATCH_BEGIN, 0, subsystem)
        self._end = Message(NFNL_MSG_BATCH_END, 0, subsystem)
        self.port = self._socket.port

    def close(self) -> None:
        self._socket.close()

    def commit(self, messages: Sequence[Message]) -> None:
        """Apply all or nothing. Raises NetlinkError, whose `index` is the message refused."""
        self._socket.transact_batch(self._begin, messages, self._end)

    def has_table(self, table: str) -> bool:
        try:
            self._socket.request(_message(NFT_MSG_GETTABLE, 0, text(1, table)))
        except netlink.NetlinkError as error:
            if error.errno == 2:  # ENOENT
                return False
            raise
        return True

    def tables(self) -> list[str]:
        """Names of all tables of family inet."""
        replies = self._socket.dump(_message(NFT_MSG_GETTABLE, 0))
        return [netlink.string(netlink.attribute_map(reply.body, 4).get(1, b"")) for reply in replies]

    def element_keys(self, table: str, name: str) -> list[bytes]:
        """The keys of a set or map. Raises NetlinkError when it does not exist."""
        keys: list[bytes] = []
        for reply in self._socket.dump(_message(NFT_MSG_GETSETELEM, 0, text(1, table), text(2, name))):
            for _, element in netlink.attributes(netlink.attribute_map(reply.body, 4).get(3, b"")):
                key = netlink.attribute_map(netlink.attribute_map(element)[1])
                keys.append(key[1])
        return keys

    def base_chains(self) -> list[BaseChain]:
        """The hooked chains of every table and family, ours included."""
        found: list[BaseChain] = []
        for reply in self._socket.dump(_message(NFT_MSG_GETCHAIN, 0, family=socket.AF_UNSPEC)):
            parts = netlink.attribute_map(reply.body, 4)
            if 4 not in parts:
                continue
            hook = int.from_bytes(netlink.attribute_map(parts[4]).get(1, b""), "big")
            policy = int.from_bytes(parts[5], "big") if 5 in parts else NF_ACCEPT
            table, name = netlink.string(parts[1]), netlink.string(parts[3])
            found.append(BaseChain(reply.body[0], table, name, hook, policy))
        return found


@dataclass(frozen=True, slots=True)
class Changes:
    """What others did. `damaged`: our table may have lost something; `chains`: theirs differ."""

    damaged: bool = False
    chains: bool = False


class Monitor:
    """Tells when somebody else deletes from a table, or makes and removes chains elsewhere."""

    def __init__(self, table: str, own_port: int) -> None:
        self._subscription = netlink.Subscription(netlink.NETLINK_NETFILTER, NFNLGRP_NFTABLES)
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
        losses = (NFT_MSG_DELTABLE, NFT_MSG_DELCHAIN, NFT_MSG_DELRULE, NFT_MSG_DELSET, NFT_MSG_DELSETELEM)
        damaged = chains = False
        for message, port in events:
            if port == self._own_port or message.kind >> 8 != NFNL_SUBSYS_NFTABLES:
                continue
            # The table's name is attribute 1 of each of these messages.
            name = netlink.string(netlink.attribute_map(message.body, 4).get(1, b""))
            kind = message.kind & 0xFF
            damaged = damaged or (name == self._table and kind in losses)
            chains = chains or kind in (NFT_MSG_NEWCHAIN, NFT_MSG_DELCHAIN, NFT_MSG_DELTABLE)
        return Changes(damaged, chains)
