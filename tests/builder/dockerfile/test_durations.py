"""The times and the number of HEALTHCHECK."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan.builder.dockerfile.durations import parse_interval, parse_retries
from sampan.builder.errors import DockerfileError


def test_intervals_and_retries() -> None:
    assert parse_interval("interval", "") == 0 and parse_interval("interval", "0s") == 0
    assert parse_interval("interval", "1ms") == 10**6
    assert parse_retries("") == 0 and parse_retries("+3") == 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("3d", 'time: unknown unit "d" in duration "3d"'),
        ("1us", 'Interval "interval" cannot be less than 1ms'),
    ],
)
def test_wrong_intervals(text: str, message: str) -> None:
    with pytest.raises(DockerfileError) as caught:
        parse_interval("interval", text)
    assert caught.value.message == message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x", 'strconv.ParseInt: parsing "x": invalid syntax'),
        ("2147483648", 'strconv.ParseInt: parsing "2147483648": value out of range'),
        ("-1", "--retries cannot be negative (-1)"),
    ],
)
def test_wrong_retries(text: str, message: str) -> None:
    with pytest.raises(DockerfileError) as caught:
        parse_retries(text)
    assert caught.value.message == message


@given(st.text())
def test_any_text_is_a_number_or_an_error(text: str) -> None:
    try:
        assert isinstance(parse_retries(text), int)
    except DockerfileError as error:
        assert error.message
