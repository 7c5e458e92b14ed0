import pytest

from sampan.specs.kubernetes.conditions import changed_at, find, put

NOW, THEN = 1_700_000_000.0, "2023-11-14T00:00:00Z"
READY = {"type": "Ready", "status": "True", "lastTransitionTime": THEN}
OTHER = {"type": "Other", "status": "False"}


def test_a_condition_is_found_by_its_type() -> None:
    assert find([OTHER, READY], "Ready") is READY
    assert find([OTHER], "Ready") is None
    assert find(None, "Ready") is None


def test_a_condition_takes_the_place_of_the_one_of_its_type() -> None:
    new = {"type": "Ready", "status": "False"}
    before = [READY, OTHER]
    assert put(before, new) == [new, OTHER]
    assert before == [READY, OTHER]
    assert put([OTHER], new) == [OTHER, new]
    assert put(None, new) == [new]


@pytest.mark.parametrize(
    ("known", "status", "expected"),
    [
        (READY, "True", THEN),
        (READY, "False", "2023-11-14T22:13:20Z"),
        (OTHER, "False", "2023-11-14T22:13:20Z"),  # that never told since when
        (None, "True", "2023-11-14T22:13:20Z"),
    ],
)
def test_the_time_of_a_condition_is_that_of_the_last_change_of_its_status(
    known: dict[str, str] | None, status: str, expected: str
) -> None:
    assert changed_at(known, status, NOW) == expected
