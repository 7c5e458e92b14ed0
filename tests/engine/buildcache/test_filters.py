"""Filters as clients write them."""

import pytest

from sampan.engine.buildcache.filters import classic, parse
from sampan.errors import Invalid


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("foo==x", "unknown filter"),
        ("type==", "parse error"),
        ("type==a b", "parse error"),
        ("==x", "parse error"),
        ("id~=(", "invalid regular expression"),
    ],
)
def test_bad_expressions_are_refused(text: str, message: str) -> None:
    with pytest.raises(Invalid, match=message):
        parse([text])


def test_prune_filters_as_docker_takes_them() -> None:
    """Asked of Docker 26."""
    assert classic({}) == ([], 0.0)
    assert classic({"type": ["regular"], "id": ["ab"]}) == (["id~=ab,type==regular"], 0.0)
    assert classic({"inuse": []})[0] == ["inuse"]
    assert classic({"until": ["24h"]})[1] == pytest.approx(86400, abs=1)
    assert classic({"unused-for": ["1h"]})[1] == pytest.approx(3600, abs=1)


@pytest.mark.parametrize(
    ("filters", "message"),
    [
        ({"foo": ["a"]}, "invalid filter 'foo'"),
        ({"id": ["a", "b"]}, "filters expect only one value"),
        ({"until": ["1h", "2h"]}, "filters expect only one value"),
        ({"until": ["1h"], "unused-for": ["1h"]}, "conflicting filters"),
        (
            {"until": ["a"]},
            '"until" filter expects a duration .e.g., .24h.. or a timestamp: failed to parse value as time '
            'or duration: "a"',
        ),
    ],
)
def test_bad_prune_filters_are_refused_in_dockers_words(filters: dict[str, list[str]], message: str) -> None:
    with pytest.raises(Invalid, match=message):
        classic(filters)
