"""Times as Go reads and writes them."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan.errors import Invalid
from sampan.specs.kubernetes import time


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("2026-01-02T03:04:05Z", "2026-01-02T03:04:05Z"),
        ("2026-01-02T03:04:05.999999999Z", "2026-01-02T03:04:05Z"),
        ("2026-01-02T03:04:05,5Z", "2026-01-02T03:04:05Z"),
        ("2026-01-02T3:04:05Z", "2026-01-02T03:04:05Z"),
        ("2026-01-02T03:04:05+01:30", "2026-01-02T01:34:05Z"),
        ("2026-01-01T00:00:00-00:01", "2026-01-01T00:01:00Z"),
        ("2024-02-29T00:00:00+24:00", "2024-02-28T00:00:00Z"),
        ("0000-01-01T00:00:00Z", "0000-01-01T00:00:00Z"),
        ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59Z"),
    ],
)
def test_times_are_written_in_utc_and_whole_seconds(text: str, written: str) -> None:
    assert time.canonical(text) == written


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("bad", 'as "2006-01-02T15:04:05Z07:00": cannot parse "bad" as "2006"'),
        ("", 'as "2006-01-02T15:04:05Z07:00": cannot parse "" as "2006"'),
        ("2026-01-01", 'as "2006-01-02T15:04:05Z07:00": cannot parse "" as "T"'),
        ("2026/01/01", 'as "2006-01-02T15:04:05Z07:00": cannot parse "/01/01" as "-"'),
        ("2026-1-01T00:00:00Z", 'as "2006-01-02T15:04:05Z07:00": cannot parse "1-01T00:00:00Z" as "01"'),
        ("2026-01-01 00:00:00Z", 'as "2006-01-02T15:04:05Z07:00": cannot parse " 00:00:00Z" as "T"'),
        ("2026-01-01T00:00:00", 'as "2006-01-02T15:04:05Z07:00": cannot parse "" as "Z07:00"'),
        ("2026-01-01T00:00:00+0100", 'as "2006-01-02T15:04:05Z07:00": cannot parse "+0100" as "Z07:00"'),
        ("2026-01-01T00:00:00.Z", 'as "2006-01-02T15:04:05Z07:00": cannot parse ".Z" as "Z07:00"'),
        ("2026-13-01T00:00:00Z", ": month out of range"),
        ("2026-02-29T00:00:00Z", ": day out of range"),
        ("2026-01-00T00:00:00Z", ": day out of range"),
        ("2026-01-01T24:00:00Z", ": hour out of range"),
        ("2026-01-01T00:60:00Z", ": minute out of range"),
        ("2026-01-01T00:00:60Z", ": second out of range"),
        ("2026-01-01T00:00:00+25:00", ": time zone offset hour out of range"),
        ("2026-01-01T00:00:00Zx", ': extra text: "x"'),
    ],
)
def test_what_go_says_of_others(text: str, message: str) -> None:
    with pytest.raises(Invalid) as told:
        time.canonical(text)
    separator = "" if message.startswith(":") else " "
    assert told.value.message == f'parsing time "{text}"{separator}{message}'


@pytest.mark.parametrize(
    ("text", "rest", "piece"),
    [
        ("2026-01-01T00:00:00Z", "Z", ".000000"),
        ("2026-01-01T00:00:00.5Z", ".5Z", ".000000"),
        ("2026-01-01T00:00:00.123456789Z", "789Z", "Z07:00"),
    ],
)
def test_micro_times_have_six_digits(text: str, rest: str, piece: str) -> None:
    assert time.canonical_micro("2026-01-01T01:00:00.000123+01:00") == "2026-01-01T00:00:00.000123Z"
    with pytest.raises(Invalid) as told:
        time.canonical_micro(text)
    layout = "2006-01-02T15:04:05.000000Z07:00"
    assert told.value.message == f'parsing time "{text}" as "{layout}": cannot parse "{rest}" as "{piece}"'


@given(st.datetimes(), st.integers(-23, 23))
def test_any_time_is_the_same_moment(moment: datetime, hours: int) -> None:
    here = moment.replace(microsecond=0)
    sign = "-" if hours < 0 else "+"
    seconds, _ = time.parse(f"{here.isoformat()}{sign}{abs(hours):02d}:00")
    assert (
        seconds
        == (here.replace(tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(seconds=1)
        - hours * 3600
    )


@given(st.text() | st.text(alphabet="0123456789-:TZ+., "))
def test_any_text_is_a_time_or_refused(text: str) -> None:
    for read in (time.canonical, time.canonical_micro):
        try:
            read(text)
        except Invalid:
            pass
