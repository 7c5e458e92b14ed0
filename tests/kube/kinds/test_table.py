"""The table of built-in resources, against what a real server's discovery showed."""

import json
from pathlib import Path
from typing import Any

from sampan.kube.kinds.resource import Resource
from sampan.kube.kinds.table import builtin_resources
from tests.kube.kinds.golden import FOLDER, needs_golden


def _recorded(name: str) -> list[dict[str, Any]]:
    """The groups of an APIGroupDiscoveryList."""
    steps = json.loads((Path(FOLDER) / "discovery" / f"{name}.json").read_text())["steps"]
    bodies = [step["answer"]["body"] for step in steps if "request" in step]
    return next(body["items"] for body in bodies if body.get("kind") == "APIGroupDiscoveryList")


def _row(group: str, version: str, found: dict[str, Any]) -> tuple[Any, ...]:
    kind = found["responseKind"]
    return (
        (group, version, found["resource"], kind["kind"], found["singularResource"]),
        found["scope"] == "Namespaced",
        tuple(found.get("shortNames", ())),
        tuple(found.get("categories", ())),
        tuple(found["verbs"]),
        {one["subresource"]: tuple(one["verbs"]) for one in found.get("subresources", ())},
    )


def _ours(one: Resource) -> tuple[Any, ...]:
    return (
        (one.group, one.version, one.plural, one.kind, one.singular or one.kind.lower()),
        one.namespaced,
        one.short_names,
        one.categories,
        one.verbs,
        {sub.name: sub.verbs for sub in one.subresources},
    )


@needs_golden
def test_holds_what_discovery_shows_in_its_order() -> None:
    recorded = [
        _row(group["metadata"].get("name", ""), version["version"], found)
        for document in ("aggregated-api", "aggregated-apis")
        for group in _recorded(document)
        for version in group["versions"]
        for found in version["resources"]
    ]
    assert [_ours(one) for one in builtin_resources()] == recorded


def test_names_each_resource_once() -> None:
    names = [(one.group, one.version, one.plural) for one in builtin_resources()]
    assert len(names) == len(set(names))
