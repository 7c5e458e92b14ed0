"""Docker's times."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan.engine import times


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (0, "1970-01-01T00:00:00Z"),
        (1_795_526_085_224_509_494, "2026-11-24T13:14:45.224509494Z"),
        (1_500_000_000, "1970-01-01T00:00:01.5Z"),
        (1_000_000_001, "1970-01-01T00:00:01.000000001Z"),
    ],
)
def test_form(nanoseconds: int, text: str) -> None:
    assert times.rfc3339(nanoseconds) == text


@given(st.integers(0, 4_000_000_000_000_000_000))
def test_round_trip(nanoseconds: int) -> None:
    assert times.nanoseconds(times.rfc3339(nanoseconds)) == nanoseconds


def test_offsets_are_understood() -> None:
    assert times.nanoseconds("1970-01-01T01:00:00+01:00") == 0
    assert times.nanoseconds(times.ZERO) < 0


@pytest.mark.parametrize("text", ["", "now", "2026-11-24", "2026-11-24T13:14:45", "2026-11-24 13:14:45Z"])
def test_other_text_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        times.nanoseconds(text)
