"""Which records go, in which order."""

import pytest

from sampan.builder.solve.cache.gc import NS, choose, collect
from sampan.engine.buildcache.policies import Policy, default_keep, default_policies
from sampan.engine.buildcache.usage import Usage

NOW = 1_000_000 * NS


def usage(id: str, size: int = 10, used: float = 0, **more: object) -> Usage:
    """`used`: seconds ago."""
    fields = {"type": "regular", "description": id, "created": 0, "last_used": NOW - int(used * NS)}
    return Usage(id=id, size=size, **{**fields, **more})  # type: ignore[arg-type]


def gone(usages: list[Usage], **policy: object) -> list[str]:
    return [item.id for item in choose(usages, Policy(**policy), NOW)]  # type: ignore[arg-type]


def test_prune_takes_all_but_what_is_used_shared_or_internal() -> None:
    found = [
        usage("plain"),
        usage("used", in_use=True),
        usage("shared", shared=True),
        usage("frontend", type="frontend"),
        usage("mount", type="exec.cachemount", mutable=True),
    ]
    assert gone(found) == ["plain", "mount"]
    assert gone(found, all=True) == ["plain", "shared", "frontend", "mount"]


def test_what_was_used_lately_stays() -> None:
    found = [usage("old", used=7200), usage("new", used=60)]
    assert gone(found, keep_duration=3600.0) == ["old"]


def test_a_bound_takes_the_longest_unused_and_no_more_than_needed() -> None:
    found = [usage("a", 10, used=1), usage("b", 10, used=3), usage("c", 10, used=2)]
    assert gone(found, keep_bytes=30) == []
    assert gone(found, keep_bytes=25) == ["b"]
    assert gone(found, keep_bytes=15) == ["b", "c"]


def test_shared_layers_do_not_count_for_a_bound() -> None:
    assert gone([usage("a", 10), usage("b", 100, shared=True)], keep_bytes=10) == []


def test_children_go_before_their_parents() -> None:
    found = [usage("parent", used=9), usage("child", used=1, parents=("parent",)), usage("other", used=5)]
    assert gone(found, keep_bytes=1) == ["other", "child", "parent"]
    kept = [usage("parent", used=9), usage("child", parents=("parent",), in_use=True)]
    assert gone(kept, keep_bytes=1) == []


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (("type==regular",), ["a", "abc"]),
        (("type==exec.cachemount",), ["m"]),
        (("type!=regular",), ["m"]),
        (("id==abc",), ["abc"]),
        (("id~=^a",), ["a", "abc"]),
        (("mutable",), ["m"]),
        (("mutable==false",), ["a", "abc"]),
        (("type==regular,id~=b",), ["abc"]),
        (("id==m", "id==abc"), ["abc", "m"]),
        (("description==mount",), ["m"]),
        (('description=="mount"',), ["m"]),
        (("",), ["a", "abc", "m"]),
    ],
)
def test_filters(filters: tuple[str, ...], expected: list[str]) -> None:
    found = [
        usage("a"),
        usage("abc"),
        usage("m", type="exec.cachemount", mutable=True, description="mount"),
    ]
    assert gone(found, filters=filters) == expected


def test_the_default_policies_begin_with_what_can_be_fetched_again() -> None:
    rules = default_policies(keep=100)
    found = [
        usage("mount", 600_000_000, used=3 * 86400.0, type="exec.cachemount"),
        usage("fresh", 600_000_000, used=60, type="exec.cachemount", in_use=True),
    ]
    assert [item.id for item in collect(found, rules, NOW)] == ["mount"]
    assert collect([usage("small", 50)], rules, NOW) == []


def test_the_default_bound_is_a_tenth_of_the_disk() -> None:
    assert default_keep(10**12) == 10**11
    assert default_keep(10**9) == 2 * 10**9
