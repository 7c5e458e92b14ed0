"""The reference filter's patterns."""

import pytest

from sampan.errors import Failed
from sampan.images.pattern import compile_pattern, matches
from sampan.specs.oci.reference import parse

ROWS = [
    ("busybox", "busybox:latest", True),
    ("busybox:latest", "busybox:latest", True),
    ("bus*", "busybox:latest", True),
    ("bus*:l*", "busybox:latest", True),
    ("*", "busybox:latest", True),
    ("*", "me/app:1", False),
    ("*/*", "me/app:1", True),
    ("me/a?p", "me/app:1", True),
    ("me?app", "me/app:1", False),
    ("[a-c]usybox", "busybox:latest", True),
    ("[^a]usybox", "busybox:latest", True),
    ("[^a-z]usybox", "busybox:latest", False),
    (r"bus\ybox", "busybox:latest", True),
    (r"bus\*", "busybox:latest", False),
    ("busybo", "busybox:latest", False),
    ("docker.io/library/busybox", "busybox:latest", False),
]


@pytest.mark.parametrize(("pattern", "name", "result"), ROWS)
def test_patterns_match_familiar_names(pattern: str, name: str, result: bool) -> None:
    assert matches(pattern, parse(name)) is result


@pytest.mark.parametrize("pattern", ["[", "[a", "[a-", "a\\", "[]a]", "[-a]"])
def test_broken_patterns_are_refused_as_by_go(pattern: str) -> None:
    with pytest.raises(Failed, match="syntax error in pattern"):
        compile_pattern(pattern)
