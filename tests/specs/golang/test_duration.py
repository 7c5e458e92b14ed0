"""time.ParseDuration and Duration.String. The refusals are those of `docker run --health-interval`, 26.1."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan.errors import Invalid
from sampan.specs.golang.duration import format_duration, parse_duration

HOUR = 3600 * 10**9


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (0, "0s"),
        (1, "1ns"),
        (1_500, "1.5µs"),
        (2_000, "2µs"),
        (1_234_567, "1.234567ms"),
        (300_000_000, "300ms"),
        (999_999_999, "999.999999ms"),
        (1_500_000_000, "1.5s"),
        (60_000_000_000, "1m0s"),
        (90_000_000_000, "1m30s"),
        (HOUR, "1h0m0s"),
        (26 * HOUR + 1, "26h0m0.000000001s"),
        (-1_000_000_000, "-1s"),
        (2**63 - 1, "2562047h47m16.854775807s"),
    ],
)
def test_a_duration_is_written_with_all_of_its_digits(nanoseconds: int, text: str) -> None:
    assert format_duration(nanoseconds) == text


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("0", 0),
        ("+0", 0),
        ("5s", 5 * 10**9),
        ("+1h", HOUR),
        ("-1.5h", -HOUR * 3 // 2),
        (".5s", 5 * 10**8),
        ("1.s", 10**9),
        ("1us2µs3μs", 6000),
        ("5μs", 5000),
        ("1h15m30.918273645s", 4_530_918_273_645),
        ("0.000000000000000000001ns", 0),
        ("1.9999999999999999999999s", 2 * 10**9),
        ("00000000000000000000000000000001s", 10**9),
        ("2562047h47m16.854775807s", 2**63 - 1),
        ("-9223372036854775808ns", -(2**63)),
    ],
)
def test_a_duration_is_read(text: str, nanoseconds: int) -> None:
    assert parse_duration(text) == nanoseconds


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", 'invalid duration ""'),
        ("-", 'invalid duration "-"'),
        ("x", 'invalid duration "x"'),
        (".s", 'invalid duration ".s"'),
        (" 1s", 'invalid duration " 1s"'),
        ('a"é', r'invalid duration "a\"\xc3\xa9"'),
        ("3", 'missing unit in duration "3"'),
        ("1s3", 'missing unit in duration "1s3"'),
        ("1.2.3s", 'missing unit in duration "1.2.3s"'),
        ("3d", 'unknown unit "d" in duration "3d"'),
        ("1 s", 'unknown unit " s" in duration "1 s"'),
        ("1_0s", 'unknown unit "_" in duration "1_0s"'),
        ("1\n", r'unknown unit "\x0a" in duration "1\x0a"'),
        ("\ud800", 'invalid duration "\\x3f"'),
        ("\udcff", r'invalid duration "\xff"'),
        ("٣s", r'invalid duration "\xd9\xa3s"'),
        ("9223372036854775808ns", 'invalid duration "9223372036854775808ns"'),
        ("1h3000000h", 'invalid duration "1h3000000h"'),
        ("9" * 5000 + "h", f'invalid duration "{"9" * 5000}h"'),
    ],
)
def test_what_is_no_duration_is_refused_in_gos_words(text: str, message: str) -> None:
    with pytest.raises(Invalid) as caught:
        parse_duration(text)
    assert caught.value.message == f"time: {message}"


@given(st.integers(-(2**63), 2**63 - 1))
def test_a_duration_written_is_read_again(nanoseconds: int) -> None:
    assert parse_duration(format_duration(nanoseconds)) == nanoseconds


@given(st.text(max_size=8) | st.from_regex(r"[-+]?([0-9.]{0,4}(ns|µs|μs|ms|s|m|h|d|)){0,4}"))
def test_any_text_is_a_duration_or_refused(text: str) -> None:
    try:
        assert isinstance(parse_duration(text), int)
    except Invalid as error:
        assert error.message.startswith("time: ")
