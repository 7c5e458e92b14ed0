"""Sets of a job's indexes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan.specs.kubernetes import indexes


@pytest.mark.parametrize(
    ("text", "found"),
    [("", []), ("3", [(3, 3)]), ("1,3-5,7", [(1, 1), (3, 5), (7, 7)])],
)
def test_reads_intervals(text: str, found: list[tuple[int, int]]) -> None:
    assert indexes.read(text, 10) == found


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a", 'cannot convert string to integer for index: "a"'),
        ("1-", 'cannot convert string to integer for index: ""'),
        ("-1", 'cannot convert string to integer for index: ""'),
        ("10", 'too large index: "10"'),
        ("1-10", 'too large index: "10"'),
        ("3,2", "non-increasing order, previous: 3, current: 2"),
        ("4-4", "non-increasing order, previous: 4, current: 4"),
        ("9" * 5000, "cannot convert string to integer for index: " + '"' + "9" * 5000 + '"'),
    ],
)
def test_says_what_is_wrong(text: str, why: str) -> None:
    with pytest.raises(indexes.IndexesError) as caught:
        indexes.read(text, 10)
    assert str(caught.value) == why


@given(st.sets(st.integers(0, 50)), st.sets(st.integers(0, 50)))
def test_finds_what_two_sets_share(one: set[int], other: set[int]) -> None:
    first, second = ([(at, at) for at in sorted(some)] for some in (one, other))
    assert indexes.shared(first, second) == min(one & other, default=None)
    assert indexes.count(first) == len(one)


SETS = st.sets(st.integers(0, 30))


@given(SETS, st.integers(1, 40))
def test_what_is_written_is_read_again(some: set[int], completions: int) -> None:
    text = indexes.written(indexes.added([], some))
    kept = {at for at in some if at < completions}
    assert indexes.recover(text, completions) == indexes.added([], kept)
    if some == kept:
        assert indexes.count(indexes.read(text, completions)) == len(some)


@pytest.mark.parametrize(
    ("numbers", "text"), [((), ""), ((3,), "3"), ((3, 4), "3,4"), ((1, 3, 4, 5, 7), "1,3-5,7")]
)
def test_neighbours_are_written_together(numbers: tuple[int, ...], text: str) -> None:
    assert indexes.written(indexes.added([], numbers)) == text


def test_what_cannot_be_read_is_left_out() -> None:
    assert indexes.recover("1,x,2-,4-6,5,90", 6) == [(1, 1), (4, 5)]


@given(SETS, SETS, st.integers(0, 40), st.integers(0, 10))
def test_sets_are_as_sets_are(one: set[int], other: set[int], completions: int, most: int) -> None:
    first, second = indexes.added([], one), indexes.added([], other)
    assert indexes.union([*first, *second]) == indexes.added([], one | other)
    assert indexes.overlap(first, second) == len(one & other)
    assert [indexes.contains(first, at) for at in range(40)] == [at in one for at in range(40)]
    assert indexes.free(first, most, completions) == [at for at in range(completions) if at not in one][:most]
