"""--ulimit, as go-units reads it."""

import pytest

from sampan.errors import Invalid
from sampan.specs.docker import ulimits

RULE = "ulimit soft limit must be less than or equal to hard limit"


@pytest.mark.parametrize(
    ("text", "name", "soft", "hard"),
    [
        ("nofile=10:20", "nofile", 10, 20),
        ("nofile=10", "nofile", 10, 10),
        ("core=-1", "core", -1, -1),
        ("core=0:-1", "core", 0, -1),
        ("nproc=-1:-1", "nproc", -1, -1),
    ],
)
def test_a_limit(text: str, name: str, soft: int, hard: int) -> None:
    assert ulimits.parse(text) == {"Name": name, "Soft": soft, "Hard": hard}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x", "invalid ulimit argument: x"),
        ("a=1", "invalid ulimit type: a"),
        ("nofile=", 'strconv.ParseInt: parsing "": invalid syntax'),
        ("nofile=1_0", 'strconv.ParseInt: parsing "1_0": invalid syntax'),
        ("nofile=1:x", 'strconv.ParseInt: parsing "x": invalid syntax'),
        ("nofile=1:2:3", "too many limit value arguments - 1:2:3, can only have up to two, `soft[:hard]`"),
        ("nofile=2:1", f"{RULE}: 2 > 1"),
        ("nofile=-1:1", f"{RULE}: soft: -1 (unlimited), hard: 1"),
    ],
)
def test_what_is_no_limit(text: str, message: str) -> None:
    with pytest.raises(Invalid) as caught:
        ulimits.parse(text)
    assert caught.value.message == message
