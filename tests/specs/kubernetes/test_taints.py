"""What is tolerated."""

import pytest

from sampan.specs.kubernetes.taints import NO_EXECUTE, NO_SCHEDULE, tolerates, untolerated

TAINT = {"key": "k", "value": "v", "effect": "NoExecute"}
BARE = {"key": "k", "effect": "NoSchedule"}


@pytest.mark.parametrize(
    ("toleration", "taint", "expected"),
    [
        ({"operator": "Exists"}, TAINT, True),
        ({"key": "k", "operator": "Exists"}, TAINT, True),
        ({"key": "k", "operator": "Exists", "effect": "NoSchedule"}, TAINT, False),
        ({"key": "k", "value": "v"}, TAINT, True),
        ({"key": "k", "operator": "Equal", "value": "w"}, TAINT, False),
        ({"key": "k"}, BARE, True),
        ({"key": "k", "value": ""}, {**BARE, "value": ""}, True),
        ({"key": "other", "operator": "Exists"}, TAINT, False),
        ({"key": "k", "operator": "Unheard", "value": "v"}, TAINT, False),
    ],
)
def test_a_toleration_meets_a_taint(
    toleration: dict[str, str], taint: dict[str, str], expected: bool
) -> None:
    assert tolerates(toleration, taint) is expected


def test_the_first_taint_that_nothing_tolerates() -> None:
    soft = {"key": "s", "effect": "PreferNoSchedule"}
    assert untolerated([soft, BARE, TAINT], []) == BARE
    assert untolerated([soft, BARE, TAINT], [], {NO_EXECUTE}) == TAINT
    assert untolerated([soft, BARE, TAINT], [{"operator": "Exists", "effect": NO_SCHEDULE}]) == TAINT
    assert untolerated([soft], None) is None
    assert untolerated(None, None) is None
