"""Points in time as Go writes and reads them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan.errors import Invalid
from sampan.specs.golang import time as times

SECOND = 1_000_000_000


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (0, "1970-01-01T00:00:00Z"),
        (1_795_526_085_224_509_494, "2026-11-24T13:14:45.224509494Z"),
        (1_500_000_000, "1970-01-01T00:00:01.5Z"),
        (1_000_000_001, "1970-01-01T00:00:01.000000001Z"),
        (-1, "1969-12-31T23:59:59.999999999Z"),
        (-62_135_596_800 * SECOND, times.ZERO),
    ],
)
def test_a_moment_is_written(nanoseconds: int, text: str) -> None:
    assert times.rfc3339(nanoseconds) == text


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("1970-01-01T01:00:00+01:00", 0),
        ("1969-12-31T19:30:00-04:30", 0),
        ("2024-02-29T00:00:00.5Z", 1_709_164_800_500_000_000),
        ("2026-11-24T13:14:45.1234567899Z", 1_795_526_085_123_456_789),
        (times.ZERO, -62_135_596_800 * SECOND),
    ],
)
def test_a_moment_is_read(text: str, nanoseconds: int) -> None:
    assert times.parse(text) == nanoseconds


@pytest.mark.parametrize(
    "text",
    [
        "", "now", "2026-11-24", "2026-11-24T13:14:45", "2026-11-24 13:14:45Z", "2026-11-24T13:14:45z",
        "2026-13-01T00:00:00Z", "2026-02-29T00:00:00Z", "2026-00-01T00:00:00Z", "2026-01-00T00:00:00Z",
        "2026-01-01T24:00:00Z", "2026-01-01T00:60:00Z", "2026-01-01T00:00:60Z", "2026-01-01T00:00:00.Z",
        "2026-01-01T00:00:00+1:00", "2026-01-01T00:00:00+01", "2026-01-01T00:00:00+25:00",
        "٢٠٢٦-01-01T00:00:00Z", "+026-01-01T00:00:00Z", "2026-01-01T00:00:00Zx",
    ],
)  # fmt: skip
def test_other_text_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="parsing time"):
        times.parse(text)


@given(st.integers(times.parse(times.ZERO), times.parse("9999-12-31T23:59:59Z")))
def test_a_moment_written_is_read_again(nanoseconds: int) -> None:
    assert times.parse(times.rfc3339(nanoseconds)) == nanoseconds


@given(st.text(max_size=30) | st.text("0123456789-T:.Z+", max_size=30))
def test_any_text_is_a_moment_or_refused(text: str) -> None:
    try:
        times.parse(text)
    except Invalid as error:
        assert error.message.startswith("parsing time")


def test_local_forms(far_east: None) -> None:
    assert times.rfc3339_local(0) == "1970-01-01T05:30:00+05:30"
    assert times.rfc3339_local(0, ".000000001") == "1970-01-01T05:30:00.000000001+05:30"
    assert times.string(0) == "1970-01-01 05:30:00 +0530 FAR"
    assert times.string(1_500_000_000) == "1970-01-01 05:30:01.5 +0530 FAR"
