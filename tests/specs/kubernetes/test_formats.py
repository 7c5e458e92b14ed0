"""Formats that a schema may ask of texts."""

import pytest

from sampan.specs.kubernetes import formats


@pytest.mark.parametrize(
    ("format", "good", "bad"),
    [
        ("date-time", "2024-01-01T00:00:00Z", "2024-01-01"),
        ("datetime", "2024-01-01T00:00:00.5+01:00", "2024-13-01T00:00:00Z"),
        ("date", "2024-02-29", "2023-02-29"),
        ("duration", "1h30m", "1x"),
        ("email", "a@example.com", "a@"),
        ("ipv4", "10.0.0.1", "::1"),
        ("ipv6", "2001:db8::1", "10.0.0.1"),
        ("cidr", "10.0.0.0/8", "10.0.0.0/33"),
        ("mac", "00:00:5e:00:53:01", "00:00:5e:00:53"),
        ("uuid", "123e4567-e89b-12d3-a456-426614174000", "123e4567"),
        ("uuid4", "123e4567-e89b-42d3-a456-426614174000", "123e4567-e89b-12d3-a456-426614174000"),
        ("hostname", "example.com", "-a"),
        ("uri", "https://example.com/a", "a b"),
        ("byte", "YWJj", "YWJ"),
        ("creditcard", "4111111111111111", "4111"),
        ("isbn10", "0306406152", "0306406153"),
        ("isbn13", "9780306406157", "9780306406158"),
        ("ssn", "123-45-6789", "12-345-6789"),
        ("hexcolor", "#ff00ff", "ff00f"),
        ("rgbcolor", "rgb(1,2,3)", "rgb(1,2)"),
        ("password", "anything", None),
        ("bsonobjectid", "507f1f77bcf86cd799439011", "507f"),
        ("k8s-short-name", "a-b", "A"),
        ("k8s-long-name", "a.b", "a..b"),
    ],
)
def test_a_good_and_a_bad_text(format: str, good: str, bad: str | None) -> None:
    assert formats.supported(format)
    assert formats.valid(format, good)
    assert bad is None or not formats.valid(format, bad)


def test_unknown_formats_are_told_from_others() -> None:
    assert not formats.supported("nosuch")
