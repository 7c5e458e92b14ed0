import ipaddress
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan.network import dns
from sampan.network.names import local_records

ip = ipaddress.ip_address


def question(name: str, kind: int = dns.A, *, flags: int = dns.RD, edns: int = 0) -> bytes:
    body = dns.encode_name(name) + struct.pack(">HH", kind, dns.IN)
    extra = b"\0" + struct.pack(">HHIH", dns.OPT, edns, 0, 0) if edns else b""
    return dns.HEADER.pack(7, flags, 1, 0, 0, 1 if edns else 0) + body + extra


def rows(reply: bytes) -> tuple[int, int, int]:
    """(code, answers, truncated)"""
    _, flags, _, answers, _, _ = dns.HEADER.unpack_from(reply)
    return flags & 0xF, answers, flags & dns.TC


labels = st.text("abcdefghijklmnopqrstuvwxyz0123456789-_", min_size=1, max_size=20)
domains = st.lists(labels, min_size=1, max_size=5).map(".".join)


@given(domains, st.integers(1, 255))
def test_a_question_is_read_as_it_was_asked(name: str, kind: int) -> None:
    query = dns.parse_query(question(name.upper(), kind))
    assert (query.name, query.kind, query.id, query.udp_size) == (name, kind, 7, 512)


@given(st.binary(max_size=600))
def test_hostile_packets_are_only_ever_malformed(data: bytes) -> None:
    try:
        dns.parse_query(data)
    except dns.Malformed:
        pass


@given(domains, st.data())
def test_damaged_questions_are_only_ever_malformed(name: str, data: st.DataObject) -> None:
    packet = bytearray(question(name, edns=1232))
    for _ in range(data.draw(st.integers(1, 4))):
        packet[data.draw(st.integers(0, len(packet) - 1))] = data.draw(st.integers(0, 255))
    try:
        dns.parse_query(bytes(packet))
    except dns.Malformed:
        pass


@pytest.mark.parametrize(
    ("packet", "why"),
    [
        (b"\0\7", "shorter than a header"),
        (dns.HEADER.pack(7, dns.QR, 1, 0, 0, 0), "answer"),
        (dns.HEADER.pack(7, 0, 2, 0, 0, 0), "2 questions"),
        (dns.HEADER.pack(7, 0, 1, 0, 0, 0) + b"\xc0\x0c\0\1\0\1", "pointer leads forward"),
        (dns.HEADER.pack(7, 0, 1, 0, 0, 0) + b"\x05ab", "too long"),
        (dns.HEADER.pack(7, 0, 1, 0, 0, 0) + b"\x80", "label type"),
        (dns.HEADER.pack(7, 0, 1, 0, 0, 0) + b"\1a\0\0", "question runs past"),
    ],
)
def test_malformed_packets_say_why(packet: bytes, why: str) -> None:
    with pytest.raises(dns.Malformed, match=why):
        dns.parse_query(packet)


def test_edns_tells_how_much_fits() -> None:
    assert dns.parse_query(question("web", edns=1232)).udp_size == 1232
    assert dns.parse_query(question("web", edns=10)).udp_size == 512


def test_an_answer_that_does_not_fit_is_cut_and_says_so() -> None:
    query = dns.parse_query(question("web"))
    records = [dns.address_record(ip(f"10.0.0.{n}"), 600) for n in range(200)]
    short = dns.answer(query, records, limit=512)
    assert len(short) <= 512 and rows(short)[2] and 0 < rows(short)[1] < 200
    whole = dns.answer(query, records)
    assert rows(whole) == (0, 200, 0)


def test_an_answer_repeats_question_and_id() -> None:
    reply = dns.answer(dns.parse_query(question("WeB", edns=4096)), [dns.address_record(ip("10.0.0.1"), 600)])
    assert struct.unpack_from(">H", reply)[0] == 7
    assert b"\3WeB\0" in reply, "the case of the question is kept (0x20 bit)"
    assert rows(reply) == (0, 1, 0)
    assert reply[-11:-9] == b"\0\0" or struct.pack(">H", dns.OPT) in reply[-11:]


@given(st.ip_addresses())
def test_reverse_names_lead_to_their_address(address: dns.ipaddress.IPv4Address) -> None:
    assert dns.reversed_address(address.reverse_pointer) == address


@pytest.mark.parametrize("name", ["", "web", "1.2.in-addr.arpa", "x.2.3.4.in-addr.arpa", "1.ip6.arpa"])
def test_other_names_are_no_addresses(name: str) -> None:
    assert dns.reversed_address(name) is None


class Known:
    """web has both families, db only IPv4."""

    def addresses(self, name: str) -> list[dns.ipaddress.IPv4Address | dns.ipaddress.IPv6Address] | None:
        return {"web": [ip("10.0.0.2"), ip("fd00::2")], "db": [ip("10.0.0.3")]}.get(name)

    def pointer(self, address: object) -> list[str] | None:
        return ["db.backend"] if address == ip("10.0.0.3") else None


@pytest.mark.parametrize(
    ("name", "kind", "count"),
    [
        ("web", dns.A, 1),
        ("web", dns.AAAA, 1),
        ("db", dns.AAAA, 0),  # the name is ours: not an error, and nobody else is asked
        ("web", 15, 0),
        ("3.0.0.10.in-addr.arpa", dns.PTR, 1),
        ("example.org", dns.A, None),
        ("9.9.9.9.in-addr.arpa", dns.PTR, None),
        ("web", 255, 0),
    ],
)
def test_container_names_are_answered_and_others_passed_on(name: str, kind: int, count: int | None) -> None:
    records = local_records(dns.parse_query(question(name, kind)), Known())
    assert (None if records is None else len(records)) == count
