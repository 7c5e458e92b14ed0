"""Schedules: robfig/cron's grammar and words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan.specs.kubernetes.cron import CronError, parse, zone_of


@pytest.mark.parametrize(
    ("text", "field", "values"),
    [
        ("*/15 * * * *", "minute", {0, 15, 30, 45}),
        ("5/20 * * * *", "minute", {5, 25, 45}),
        ("1,2,10-12 * * * *", "minute", {1, 2, 10, 11, 12}),
        ("0 0 1 jan-MAR *", "month", {1, 2, 3}),
        ("0 0 * * fri,0", "weekday", {5, 0}),
        ("TZ=UTC 0 7 * * *", "hour", {7}),
        ("@weekly", "weekday", {0}),
    ],
)
def test_reads_fields(text: str, field: str, values: set[int]) -> None:
    assert parse(text).fields[field] == values


def test_remembers_what_was_a_star() -> None:
    assert parse("* 1 */1 */2 ?").stars == {"minute", "day", "weekday"}


@pytest.mark.parametrize(
    ("text", "seconds"), [("@every 1h30m", 5400), ("@every 1ms", 1), ("@every 2500ms", 2)]
)
def test_reads_intervals(text: str, seconds: int) -> None:
    assert parse(text).every == seconds


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "empty spec string"),
        ("bad", "expected exactly 5 fields, found 1: [bad]"),
        ("60 * * * *", "end of range (60) above maximum (59): 60"),
        ("* * 0 * *", "beginning of range (0) below minimum (1): 0"),
        ("5-3 * * * *", "beginning of range (5) beyond end of range (3): 5-3"),
        ("1-2-3 * * * *", "too many hyphens: 1-2-3"),
        ("1/2/3 * * * *", "too many slashes: 1/2/3"),
        ("*/0 * * * *", "step of range should be a positive number: */0"),
        ("x * * * *", 'failed to parse int from x: strconv.Atoi: parsing "x": invalid syntax'),
        ("@never", "unrecognized descriptor: @never"),
        ("@every x", 'failed to parse duration @every x: time: invalid duration "x"'),
    ],
)
def test_says_what_is_wrong(text: str, why: str) -> None:
    with pytest.raises(CronError) as caught:
        parse(text)
    assert str(caught.value) == why


def test_knows_the_zone_at_the_front() -> None:
    assert [zone_of(text) for text in ("CRON_TZ=Asia/Tokyo * * * * *", "* * * * *")] == ["Asia/Tokyo", ""]


@given(st.text(alphabet="*?/-,0159 jansuTZ=@evryh", max_size=30))
def test_any_text_is_a_schedule_or_an_error(text: str) -> None:
    try:
        found = parse(text)
    except CronError:
        return
    assert found.every or all(found.fields.values()) or "," in text
