"""The order of groups, and documents of servers that may say anything."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan.kube.api.aggregateddiscovery import converted, order, told
from sampan.kube.api.catalog import Catalog
from sampan.kube.api.extensions import Extension
from sampan.kube.kinds.table import builtin_resources

CATALOG = Catalog(builtin_resources())
keys = st.sampled_from(
    [
        "items",
        "metadata",
        "name",
        "versions",
        "version",
        "resources",
        "resource",
        "responseKind",
        "kind",
        "verbs",
        "subresources",
        "subresource",
        "scope",
        "shortNames",
        "categories",
        "namespaced",
    ]
)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["g", "v1", "a", "a/b", "Cluster", ""]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=20,
)


def extension(group: str, version: str, group_priority: int, version_priority: int) -> Extension:
    name = f"{version}.{group}"
    return Extension(name, group, version, "ns", "s", 443, "", True, True, group_priority, version_priority)


@pytest.mark.parametrize(
    ("sentence", "extensions", "after", "versions"),
    [
        ("behind all that is built in", [("g", "v1", 100, 10)], "flowcontrol.apiserver.k8s.io", ["v1"]),
        ("as far ahead as it says", [("g", "v1", 17350, 10)], "batch", ["v1"]),
        (
            "apiregistration is the first in any case",
            [("g", "v1", 20000, 10)],
            "apiregistration.k8s.io",
            ["v1"],
        ),
        (
            "the group's highest priority counts",
            [("g", "v1", 1, 1), ("g", "v2", 17350, 1)],
            "batch",
            ["v2", "v1"],
        ),
        ("versions go by their priority", [("g", "v1", 1, 9), ("g", "v2", 1, 3)], "", ["v1", "v2"]),
        (
            "and then by their age",
            [("g", n, 1, 9) for n in ("v1beta1", "v1", "v10", "x")],
            "",
            ["v10", "v1", "v1beta1", "x"],
        ),
    ],
)
def test_the_place_of_a_group(
    sentence: str, extensions: list[tuple[str, str, int, int]], after: str, versions: list[str]
) -> None:
    found = order(CATALOG, [extension(*one) for one in extensions])
    groups = list(found)
    assert found["g"] == versions, sentence
    if after:
        assert groups[groups.index("g") - 1] == after, sentence


def test_without_others_the_order_is_that_of_the_catalog() -> None:
    assert {group: list(versions) for group, versions in CATALOG.groups.items()} == order(CATALOG, [])


@given(anything, st.lists(anything, max_size=4))
def test_no_document_is_too_odd(document: Any, entries: Any) -> None:
    versions = {"metadata": {"name": "g"}, "versions": [{"version": "v1", "resources": entries}]}
    for found in (
        told(document, "g", "v1"),
        told({"items": [document, versions]}, "g", "v1"),
        converted(document),
    ):
        for one in found or ():
            check(one)
    for one in converted({"resources": entries}):
        check(one)


def check(entry: dict[str, Any]) -> None:
    """Clients may count on what stands in an entry."""
    assert isinstance(entry["resource"], str) and entry["resource"]
    assert all(isinstance(one, str) for one in entry["verbs"])
    assert entry["scope"] in ("Namespaced", "Cluster") and isinstance(entry["responseKind"]["kind"], str)
    for sub in entry.get("subresources", ()):
        assert isinstance(sub["subresource"], str) and isinstance(sub["responseKind"]["kind"], str)
