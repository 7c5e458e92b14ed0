"""The DNS wire format, as much of it as a small resolver needs. RFC 1035, RFC 6891 (EDNS).

Questions, A, AAAA and PTR answers, and error codes; importing dnslib for that would cost 20 ms more.
"""

import ipaddress
import struct
from collections.abc import Sequence
from dataclasses import dataclass

HEADER = struct.Struct(">HHHHHH")
A = 1
PTR = 12
AAAA = 28
OPT = 41
IN = 1

NOERROR = 0
FORMERR = 1
SERVFAIL = 2
NXDOMAIN = 3
NOTIMP = 4
REFUSED = 5

QR = 0x8000
AA = 0x0400
TC = 0x0200
RD = 0x0100
RA = 0x0080

CLASSIC_SIZE = 512
MAX_UDP = 65535
MAX_NAME = 255


class Malformed(Exception):
    """Not a DNS query that could be understood; `id` is set when at least that could be."""

    def __init__(self, text: str, id: int | None = None, flags: int = 0) -> None:
        super().__init__(text)
        self.id = id
        self.flags = flags


@dataclass(frozen=True, slots=True)
class Query:
    """The first question of a message. `name` is in lower case without the final dot; `raw` as it came."""

    id: int
    flags: int
    name: str
    kind: int
    klass: int
    raw: bytes  # the question section: name, type, class
    udp_size: int  # what the client can take in one datagram
    edns: bool


def read_name(data: bytes, offset: int) -> tuple[list[bytes], int]:
    """Labels and the offset after the name. Raises Malformed; compression pointers only lead backwards."""
    labels: list[bytes] = []
    size, after, lowest = 0, -1, offset
    while True:
        if offset >= len(data):
            raise Malformed("name runs past the end")
        length = data[offset]
        if length & 0xC0 == 0xC0:
            if offset + 1 >= len(data):
                raise Malformed("pointer runs past the end")
            target = (length & 0x3F) << 8 | data[offset + 1]
            if target >= lowest:
                raise Malformed("pointer leads forward")
            after = offset + 2 if after < 0 else after
            offset = lowest = target
            continue
        if length & 0xC0:
            raise Malformed("unknown label type")
        offset += 1
        if length == 0:
            return labels, after if after >= 0 else offset
        size += length + 1
        if size > MAX_NAME or offset + length > len(data):
            raise Malformed("name is too long")
        labels.append(data[offset : offset + length])
        offset += length


def parse_query(data: bytes) -> Query:
    """Raises Malformed."""
    if len(data) < HEADER.size:
        raise Malformed("shorter than a header")
    id, flags, questions, answers, authority, additional = HEADER.unpack_from(data)
    if flags & QR:
        raise Malformed("an answer, not a query")
    try:
        if questions != 1 or answers:
            raise Malformed(f"{questions} questions, {answers} answers")
        labels, end = read_name(data, HEADER.size)
        if end + 4 > len(data):
            raise Malformed("question runs past the end")
        kind, klass = struct.unpack_from(">HH", data, end)
        size, edns = _edns(data, end + 4, authority + additional)
    except Malformed as error:
        raise Malformed(str(error), id, flags) from None
    name = b".".join(labels).decode("ascii", "replace").lower()
    raw = data[HEADER.size : end + 4]
    return Query(id, flags, name, kind, klass, raw, size, edns)


def _edns(data: bytes, offset: int, records: int) -> tuple[int, bool]:
    """The datagram size that an OPT record announces, else 512."""
    for _ in range(min(records, 16)):
        _, offset = read_name(data, offset)
        if offset + 10 > len(data):
            raise Malformed("record runs past the end")
        kind, klass, _, length = struct.unpack_from(">HHIH", data, offset)
        if kind == OPT:
            return max(CLASSIC_SIZE, klass), True
        offset += 10 + length
    return CLASSIC_SIZE, False


def encode_name(name: str) -> bytes:
    """Raises ValueError for a label that is empty or longer than 63 bytes."""
    out = b""
    for label in name.rstrip(".").split("."):
        raw = label.encode("ascii", "replace")
        if not 0 < len(raw) < 64:
            raise ValueError(f"not a domain name: {name!r}")
        out += bytes([len(raw)]) + raw
    return out + b"\0"


def address_record(address: ipaddress.IPv4Address | ipaddress.IPv6Address, ttl: int) -> bytes:
    """An A or AAAA answer to the question's name, which is always at offset 12."""
    kind = A if address.version == 4 else AAAA
    return struct.pack(">HHHIH", 0xC00C, kind, IN, ttl, len(address.packed)) + address.packed


def pointer_record(name: str, ttl: int) -> bytes:
    data = encode_name(name)
    return struct.pack(">HHHIH", 0xC00C, PTR, IN, ttl, len(data)) + data


def answer(
    query: Query, records: Sequence[bytes] = (), code: int = NOERROR, *, limit: int = MAX_UDP
) -> bytes:
    """A reply with as many records as fit `limit`; TC says that some are missing."""
    extra = b""
    if query.edns:
        extra = b"\0" + struct.pack(">HHIH", OPT, 4096, 0, 0)
    body = query.raw
    kept = 0
    truncated = 0
    for record in records:
        if HEADER.size + len(body) + len(record) + len(extra) > limit:
            truncated = TC
            break
        body += record
        kept += 1
    flags = QR | RA | (query.flags & RD) | truncated | code
    return HEADER.pack(query.id, flags, 1, kept, 0, 1 if extra else 0) + body + extra


def error_reply(id: int, flags: int, code: int) -> bytes:
    """For a query whose question could not be read."""
    return HEADER.pack(id, QR | RA | (flags & RD) | code, 0, 0, 0, 0)


def reversed_address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address that a PTR question's name stands for."""
    if name.endswith(".in-addr.arpa"):
        parts = name.removesuffix(".in-addr.arpa").split(".")
        text = ".".join(reversed(parts))
    elif name.endswith(".ip6.arpa"):
        digits = name.removesuffix(".ip6.arpa").split(".")
        if len(digits) != 32 or any(len(digit) != 1 for digit in digits):
            return None
        joined = "".join(reversed(digits))
        text = ":".join(joined[i : i + 4] for i in range(0, 32, 4))
    else:
        return None
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None
