import errno
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan.linux import netlink
from sampan.linux.netlink import Message

kinds = st.integers(0, 0x3FFF)
payloads = st.binary(max_size=200)


@given(st.lists(st.tuples(kinds, payloads), max_size=20))
def test_attributes_come_back_as_they_were_packed(items: list[tuple[int, bytes]]) -> None:
    packed = b"".join(netlink.attribute(kind, payload) for kind, payload in items)
    assert len(packed) % 4 == 0
    assert list(netlink.attributes(packed)) == items


@given(st.binary(max_size=300))
def test_hostile_attributes_are_refused_or_read_but_never_overrun(data: bytes) -> None:
    try:
        found = list(netlink.attributes(data))
    except ValueError:
        return
    assert sum(len(payload) + 4 for _, payload in found) <= len(data) + 3


def test_nested_attributes_carry_the_flag_and_lose_it_when_read() -> None:
    packed = netlink.nested(5, netlink.u32(1, 7))
    assert struct.unpack_from("=HH", packed)[1] == 5 | netlink.NLA_F_NESTED
    assert netlink.attribute_map(packed).keys() == {5}


@given(st.lists(st.tuples(st.integers(16, 200), st.binary(max_size=100)), max_size=10))
def test_datagrams_are_split_into_messages(items: list[tuple[int, bytes]]) -> None:
    datagram = b""
    for number, (kind, body) in enumerate(items):
        size = 16 + len(body)
        datagram += netlink.HEADER.pack(size, kind, 0, number, 9) + body + bytes(-size % 4)
    assert list(netlink.parse(datagram)) == [
        (Message(kind, 0, body), number, 9) for number, (kind, body) in enumerate(items)
    ]


def test_a_message_longer_than_its_datagram_is_refused() -> None:
    with pytest.raises(ValueError, match="length 64"):
        list(netlink.parse(netlink.HEADER.pack(64, 16, 0, 1, 0) + bytes(8)))


def ack(code: int, flags: int = 0, more: bytes = b"") -> Message:
    return Message(netlink.NLMSG_ERROR, flags, struct.pack("=i", -code) + bytes(16) + more)


def test_an_error_says_what_the_kernel_explained() -> None:
    explained = ack(
        errno.EINVAL,
        netlink.NLM_F_CAPPED | netlink.NLM_F_ACK_TLVS,
        netlink.text(netlink.NLMSGERR_ATTR_MSG, "Unknown device type"),
    )
    error = netlink.error_of(explained, 10, 12)
    assert error is not None
    assert (error.errno, error.index) == (errno.EINVAL, 2)
    assert "Unknown device type" in str(error)


def test_an_acknowledgement_is_no_error() -> None:
    assert netlink.error_of(ack(0, netlink.NLM_F_CAPPED), 1, 1) is None
