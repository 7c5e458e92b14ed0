"""IP addresses and ranges as Kubernetes takes and prints them: Go's net and net/netip. Pure.

An address is 4 or 16 bytes. Old fields are sloppy: they allow leading zeros ("010.0.0.1") and IPv4 addresses
written as IPv6 ones, which mean the same as in IPv4. New fields allow one way only to write an address.
"""

from sampan.specs.kubernetes.fielderror import FieldError, invalid

_MAPPED = bytes(10) + b"\xff\xff"
_HEX = set("0123456789abcdefABCDEF")

BAD_ADDRESS = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
BAD_RANGE = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"


def parse(text: str) -> bytes | None:
    """Sloppily; an IPv4 address in the form of IPv6 is IPv4. None: it is no address."""
    if ":" not in text:
        return _four(text)
    found = _sixteen(text)
    return found[12:] if found is not None and found[:12] == _MAPPED else found


def _number(text: str) -> int | None:
    if not (text.isascii() and text.isdigit()) or len(text) > 1000:
        return None
    return int(text)


def _four(text: str) -> bytes | None:
    parts = [_number(part) for part in text.split(".", 4)]
    if len(parts) != 4:
        return None
    numbers = [part for part in parts if part is not None and part < 256]
    return bytes(numbers) if len(numbers) == 4 else None


def _sixteen(text: str) -> bytes | None:
    """Sixteen bytes of "2001:db8::1" or "::ffff:1.2.3.4"."""
    if len(text) > 64:
        return None
    head, gap, tail = text.partition("::")
    if not gap:
        found = _groups(head)
        return found if found is not None and len(found) == 16 else None
    left = _groups(head, last=False) if head else b""
    right = _groups(tail) if tail else b""
    if left is None or right is None or len(left) + len(right) > 14:
        return None
    return left + bytes(16 - len(left) - len(right)) + right


def _groups(text: str, last: bool = True) -> bytes | None:
    """Groups of hexadecimal digits; the `last` may be an IPv4 address."""
    found = bytearray()
    groups = text.split(":")
    for at, group in enumerate(groups):
        if "." in group:
            four = _four(group)
            if four is None or not last or at != len(groups) - 1:
                return None
            found += four
        elif 1 <= len(group) <= 4 and _HEX.issuperset(group):
            found += int(group, 16).to_bytes(2, "big")
        else:
            return None
    return bytes(found)


def show(address: bytes) -> str:
    """In canonical form, RFC 5952."""
    if len(address) == 4:
        return ".".join(str(byte) for byte in address)
    groups = [int.from_bytes(address[at : at + 2], "big") for at in range(0, 16, 2)]
    start, length = _longest_zeros(groups)
    texts = [f"{group:x}" for group in groups]
    if length < 2:
        return ":".join(texts)
    return ":".join(texts[:start]) + "::" + ":".join(texts[start + length :])


def _longest_zeros(groups: list[int]) -> tuple[int, int]:
    best, at = (0, 0), 0
    while at < 8:
        end = at
        while end < 8 and groups[end] == 0:
            end += 1
        if end - at > best[1]:
            best = (at, end - at)
        at = max(end, at + 1)
    return best


def parse_range(text: str) -> tuple[bytes, int] | None:
    """The address before the slash and the length behind it, sloppily. None: it is no range."""
    head, slash, tail = text.partition("/")
    length = _number(tail)
    if not slash or length is None:
        return None
    found = _four(head) if ":" not in head else _sixteen(head)
    if found is None or length > 8 * len(found):
        return None
    if found[:12] == _MAPPED and len(found) == 16 and length >= 96:
        return found[12:], length - 96
    return found, length


def masked(address: bytes, length: int) -> bytes:
    """The first address of the range."""
    bits = 8 * len(address)
    number = int.from_bytes(address, "big") >> (bits - length) << (bits - length)
    return number.to_bytes(len(address), "big")


def show_range(address: bytes, length: int) -> str:
    """In canonical form, without what is set behind the length."""
    return f"{show(masked(address, length))}/{length}"


def contains(address: bytes, length: int, other: bytes) -> bool:
    """Is `other` in the range?"""
    return len(address) == len(other) and masked(address, length) == masked(other, length)


def family(address: bytes) -> str:
    """ "IPv4" or "IPv6", as IPFamily has them."""
    return "IPv4" if len(address) == 4 else "IPv6"


def is_six(text: str) -> bool:
    """Is this an IPv6 address? What is no address at all is not."""
    found = parse(text)
    return found is not None and len(found) == 16


def sloppy_errors(text: str, path: str) -> list[FieldError]:
    """Of an old field; IsValidIPForLegacyField."""
    return [] if parse(text) is not None else [invalid(path, text, BAD_ADDRESS)]


def sloppy_range_errors(text: str, path: str) -> list[FieldError]:
    """Of an old field; IsValidCIDRForLegacyField."""
    return [] if parse_range(text) is not None else [invalid(path, text, BAD_RANGE)]


def _has_leading_zeros(text: str) -> bool:
    """Does an IPv4 address, or the end of an IPv6 one, have a number with a zero before it?"""
    parts = text.rpartition(":")[2].split(".")
    return len(parts) > 1 and any(len(part) > 1 and part[0] == "0" for part in parts)


def errors(text: str, path: str) -> list[FieldError]:
    """Of a new field, which takes canonical addresses only; IsValidIP."""
    found = parse(text)
    if found is None:
        return [invalid(path, text, BAD_ADDRESS)]
    if _has_leading_zeros(text):
        return [invalid(path, text, "must not have leading 0s")]
    if ":" in text and len(found) == 4:
        return [invalid(path, text, "must not be an IPv4-mapped IPv6 address")]
    if text != (canonical := show(found)):
        return [invalid(path, text, f'must be in canonical form ("{canonical}")')]
    return []


def range_errors(text: str, path: str) -> list[FieldError]:
    """Of a new field, which takes canonical ranges only; IsValidCIDR."""
    parsed = parse_range(text)
    if parsed is None:
        return [invalid(path, text, BAD_RANGE)]
    address, length = parsed
    head, _, tail = text.partition("/")
    if _has_leading_zeros(head) or (len(tail) > 1 and tail[0] == "0"):
        return [invalid(path, text, "must not have leading 0s in IP or prefix length")]
    if ":" in head and len(address) == 4:
        return [invalid(path, text, "must not have an IPv4-mapped IPv6 address")]
    if masked(address, length) != address:
        return [invalid(path, text, "must not have bits set beyond the prefix length")]
    if text != (canonical := show_range(address, length)):
        return [invalid(path, text, f'must be in canonical form ("{canonical}")')]
    return []


def special_errors(text: str, path: str) -> list[FieldError]:
    """What endpoints and external addresses may not be; ValidateNonSpecialIP."""
    found = parse(text)
    if found is None:
        return [invalid(path, text, "must be a valid IP address")]
    number, four = int.from_bytes(found, "big"), len(found) == 4
    details = []
    if number == 0:
        details.append(f"may not be unspecified ({text})")
    if found[0] == 127 if four else number == 1:
        details.append("may not be in the loopback range (127.0.0.0/8, ::1/128)")
    if found[:2] == b"\xa9\xfe" if four else number >> 118 == 0xFE80 >> 6:
        details.append("may not be in the link-local range (169.254.0.0/16, fe80::/10)")
    if found[:3] == b"\xe0\0\0" if four else (found[0] == 0xFF and found[1] & 15 == 2):
        details.append("may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)")
    return [invalid(path, text, detail) for detail in details]


def warnings(text: str, path: str) -> list[str]:
    """Of an address in an old field that has been found valid; GetWarningsForIP."""
    found = parse(text)
    if found is None:
        return []
    canonical = show(found)
    if _has_leading_zeros(text) or (":" in text and len(found) == 4):
        return [_future(path, "IP address", text, canonical)]
    if ":" in text and text != canonical:
        return [f'{path}: IPv6 address "{text}" should be in RFC 5952 canonical format ("{canonical}")']
    return []


def range_warnings(text: str, path: str) -> list[str]:
    """Of a range in an old field that has been found valid; GetWarningsForCIDR."""
    parsed = parse_range(text)
    if parsed is None:
        return []
    address, length = parsed
    canonical = show_range(address, length)
    found = []
    if masked(address, length) != address:
        single = f"{show(address)}/{8 * len(address)}"
        found.append(
            f'{path}: CIDR value "{text}" is ambiguous in this context '
            f'(should be "{canonical}" or "{single}"?)'
        )
    head, _, tail = text.partition("/")
    zeros = _has_leading_zeros(head) or (len(tail) > 1 and tail[0] == "0")
    if zeros or (":" in head and len(address) == 4):
        found.append(_future(path, "CIDR value", text, canonical))
    if not found and ":" in head and text != canonical:
        found.append(
            f'{path}: IPv6 CIDR value "{text}" should be in RFC 5952 canonical format ("{canonical}")'
        )
    return found


def _future(path: str, what: str, text: str, canonical: str) -> str:
    return (
        f'{path}: non-standard {what} "{text}" will be considered invalid in a future Kubernetes release: '
        f'use "{canonical}"'
    )
