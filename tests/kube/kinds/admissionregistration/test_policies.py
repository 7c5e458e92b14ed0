"""ValidatingAdmissionPolicy and its binding: what no recording shows."""

from collections.abc import Sequence
from typing import Any

import pytest

from sampan.kube.kinds.admissionregistration import (
    validatingadmissionpolicy,
    validatingadmissionpolicybinding,
)
from sampan.kube.kinds.resource import Context, Object
from tests.kube.kinds.judging import CONTEXT, made, wrong, wrong_update

POLICY, BINDING = validatingadmissionpolicy.RESOURCE, validatingadmissionpolicybinding.RESOURCE
RULE = {"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"]}
MATCH = {"resourceRules": [RULE]}


def _policy(**more: Any) -> dict[str, Any]:
    return {"matchConstraints": MATCH, "validations": [{"expression": "true"}], **more}


def _check(**one: Any) -> dict[str, Any]:
    return _policy(validations=[{"expression": "true", **one}])


def _audit(**one: Any) -> dict[str, Any]:
    return _policy(auditAnnotations=[{"key": "k", "valueExpression": "'x'", **one}])


@pytest.mark.parametrize(
    "spec",
    [
        _policy(),
        _check(expression="object.spec.replicas > 1 && request.userInfo.username != ''"),
        _check(expression="authorizer.group('').resource('pods').check('get').allowed()"),
        _check(expression="authorizer.requestResource.check('get').allowed()"),
        _check(expression="namespaceObject.metadata.labels['a'] == 'b'"),
        _policy(
            variables=[{"name": "a", "expression": "1"}, {"name": "b", "expression": "variables.a + 1"}],
            validations=[{"expression": "variables.b == 2", "messageExpression": "string(variables.a)"}],
        ),
        _policy(
            paramKind={"apiVersion": "v1", "kind": "ConfigMap"},
            matchConditions=[{"name": "a", "expression": "params.x"}],
        ),
        _audit(valueExpression="null"),
        _policy(validations=[], auditAnnotations=[{"key": "k", "valueExpression": "'x'"}]),
    ],
)
def test_takes_what_compiles(spec: dict[str, Any]) -> None:
    assert wrong(POLICY, spec=spec) == []


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (
            _check(messageExpression=" "),
            ['spec.validations[0].messageExpression: Invalid value: " ": must be non-empty if specified'],
        ),
        (
            _check(message="a\nb"),
            ['spec.validations[0].message: Invalid value: "a\\nb": must not contain line breaks'],
        ),
        # Only with the request's own rights may a message be made.
        (
            _check(messageExpression="string(authorizer.path('/').check('get').allowed())"),
            [
                "spec.validations[0].messageExpression: Invalid value: "
                "\"string(authorizer.path('/').check('get').allowed())\": compilation failed: "
                "ERROR: <input>:1:8: undeclared reference to 'authorizer' (in container '')\n"
                " | string(authorizer.path('/').check('get').allowed())\n"
                " | .......^"
            ],
        ),
        (
            _audit(valueExpression="1"),
            [
                'spec.auditAnnotations[0].valueExpression: Invalid value: "1": '
                "must evaluate to one of [string null_type] but got int"
            ],
        ),
        (
            _audit(valueExpression="'" + "x" * 5200 + "'"),
            [
                "spec.auditAnnotations[0].valueExpression: Required value: "
                "must not exceed 5120 bytes in length"
            ],
        ),
        (
            _policy(auditAnnotations=[{"key": "k", "valueExpression": "'x'"}] * 2),
            ['spec.auditAnnotations[1].key: Duplicate value: "k"'],
        ),
        (
            _policy(paramKind={"apiVersion": "a/b/c", "kind": "K"}),
            ['spec.paramKind.apiVersion: Invalid value: "a/b/c": unexpected GroupVersion string: a/b/c'],
        ),
        (
            _policy(paramKind={"apiVersion": "g/", "kind": "K"}),
            ['spec.paramKind.apiVersion: Invalid value: "g/": version must be specified'],
        ),
        (
            _policy(variables=[{"name": "in", "expression": "1"}]),
            ['spec.variables[0].name: Invalid value: "in": must be a valid CEL identifier'],
        ),
        (
            _policy(matchConstraints={"resourceRules": [{**RULE, "resourceNames": ["a", "a"]}]}),
            ['spec.matchConstraints.resourceRules[0].resourceNames[1]: Duplicate value: "a"'],
        ),
    ],
)
def test_says_what_is_wrong(spec: dict[str, Any], expected: list[str]) -> None:
    assert wrong(POLICY, spec=spec) == expected


def test_status_needs_words_and_places_of_its_warnings() -> None:
    old = made(POLICY, spec=_policy())
    status = {"typeChecking": {"expressionWarnings": [{"warning": "", "fieldRef": " "}]}}
    status["conditions"] = [{"type": "A", "status": "X", "reason": "", "message": ""}]  # type: ignore[assignment]
    assert wrong_update(POLICY, old, {**old, "status": status}, "status") == [
        "status.typeChecking.expressionWarnings[0].warning: Required value",
        "status.typeChecking.expressionWarnings[0].fieldRef: Required value",
        'status.conditions[0].status: Unsupported value: "X": supported values: "False", "True", "Unknown"',
        "status.conditions[0].lastTransitionTime: Required value: must be set",
        "status.conditions[0].reason: Required value: must be set",
    ]


class _Policies:
    """A Reader of one policy, of config maps."""

    def get(self, resource: str, namespace: str, name: str) -> Object | None:
        return made(POLICY, spec=_policy(paramKind={"apiVersion": "v1", "kind": "ConfigMap"}))

    def list(self, resource: str, namespace: str = "") -> Sequence[Object]:
        return []


def test_who_may_not_read_parameters_may_not_have_them_read() -> None:
    asked: list[tuple[str, ...]] = []

    def allowed(*attributes: str) -> bool:
        asked.append(attributes)
        return False

    context = Context(now=CONTEXT.now, user="u", groups=("g",), reader=_Policies(), allowed=allowed)
    spec = _policy(paramKind={"apiVersion": "v1", "kind": "ConfigMap"})
    assert wrong(POLICY, context, spec=spec) == [
        'spec.paramKind: Forbidden: user &{u  [g] map[]} must have "get" permission on all objects of the '
        "referenced paramKind (kind=ConfigMap, apiVersion=v1)"
    ]
    reference = {"name": "c", "namespace": "n", "parameterNotFoundAction": "Deny"}
    spec = {"policyName": "p", "validationActions": ["Deny"], "paramRef": reference}
    assert len(wrong(BINDING, context, spec=spec)) == 1
    assert asked == [("get", "", "configmaps", "", "*", "*"), ("get", "", "configmaps", "", "n", "c")]
    master = Context(now=CONTEXT.now, groups=("system:masters",), reader=_Policies(), allowed=allowed)
    assert wrong(BINDING, master, spec=spec) == []


def test_binding_shows_what_parameterizes_it() -> None:
    assert BINDING.cells is not None

    def shown(**reference: Any) -> Any:
        assert BINDING.cells is not None
        return BINDING.cells({"metadata": {}, "spec": {"policyName": "p", "paramRef": reference}}, 0.0)[1]

    assert shown(name="n") == "*/n"
    assert shown(name="n", namespace="s") == "s/n"
    selector = {"matchLabels": {"a": "b"}}
    assert shown(selector=selector) == (
        "&LabelSelector{MatchLabels:map[string]string{a: b,},MatchExpressions:[]LabelSelectorRequirement{},}"
    )
