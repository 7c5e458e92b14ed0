"""Paths."""

import pytest

from sampan.builder.plan.paths import destination, has_wildcards, joined


@pytest.mark.parametrize(
    ("workdir", "path", "found"),
    [
        ("/w", "x", "/w/x"),
        ("/w", "x/", "/w/x/"),
        ("/w", "/x/.", "/x/"),
        ("/w", ".", "/w/"),
        ("/w", "", "/w/"),
        ("/w", "..", "/"),
        ("/w", "../../../etc", "/etc"),
        ("/", "/", "/"),
    ],
)
def test_destinations_are_below_the_working_directory(workdir: str, path: str, found: str) -> None:
    assert destination(workdir, path) == found


def test_no_path_leads_above_the_root() -> None:
    assert joined("/", "../../x") == "/x"
    assert joined("", "a/../../b") == "/b"


@pytest.mark.parametrize(
    ("path", "found"), [("a*", True), ("a?", True), ("[a]", True), (r"a\*", False), ("plain/x", False)]
)
def test_wildcards_may_be_escaped(path: str, found: bool) -> None:
    assert has_wildcards(path) is found
