"""Rules that cover others."""

import pytest

from sampan.kube.access.rules import compact, shown, size, uncovered, url_matches


def rule(verbs, groups="", resources="", names="", urls=""):
    found = {"verbs": verbs.split(",")}
    if urls:
        return {**found, "nonResourceURLs": urls.split(",")}
    found |= {"apiGroups": groups.split(","), "resources": resources.split(",")}
    return {**found, "resourceNames": names.split(",")} if names else found


ALL = [rule("*", "*", "*"), rule("*", urls="*")]
COVERED = [
    (ALL, rule("get", "", "pods"), True),
    (ALL, rule("get", urls="/x/*"), True),
    ([rule("get,list", "", "pods")], rule("get", "", "pods"), True),
    ([rule("get", "", "pods"), rule("list", "", "pods")], rule("get,list", "", "pods"), True),
    ([rule("get", "", "pods")], rule("get", "apps", "pods"), False),
    ([rule("get", "", "pods", "a")], rule("get", "", "pods", "a"), True),
    ([rule("get", "", "pods", "a")], rule("get", "", "pods"), False),
    ([rule("get", "", "pods")], rule("get", "", "pods", "a"), True),
    ([rule("get", "", "*/status")], rule("get", "", "pods/status"), True),
    ([rule("get", "", "*/status")], rule("get", "", "pods"), False),
    ([rule("get", "", "pods")], rule("*", "", "pods"), False),
    ([rule("get", urls="/x/*")], rule("get", urls="/x/y,/x/*"), True),
    ([rule("get", urls="/x/*")], rule("get", urls="/x"), False),
]


@pytest.mark.parametrize(("owned", "asked", "covered"), COVERED)
def test_what_is_covered(owned, asked, covered):
    assert (uncovered(owned, [asked]) == []) == covered


def test_only_what_is_missing_is_told():
    missing = uncovered([rule("get", "", "pods")], [rule("get,list,watch", "", "pods")])
    assert [shown(one) for one in compact(missing)] == [
        '{APIGroups:[""], Resources:["pods"], Verbs:["list" "watch"]}'
    ]


def test_the_size_counts_what_parts_would_make():
    assert size(rule("a,b", "x,y", "p,q,r", "n,m")) == 24
    assert size(rule("a,b", urls="/x,/y")) == 4


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("*", "/x", True),
        ("/x", "/x", True),
        ("/x*", "/xy", True),
        ("/x/*", "/x", False),
        ("/x", "/xy", False),
    ],
)
def test_urls(pattern, path, matches):
    assert url_matches(pattern, path) == matches
