"""Webhook configurations: what no recording shows."""

from typing import Any

import pytest

from sampan.kube.kinds.admissionregistration.mutatingwebhookconfiguration import RESOURCE
from tests.kube.kinds.judging import made, wrong, wrong_update

RULE = {"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"]}


def _hook(**more: Any) -> dict[str, Any]:
    return {
        "name": "a.example.com",
        "admissionReviewVersions": ["v1"],
        "sideEffects": "None",
        "clientConfig": {"url": "https://h/p"},
        "rules": [RULE],
        **more,
    }


def _rule(**more: Any) -> dict[str, Any]:
    return _hook(rules=[{**RULE, **more}])


def _client(**client: Any) -> dict[str, Any]:
    return _hook(clientConfig=client)


RESOURCES = "webhooks[0].rules[0].resources"
CLIENT = "webhooks[0].clientConfig"
FORM = "; desired format: https://host[/path]"


@pytest.mark.parametrize(
    ("hook", "expected"),
    [
        (_hook(), []),
        (_rule(resources=["*", "*/status"]), []),
        (
            _rule(resources=["*/*", "pods"]),
            [
                f'{RESOURCES}: Invalid value: ["*/*","pods"]: '
                "if '*/*' is present, must not specify other resources"
            ],
        ),
        (
            _rule(resources=["*", "pods"]),
            [
                f'{RESOURCES}: Invalid value: ["*","pods"]: '
                "if '*' is present, must not specify other resources without subresources"
            ],
        ),
        (
            _rule(resources=["pods/*", "pods/log"]),
            [
                f'{RESOURCES}[1]: Invalid value: "pods/log": '
                "if 'pods/*' is present, must not specify pods/log"
            ],
        ),
        (
            _rule(operations=["*", "CREATE"]),
            [
                'webhooks[0].rules[0].operations: Invalid value: ["*","CREATE"]: '
                "if '*' is present, must not specify other operations"
            ],
        ),
        (
            _rule(scope="X"),
            [
                'webhooks[0].rules[0].scope: Unsupported value: "X": '
                'supported values: "*", "Cluster", "Namespaced"'
            ],
        ),
        (
            _hook(admissionReviewVersions=["v1", "v1"]),
            ['webhooks[0].admissionReviewVersions[1]: Invalid value: "v1": duplicate version'],
        ),
        (
            _hook(reinvocationPolicy="X"),
            ['webhooks[0].reinvocationPolicy: Unsupported value: "X": supported values: "IfNeeded", "Never"'],
        ),
        (
            _client(url="https://u:p@/p?q#f"),
            [
                f'{CLIENT}.url: Invalid value: "": host must be provided{FORM}',
                f'{CLIENT}.url: Invalid value: "u:p": user information is not permitted in the URL',
                f'{CLIENT}.url: Invalid value: "f": fragments are not permitted in the URL',
                f'{CLIENT}.url: Invalid value: "q": query parameters are not permitted in the URL',
            ],
        ),
        (
            _client(url="https://h:x/"),
            [
                f'{CLIENT}.url: Required value: url must be a valid URL: parse "https://h:x/": '
                f'invalid port ":x" after host{FORM}'
            ],
        ),
        # Upstream mistakes the one for the other.
        (
            _client(service={"name": "s", "path": "a//B"}),
            [
                f"{CLIENT}.service.name: Required value: service name is required",
                f"{CLIENT}.service.path: Invalid value: \"a//B\": must start with a '/'",
                f'{CLIENT}.service.path: Invalid value: "a//B": segment[0] may not be empty',
                f'{CLIENT}.service.path: Invalid value: "a//B": segment[1] may not be empty',
                f'{CLIENT}.service.path: Invalid value: "a//B": segment[2]: a lowercase RFC 1123 subdomain',
            ],
        ),
    ],
)
def test_says_what_is_wrong(hook: dict[str, Any], expected: list[str]) -> None:
    assert wrong(RESOURCE, webhooks=[hook]) == expected


def test_names_are_unique_unless_they_never_were() -> None:
    twice = [_hook(), _hook()]
    assert wrong(RESOURCE, webhooks=twice) == ['webhooks[1].name: Duplicate value: "a.example.com"']
    old = made(RESOURCE, webhooks=twice)
    assert wrong_update(RESOURCE, old, old) == []


def test_side_effects_may_stay_unknown() -> None:
    old = made(RESOURCE, webhooks=[_hook(sideEffects="Unknown")])
    assert wrong_update(RESOURCE, old, old) == []
    assert wrong(RESOURCE, webhooks=[_hook(sideEffects="Unknown")]) == [
        'webhooks[0].sideEffects: Unsupported value: "Unknown": supported values: "None", "NoneOnDryRun"'
    ]


def test_conditions_that_stay_are_not_judged_again() -> None:
    hook = _hook(matchConditions=[{"name": "a", "expression": "nosuch"}])
    old = made(RESOURCE, webhooks=[hook])
    assert wrong_update(RESOURCE, old, old) == []
    assert len(wrong(RESOURCE, webhooks=[hook])) == 1


def test_no_more_than_64_conditions() -> None:
    conditions = [{"name": f"n{at}", "expression": "true"} for at in range(65)]
    assert wrong(RESOURCE, webhooks=[_hook(matchConditions=conditions)]) == [
        "webhooks[0].matchConditions: Too many: 65: must have at most 64 items"
    ]
