"""go-units: sizes and spans of time. What is taken and refused was asked of `docker run --memory`, 26.1."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan.errors import Invalid
from sampan.specs.golang.units import bytes_size, from_human_size, human_duration, human_size, ram_in_bytes


@pytest.mark.parametrize(
    ("text", "binary", "decimal"),
    [
        ("0", 0, 0),
        ("64", 64, 64),
        ("7b", 7, 7),
        ("5 B", 5, 5),
        ("1k", 1024, 1000),
        ("1.5KB", 1536, 1500),
        (".5m", 1 << 19, 500_000),
        ("5.m", 5 << 20, 5_000_000),
        ("2 GiB", 2 << 30, 2 * 10**9),
        ("1t", 1 << 40, 10**12),
        ("3p", 3 << 50, 3 * 10**15),
        ("+5m", 5 << 20, 5_000_000),
        ("1e3k", 1_024_000, 1_000_000),
        ("0x10p3k", 131_072, 128_000),
        ("1_000", 1000, 1000),  # Docker takes it: Go's ParseFloat knows underscores between digits
    ],
)
def test_sizes_are_read(text: str, binary: int, decimal: int) -> None:
    assert (ram_in_bytes(text), from_human_size(text)) == (binary, decimal)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "invalid size: ''"),
        ("x", "invalid size: 'x'"),
        ("-1", "invalid size: '-1'"),
        ("9999999p", "invalid size: '9999999p'"),
        ("inf ", "invalid size: 'inf '"),
        ("nan ", "invalid size: 'nan '"),
        (" ", 'strconv.ParseFloat: parsing "": invalid syntax'),
        (" 5m", 'strconv.ParseFloat: parsing " 5": invalid syntax'),
        ("5  m", 'strconv.ParseFloat: parsing "5 ": invalid syntax'),
        ("1__0", 'strconv.ParseFloat: parsing "1__0": invalid syntax'),
        ("5xyz1", 'strconv.ParseFloat: parsing "5xyz1": invalid syntax'),
        ("٣", "invalid size: '٣'"),
        ("1e400", 'strconv.ParseFloat: parsing "1e400": value out of range'),
        ("5 ib", "invalid suffix: 'ib'"),
        ("5mi", "invalid suffix: 'mi'"),
        ("1kk", "invalid suffix: 'kk'"),
        ("1_0_m", "invalid suffix: '_m'"),
        ("5BB", "invalid suffix: 'bb'"),
        ("5m ", 'strconv.ParseFloat: parsing "5m": invalid syntax'),
        ("1mibs", "invalid suffix: 'mibs'"),
    ],
)
def test_what_is_no_size_is_refused_in_go_units_words(text: str, message: str) -> None:
    with pytest.raises(Invalid) as caught:
        ram_in_bytes(text)
    assert caught.value.message == message


@given(st.text(max_size=8) | st.from_regex(r"\A[+-]?[0-9._xp]{0,5} ?[kmgtpKib]{0,4}\Z"))
def test_any_text_is_a_size_or_refused(text: str) -> None:
    try:
        assert 0 <= ram_in_bytes(text) < 1 << 63
    except Invalid as error:
        assert error.message


@pytest.mark.parametrize(
    ("size", "decimal", "binary"),
    [
        (0, "0B", "0B"),
        (999, "999B", "999B"),
        (1000, "1kB", "1000B"),
        (1024, "1.024kB", "1KiB"),
        (2026481, "2.026MB", "1.933MiB"),
        (10**12, "1TB", "931.3GiB"),
    ],
)
def test_sizes_are_written(size: int, decimal: str, binary: str) -> None:
    assert (human_size(size), bytes_size(size)) == (decimal, binary)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.4, "Less than a second"),
        (1, "1 second"),
        (59, "59 seconds"),
        (60, "About a minute"),
        (119, "About a minute"),
        (120, "2 minutes"),
        (59 * 60, "59 minutes"),
        (3600, "About an hour"),
        (89 * 60, "About an hour"),
        (90 * 60, "2 hours"),
        (47 * 3600, "47 hours"),
        (48 * 3600, "2 days"),
        (13 * 86400, "13 days"),
        (14 * 86400, "2 weeks"),
        (59 * 86400, "8 weeks"),
        (61 * 86400, "2 months"),
        (729 * 86400, "24 months"),
        (731 * 86400, "2 years"),
    ],
)
def test_spans_of_time_are_written_for_people(seconds: float, text: str) -> None:
    assert human_duration(seconds) == text
