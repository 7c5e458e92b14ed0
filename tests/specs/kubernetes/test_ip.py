"""Addresses and ranges; Python's own module for them is the other opinion."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan.specs.kubernetes import ip

FUTURE = "will be considered invalid in a future Kubernetes release"


@given(st.ip_addresses())
def test_addresses_are_printed_in_canonical_form(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    if address.version == 6 and address.ipv4_mapped:
        return
    for text in (str(address), address.exploded):
        assert ip.parse(text) == address.packed
    assert ip.show(address.packed) == str(address)
    assert ip.errors(str(address), "p") == []


@given(st.text(alphabet="0123456789abcdef:./g", max_size=40))
def test_what_is_no_address_is_none(text: str) -> None:
    try:
        expected = ipaddress.ip_address(text)
    except ValueError:
        assert ip.errors(text, "p") != []
    else:
        mapped = expected.ipv4_mapped if expected.version == 6 else None
        assert ip.parse(text) == (mapped or expected).packed


@pytest.mark.parametrize(
    "text, address",
    [
        ("010.0.0.1", "10.0.0.1"),
        ("::ffff:1.2.3.4", "1.2.3.4"),
        ("::1.2.3.4", "::102:304"),
        ("1::", "1::"),
        ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"),
        ("fe80::1%eth0", None),
        ("1.2.3", None),
        ("1.2.3.4.5", None),
        ("1.2.3.256", None),
        ("1:2:3:4:5:6:7:8::", None),
        (":1", None),
        ("1::2::3", None),
        ("1.2.3.4::", None),
        ("", None),
        ("1" * 5000, None),
    ],
)
def test_sloppy_addresses(text: str, address: str | None) -> None:
    found = ip.parse(text)
    assert (None if found is None else ip.show(found)) == address
    assert (ip.sloppy_errors(text, "p") == []) == (address is not None)


@pytest.mark.parametrize(
    "text, detail",
    [
        ("10.0.0.01", "must not have leading 0s"),
        ("::ffff:1.2.3.4", "must not be an IPv4-mapped IPv6 address"),
        ("2001:DB8::1", 'must be in canonical form ("2001:db8::1")'),
        ("x", ip.BAD_ADDRESS),
    ],
)
def test_strict_addresses(text: str, detail: str) -> None:
    assert [str(error) for error in ip.errors(text, "p")] == [f'p: Invalid value: "{text}": {detail}']


@pytest.mark.parametrize(
    "text, detail",
    [
        ("10.0.0.0/8", ""),
        ("2001:db8::/64", ""),
        ("10.0.0.0", ip.BAD_RANGE),
        ("10.0.0.0/33", ip.BAD_RANGE),
        ("10.0.0.0/-1", ip.BAD_RANGE),
        ("10.0.0.0/08", "must not have leading 0s in IP or prefix length"),
        ("::ffff:1.2.3.0/120", "must not have an IPv4-mapped IPv6 address"),
        ("10.0.0.1/8", "must not have bits set beyond the prefix length"),
        ("2001:DB8::/64", 'must be in canonical form ("2001:db8::/64")'),
    ],
)
def test_strict_ranges(text: str, detail: str) -> None:
    expected = [f'p: Invalid value: "{text}": {detail}'] if detail else []
    assert [str(error) for error in ip.range_errors(text, "p")] == expected


@pytest.mark.parametrize(
    "text, detail",
    [
        ("10.0.0.1", ""),
        ("0.0.0.0", "may not be unspecified (0.0.0.0)"),
        ("::1", "may not be in the loopback range (127.0.0.0/8, ::1/128)"),
        ("127.1.2.3", "may not be in the loopback range (127.0.0.0/8, ::1/128)"),
        ("169.254.1.1", "may not be in the link-local range (169.254.0.0/16, fe80::/10)"),
        ("fe80::1", "may not be in the link-local range (169.254.0.0/16, fe80::/10)"),
        ("febf::1", "may not be in the link-local range (169.254.0.0/16, fe80::/10)"),
        ("fec0::1", ""),
        ("224.0.0.1", "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)"),
        ("ff12::1", "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)"),
    ],
)
def test_special_addresses(text: str, detail: str) -> None:
    expected = [f'p: Invalid value: "{text}": {detail}'] if detail else []
    assert [str(error) for error in ip.special_errors(text, "p")] == expected


def test_warnings_of_old_fields() -> None:
    assert ip.warnings("10.0.0.1", "p") == []
    assert ip.warnings("010.0.0.1", "p") == [
        f'p: non-standard IP address "010.0.0.1" {FUTURE}: use "10.0.0.1"'
    ]
    assert ip.warnings("2001:DB8::1", "p") == [
        'p: IPv6 address "2001:DB8::1" should be in RFC 5952 canonical format ("2001:db8::1")'
    ]
    assert ip.range_warnings("10.1.2.3/8", "p") == [
        'p: CIDR value "10.1.2.3/8" is ambiguous in this context (should be "10.0.0.0/8" or "10.1.2.3/32"?)'
    ]
    assert ip.range_warnings("010.0.0.0/8", "p") == [
        f'p: non-standard CIDR value "010.0.0.0/8" {FUTURE}: use "10.0.0.0/8"'
    ]
