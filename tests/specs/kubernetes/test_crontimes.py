"""The times of schedules, also where clocks are set."""

from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sampan.specs.kubernetes.cron import parse
from sampan.specs.kubernetes.crontimes import following

BERLIN = ZoneInfo("Europe/Berlin")


def check(schedule: str, after: str, zone: tzinfo, *wanted: str) -> None:
    at: float | None = datetime.fromisoformat(after).timestamp()
    for one in wanted:
        assert at is not None
        at = following(parse(schedule), at, zone)
        assert at is not None and datetime.fromtimestamp(at, zone).isoformat() == one


@pytest.mark.parametrize(
    ("schedule", "wanted"),
    [
        (
            "* * * * *",
            ("2026-02-28T23:58:00+00:00", "2026-02-28T23:59:00+00:00", "2026-03-01T00:00:00+00:00"),
        ),
        ("*/20 3 * * *", ("2026-03-01T03:00:00+00:00", "2026-03-01T03:20:00+00:00")),
        ("0 0 29 2 *", ("2028-02-29T00:00:00+00:00", "2032-02-29T00:00:00+00:00")),
        ("0 12 1 * mon", ("2026-03-01T12:00:00+00:00", "2026-03-02T12:00:00+00:00")),  # either fits
        ("0 12 1 * *", ("2026-03-01T12:00:00+00:00", "2026-04-01T12:00:00+00:00")),
        ("0 12 * * 1", ("2026-03-02T12:00:00+00:00", "2026-03-09T12:00:00+00:00")),
        ("@yearly", ("2027-01-01T00:00:00+00:00", "2028-01-01T00:00:00+00:00")),
        ("@every 90s", ("2026-02-28T23:59:05+00:00", "2026-03-01T00:00:35+00:00")),
    ],
)
def test_times_follow_each_other(schedule: str, wanted: tuple[str, ...]) -> None:
    check(schedule, "2026-02-28T23:57:35+00:00", UTC, *wanted)


def test_a_time_that_clocks_leave_out_is_none() -> None:
    check("30 2 * * *", "2026-03-28T03:00:00+01:00", BERLIN, "2026-03-30T02:30:00+02:00")
    check("0 * * * *", "2026-03-29T01:00:00+01:00", BERLIN, "2026-03-29T03:00:00+02:00")


def test_a_time_that_clocks_show_twice_comes_twice() -> None:
    check(
        "30 2 * * *",
        "2026-10-24T12:00:00+02:00",
        BERLIN,
        "2026-10-25T02:30:00+02:00",
        "2026-10-25T02:30:00+01:00",
        "2026-10-26T02:30:00+01:00",
    )
    check(
        "0,30 2 * * *",
        "2026-10-25T02:00:00+02:00",
        BERLIN,
        "2026-10-25T02:30:00+02:00",
        "2026-10-25T02:00:00+01:00",
    )


@pytest.mark.parametrize("schedule", ["0 0 31 2 *", "0 0 31 4,6 *"])
def test_a_schedule_may_have_no_times(schedule: str) -> None:
    assert following(parse(schedule), 1_800_000_000, UTC) is None


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(["*", "7", "*/13", "0,59"]),
    st.sampled_from(["*", "2", "1-3", "*/6"]),
    st.sampled_from(["*", "25,29", "*/9"]),
    st.sampled_from(["*", "0", "1-5"]),
    st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 1)),
    st.sampled_from(["UTC", "Europe/Berlin", "America/St_Johns", "Asia/Kathmandu", "Australia/Lord_Howe"]),
)
def test_no_minute_that_fits_is_left_out(
    minute: str, hour: str, day: str, weekday: str, start: datetime, name: str
) -> None:
    zone, schedule = ZoneInfo(name), parse(f"{minute} {hour} {day} * {weekday}")
    after = start.replace(tzinfo=UTC).timestamp()
    found = following(schedule, after, zone)
    assert found is not None
    at = datetime.fromtimestamp(int(after // 60 + 1) * 60, UTC)
    end = min(datetime.fromtimestamp(found, UTC), at + timedelta(days=3))
    while at < end:
        assert not _fits(schedule.fields, schedule.stars, at.astimezone(zone)), at
        at += timedelta(minutes=1)
    assert _fits(schedule.fields, schedule.stars, datetime.fromtimestamp(found, zone))


def _fits(fields: dict[str, frozenset[int]], stars: frozenset[str], at: datetime) -> bool:
    of_month, of_week = at.day in fields["day"], at.isoweekday() % 7 in fields["weekday"]
    day = (of_month and of_week) if stars & {"day", "weekday"} else (of_month or of_week)
    return at.minute in fields["minute"] and at.hour in fields["hour"] and at.month in fields["month"] and day
