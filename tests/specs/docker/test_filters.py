"""The words of --filter: names, truth, labels, texts and points in time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan.errors import Invalid
from sampan.specs.docker import filters

SECOND = 10**9
NOW = 1_800_000_000 * SECOND


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("10m", NOW - 600 * SECOND),
        ("1h30m", NOW - 5400 * SECOND),
        (".5s", NOW - SECOND // 2),
        ("5μs", NOW - 5000),
        ("+1h", NOW - 3600 * SECOND),
        ("-1h", NOW + 3600 * SECOND),
        ("0", 0),
        ("1700000000", 1_700_000_000 * SECOND),
        ("1700000000.5", 1_700_000_000 * SECOND + SECOND // 2),
        ("2023-11-14T22:13:20Z", 1_700_000_000 * SECOND),
        ("2023-11-14T22:13:20.25Z", 1_700_000_000 * SECOND + SECOND // 4),
        ("2023-11-14T23:13:20+01:00", 1_700_000_000 * SECOND),
        ("2023-11-14T18:13:20-04:00", 1_700_000_000 * SECOND),
        ("2023-11-14T22Z", 1_699_999_200 * SECOND),
        ("2023-11-14T22:13Z", 1_699_999_980 * SECOND),
        ("2023-11-14Z", 1_699_920_000 * SECOND),
        ("2023-11-14+00:00", 1_699_920_000 * SECOND),
    ],
)
def test_a_moment_is_read(text: str, moment: int) -> None:
    assert filters.moment(text, NOW) == moment


@pytest.mark.parametrize(
    "text",
    ["2023-11-14", "2023-11-14T00", "2023-11-14T00:00", "2023-11-14T00:00:00", "2023-11-14T00:00:00.0"],
)
def test_a_date_without_a_zone_is_in_this_machines(far_east: None, text: str) -> None:
    assert filters.moment(text, NOW) == (1_699_920_000 - 19_800) * SECOND


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", 'failed to parse value as time or duration: ""'),
        ("soon", 'failed to parse value as time or duration: "soon"'),
        ("1d", 'failed to parse value as time or duration: "1d"'),
        ("1_000", 'failed to parse value as time or duration: "1_000"'),
        ("1700000000.x", 'failed to parse value as time or duration: "1700000000.x"'),
        ("-1", 'parsing time "-1"'),
        ("2023-13-14", 'parsing time "2023-13-14"'),
        ("2023-11-14 22:13:20", 'parsing time "2023-11-14 22:13:20"'),
        ("2023-11-14T22:13:20:00", 'parsing time "2023-11-14T22:13:20:00"'),
    ],
)
def test_what_is_no_moment_is_refused(text: str, message: str) -> None:
    with pytest.raises(Invalid) as caught:
        filters.moment(text, NOW)
    assert caught.value.message.startswith(message)


@given(st.text(max_size=12) | st.text("0123456789-T:.Z+hms", max_size=26))
def test_any_text_is_a_moment_or_refused(text: str) -> None:
    try:
        assert filters.moment(filters.timestamp(text, NOW), NOW) == filters.moment(text, NOW)
    except Invalid as error:
        assert error.message


def test_numbers_go_to_the_engine_as_they_are() -> None:
    assert filters.timestamp("1700000000", NOW) == "1700000000"
    assert filters.timestamp("1m", NOW) == "1799999940.000000000"


def test_prune_takes_one_moment() -> None:
    assert filters.until({}, NOW) is None and filters.until({"until": []}, NOW) is None
    assert filters.until({"until": ["1s"]}, NOW) == NOW - SECOND
    with pytest.raises(Invalid, match="more than one until filter specified"):
        filters.until({"until": ["1s", "2s"]}, NOW)


@pytest.mark.parametrize(
    ("values", "found"),
    [(None, None), ([], None), (["1"], True), (["true"], True), (["0"], False), (["false", "0"], False)],
)
def test_truth_words(values: list[str] | None, found: bool | None) -> None:
    assert filters.boolean({} if values is None else {"dangling": values}, "dangling") is found


@pytest.mark.parametrize("values", [["yes"], ["TRUE"], ["t"], ["true", "0"], [""]])
def test_other_words_are_refused(values: list[str]) -> None:
    with pytest.raises(Invalid) as caught:
        filters.boolean({"dangling": values}, "dangling")
    assert caught.value.message == f"invalid filter 'dangling=[{' '.join(values)}]'"


@pytest.mark.parametrize(
    ("asked", "matches"),
    [
        ({}, True),
        ({"label": ["a"]}, True),
        ({"label": ["a=1"]}, True),
        ({"label": ["a=2"]}, False),
        ({"label": ["a", "c"]}, False),
        ({"label": ["b="]}, True),
        ({"label!": ["c"]}, True),
        ({"label!": ["c", "a=1"]}, False),
        ({"label": ["a"], "label!": ["b"]}, False),
    ],
)
def test_labels(asked: dict[str, list[str]], matches: bool) -> None:
    assert filters.labels_match(asked, {"a": "1", "b": ""}) is matches


@pytest.mark.parametrize(
    ("values", "matches"),
    [
        ([], True),
        (["web1"], True),
        (["eb"], True),
        (["^w.*[0-9]$"], True),
        (["db", "("], False),
        (["("], False),
    ],
)
def test_texts(values: list[str], matches: bool) -> None:
    assert filters.text_matches(values, "web1") is matches


def test_unknown_names_are_refused() -> None:
    filters.check_names({"id": ["1"]}, ("id", "name"))
    with pytest.raises(Invalid, match="invalid filter 'x'"):
        filters.check_names({"x": []}, ("id",))
