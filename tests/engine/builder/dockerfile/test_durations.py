"""time.ParseDuration and the numbers of HEALTHCHECK."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan.engine.builder.dockerfile.durations import parse_duration, parse_interval, parse_retries
from sampan.engine.builder.errors import DockerfileError


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("0", 0),
        ("5s", 5 * 10**9),
        ("1h15m30.918273645s", 4530918273645),
        ("-1.5h", -5400 * 10**9),
        ("+10ms", 10**7),
        (".5s", 5 * 10**8),
        ("1.s", 10**9),
        ("1us2µs3μs", 6000),
        ("0.000000000000000000001ns", 0),
        ("2562047h47m16.854775807s", 2**63 - 1),
    ],
)
def test_durations(text: str, nanoseconds: int) -> None:
    assert parse_duration(text) == nanoseconds


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", 'time: invalid duration ""'),
        ("x", 'time: invalid duration "x"'),
        ("-", 'time: invalid duration "-"'),
        (".s", 'time: invalid duration ".s"'),
        ("3", 'time: missing unit in duration "3"'),
        ("1s3", 'time: missing unit in duration "1s3"'),
        ("3d", 'time: unknown unit "d" in duration "3d"'),
        ("1 s", 'time: unknown unit " s" in duration "1 s"'),
        ("9223372037s", 'time: invalid duration "9223372037s"'),
    ],
)
def test_wrong_durations(text: str, message: str) -> None:
    with pytest.raises(DockerfileError) as caught:
        parse_duration(text)
    assert caught.value.message == message


def test_intervals_and_retries() -> None:
    assert parse_interval("interval", "") == 0 and parse_interval("interval", "0s") == 0
    assert parse_interval("interval", "1ms") == 10**6
    assert parse_retries("") == 0 and parse_retries("+3") == 3


@given(st.text())
def test_any_text_is_a_duration_or_an_error(text: str) -> None:
    for parse in (parse_duration, parse_retries):
        try:
            assert isinstance(parse(text), int)
        except DockerfileError as error:
            assert error.message
