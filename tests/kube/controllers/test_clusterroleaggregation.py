"""Which rules an aggregated role has."""

from typing import Any

from sampan.kube.client.requests import Object
from sampan.kube.controllers.clusterroleaggregation import gathered

GET, LIST, WATCH = (
    {"verbs": [verb], "apiGroups": [""], "resources": ["pods"]} for verb in ("get", "list", "watch")
)


def role(name: str, *rules: Object, selectors: list[Any] | None = None, **labels: str) -> Object:
    found: Object = {"metadata": {"name": name, "labels": labels}, "rules": list(rules)}
    return found if selectors is None else {**found, "aggregationRule": {"clusterRoleSelectors": selectors}}


def test_rules_are_gathered_by_selectors_then_by_name_and_each_once() -> None:
    whole = role("whole", WATCH, selectors=[{"matchLabels": {"a": "1"}}, {"matchLabels": {"b": "1"}}], a="1")
    roles = [
        role("z", LIST, a="1"),
        whole,
        role("y", GET, LIST, a="1"),
        role("x", GET, WATCH, b="1"),
        role("w", GET),
    ]
    assert gathered(whole, roles) == [GET, LIST, WATCH]


def test_a_role_may_gather_nothing() -> None:
    assert gathered(role("whole", selectors=[]), [role("a", GET)]) == []
    assert gathered(role("whole", GET), [role("a", GET)]) == []
    every = role("whole", selectors=[{}])
    assert gathered(every, [every, {"metadata": {"name": "empty"}}, role("a", GET)]) == [GET]
