"""FlowSchema and PriorityLevelConfiguration: what no recording shows."""

from typing import Any

import pytest

from sampan.kube.kinds.flowcontrol import flowschema, mandatory, prioritylevelconfiguration
from tests.kube.kinds.judging import made, wrong

SCHEMA, LEVEL = flowschema.RESOURCE, prioritylevelconfiguration.RESOURCE
EVERYTHING = {"verbs": ["*"], "nonResourceURLs": ["*"]}


def _rule(**more: Any) -> dict[str, Any]:
    subjects = [{"kind": "User", "user": {"name": "u"}}]
    rule = {"subjects": subjects, "nonResourceRules": [EVERYTHING], **more}
    return {"priorityLevelConfiguration": {"name": "p"}, "rules": [rule]}


def _who(**subject: Any) -> dict[str, Any]:
    return _rule(subjects=[subject])


def _resource(**more: Any) -> dict[str, Any]:
    good = {"verbs": ["get"], "apiGroups": [""], "resources": ["pods"], "namespaces": ["*"]}
    return _rule(resourceRules=[{**good, **more}])


RULE = "spec.rules[0]"


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (_rule(), []),
        (_resource(), []),
        (
            {**_rule(), "matchingPrecedence": 1},
            [
                "spec.matchingPrecedence: Invalid value: 1: "
                "only the schema named 'exempt' may have matchingPrecedence 1"
            ],
        ),
        (
            {**_rule(), "matchingPrecedence": -1},
            ["spec.matchingPrecedence: Invalid value: -1: must be a positive value"],
        ),
        (
            _who(kind="User"),
            [f"{RULE}.subjects[0].user: Required value: user is required when subject kind is 'User'"],
        ),
        (
            _who(kind="Group", group={"name": "g"}, user={"name": "u"}, serviceAccount={"name": "s"}),
            [
                f"{RULE}.subjects[0].serviceAccount: Forbidden: "
                "serviceAccount is forbidden when subject kind is not 'ServiceAccount'",
                f"{RULE}.subjects[0].user: Forbidden: user is forbidden when subject kind is not 'User'",
            ],
        ),
        (
            _who(kind="ServiceAccount", serviceAccount={"name": "*"}),
            [
                f"{RULE}.subjects[0].serviceAccount.namespace: Required value: "
                "must specify namespace for service account"
            ],
        ),
        (
            _resource(verbs=["fly"]),
            [
                f'{RULE}.resourceRules[0].verbs: Unsupported value: ["fly"]: supported values: "create", '
                '"delete", "deletecollection", "get", "list", "patch", "proxy", "update", "watch"'
            ],
        ),
        (
            _resource(namespaces=[]),
            [
                f"{RULE}.resourceRules[0].namespaces: Required value: "
                "resource rules that are not cluster scoped must supply at least one namespace"
            ],
        ),
        (_resource(namespaces=[], clusterScope=True), []),
        (
            _resource(resources=["*", "pods"]),
            [
                f'{RULE}.resourceRules[0].resources: Invalid value: ["*","pods"]: '
                "if '*' is present, must not specify other resources"
            ],
        ),
        (
            _rule(
                nonResourceRules=[
                    {"verbs": ["get"], "nonResourceURLs": ["x", "/a b", "//", "/a*", "/a/*", "/"]}
                ]
            ),
            [
                f'{RULE}.nonResourceRules[0].nonResourceURLs[{at}]: Invalid value: "{url}": {why}'
                for at, url, why in (
                    (0, "x", "must start with slash"),
                    (1, "/a b", "must not contain white-space"),
                    (2, "//", "must not contain double slash"),
                    (3, "/a*", "wildcard can only do suffix matching"),
                )
            ],
        ),
    ],
)
def test_schema_says_what_is_wrong(spec: dict[str, Any], expected: list[str]) -> None:
    assert wrong(SCHEMA, spec=spec) == expected


@pytest.mark.parametrize("name", mandatory.FLOW_SCHEMAS)
def test_mandatory_schemas_are_as_they_are(name: str) -> None:
    spec = mandatory.FLOW_SCHEMAS[name]
    assert wrong(SCHEMA, metadata={"name": name}, spec=spec) == []
    other = {**spec, "distinguisherMethod": {"type": "ByNamespace"}}
    (error,) = wrong(SCHEMA, metadata={"name": name}, spec=other)
    assert error.startswith('spec: Invalid value: {"PriorityLevelConfiguration":{"Name":"')
    assert error.endswith(f"spec of '{name}' must equal the fixed value")


@pytest.mark.parametrize("name", mandatory.PRIORITY_LEVELS)
def test_mandatory_levels_are_as_they_are(name: str) -> None:
    assert wrong(LEVEL, metadata={"name": name}, spec=mandatory.PRIORITY_LEVELS[name]) == []


def test_how_much_of_the_exempt_level_is_lent_may_change() -> None:
    spec = {"type": "Exempt", "exempt": {"nominalConcurrencyShares": 5, "lendablePercent": 50}}
    assert wrong(LEVEL, metadata={"name": "exempt"}, spec=spec) == []


def _limited(**more: Any) -> dict[str, Any]:
    return {"type": "Limited", "limited": {"limitResponse": {"type": "Reject"}, **more}}


def _queue(**queuing: Any) -> dict[str, Any]:
    return _limited(limitResponse={"type": "Queue", "queuing": queuing})


QUEUING = "spec.limited.limitResponse.queuing"


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (_limited(), []),
        (_queue(), []),
        (
            _limited(lendablePercent=101, borrowingLimitPercent=-1),
            [
                "spec.limited.lendablePercent: Invalid value: 101: must be between 0 and 100, inclusive",
                "spec.limited.borrowingLimitPercent: Invalid value: -1: "
                "if specified, must be a non-negative integer",
            ],
        ),
        (
            _queue(queues=4, handSize=8),
            [f"{QUEUING}.handSize: Invalid value: 8: should not be greater than queues (4)"],
        ),
        (
            _queue(queues=1024, handSize=7),
            [
                f"{QUEUING}.handSize: Invalid value: 7: "
                "required entropy bits of deckSize 1024 and handSize 7 should not be greater than 60"
            ],
        ),
        (
            _queue(queues=10_000_001),
            [
                f"{QUEUING}.queues: Invalid value: 10000001: must not be greater than 10000000",
                f"{QUEUING}.handSize: Invalid value: 8: "
                "required entropy bits of deckSize 10000001 and handSize 8 should not be greater than 60",
            ],
        ),
        (
            {**_limited(), "exempt": {}},
            ["spec.exempt: Forbidden: must be nil if the type is Limited"],
        ),
    ],
)
def test_level_says_what_is_wrong(spec: dict[str, Any], expected: list[str]) -> None:
    assert wrong(LEVEL, spec=spec) == expected


def test_level_has_shares_and_queues_by_default() -> None:
    limited = made(LEVEL, spec=_queue())["spec"]["limited"]
    assert limited["nominalConcurrencyShares"] == 30
    assert limited["limitResponse"]["queuing"] == {"queues": 64, "handSize": 8, "queueLengthLimit": 50}
