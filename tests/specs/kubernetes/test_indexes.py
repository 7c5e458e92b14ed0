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
