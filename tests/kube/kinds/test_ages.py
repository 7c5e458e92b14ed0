"""Ages, by the table of upstream's own test."""

import pytest

from sampan.kube.kinds.ages import age, duration, seconds_of

MINUTE, HOUR, DAY = 60, 3600, 86400
YEAR = 365 * DAY


@pytest.mark.parametrize(
    "seconds, text",
    [
        (-2, "<invalid>"),
        (-1.9, "0s"),
        (0, "0s"),
        (0.9, "0s"),
        (59, "59s"),
        (119, "119s"),
        (2 * MINUTE, "2m"),
        (2 * MINUTE + 1, "2m1s"),
        (9 * MINUTE + 59, "9m59s"),
        (10 * MINUTE + 1, "10m"),
        (179 * MINUTE, "179m"),
        (3 * HOUR, "3h"),
        (3 * HOUR + 5 * MINUTE, "3h5m"),
        (8 * HOUR + 59 * MINUTE, "8h"),
        (47 * HOUR, "47h"),
        (2 * DAY, "2d"),
        (7 * DAY + 23 * HOUR, "7d23h"),
        (8 * DAY + HOUR, "8d"),
        (2 * YEAR - HOUR, "729d"),
        (2 * YEAR, "2y"),
        (2 * YEAR + DAY, "2y1d"),
        (8 * YEAR + DAY, "8y"),
    ],
)
def test_how_long_that_is(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_ages() -> None:
    assert seconds_of("1970-01-01T00:01:00Z") == 60
    assert age("1970-01-01T00:01:00Z", 65.5) == "5s"
    assert age("1970-01-01T00:01:00.500000Z", 65.5) == "5s"
    assert age(None, 0) == "<unknown>"
