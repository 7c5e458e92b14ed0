"""ValidatingAdmissionPolicy: what is refused, warned of and told to the audit log."""

import asyncio
import json
from typing import Any

import pytest

from sampan.kube.access.admission.policies import BINDINGS, FAILURES, POLICIES, ValidatingPolicies
from sampan.kube.access.admission.request import AdmissionRequest
from sampan.specs.kubernetes.status import StatusError
from tests.kube.access.admission.cluster import NODES, Cluster, allow_get, rules


def cluster_with(*validations: dict[str, Any], actions: tuple[str, ...] = ("Deny",), **spec: Any) -> Cluster:
    cluster = Cluster()
    reference = spec.pop("paramRef", None)
    body = {"matchConstraints": {"resourceRules": rules()}, "validations": list(validations), **spec}
    cluster.put(POLICIES, {"metadata": {"name": "p"}, "spec": body})
    binding = {"policyName": "p", "validationActions": list(actions)}
    if reference is not None:
        binding["paramRef"] = reference
    cluster.put(BINDINGS, {"metadata": {"name": "b"}, "spec": binding})
    return cluster


def judge(cluster: Cluster, request: AdmissionRequest | None = None) -> StatusError | None:
    policies = ValidatingPolicies(cluster, allow_get)
    try:
        asyncio.run(policies.validate(request or cluster.request()))
    except StatusError as error:
        return error
    return None


def said(error: StatusError | None) -> str:
    assert error is not None
    prefix = "configmaps \"x\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: "
    assert error.message.startswith(prefix), error.message
    return error.message.removeprefix(prefix)


@pytest.mark.parametrize(
    "expression",
    [
        "object.data.a == '1' && oldObject == null",
        "request.operation == 'CREATE' && request.kind.kind == 'ConfigMap'",
        "request.resource.resource == 'configmaps' && request.name == 'x'",
        "request.userInfo.username == 'jane' && 'devs' in request.userInfo.groups && !request.dryRun",
        "namespaceObject.metadata.labels['env'] == 'test'",
        "authorizer.group('').resource('pods').check('get').allowed()",
        "!authorizer.group('').resource('pods').check('list').allowed()",
        "authorizer.requestResource.check('get').reason() == 'because'",
        "authorizer.serviceAccount('ns', 'sa').path('/x').check('get').allowed()",
        "!has(oldObject.spec)",
    ],
)
def test_what_expressions_see(expression: str) -> None:
    assert judge(cluster_with({"expression": expression})) is None


def test_a_refusal_in_full() -> None:
    error = judge(cluster_with({"expression": "object.data.a == '2'", "message": "wrong"}))
    assert error is not None
    text = "ValidatingAdmissionPolicy 'p' with binding 'b' denied request: wrong"
    assert error.status() == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": f'configmaps "x" is forbidden: {text}',
        "reason": "Invalid",
        "details": {"name": "x", "kind": "configmaps", "causes": [{"message": text}]},
        "code": 422,
    }


@pytest.mark.parametrize(
    ("validation", "message", "code"),
    [
        ({"expression": "false"}, "failed expression: false", 422),
        ({"expression": "false", "reason": "Forbidden"}, "failed expression: false", 403),
        ({"expression": "false", "reason": "RequestEntityTooLarge"}, "failed expression: false", 413),
        ({"expression": "false", "messageExpression": "'a' + object.data.a"}, "a1", 422),
        ({"expression": "false", "messageExpression": "object.data.z", "message": "plain"}, "plain", 422),
        ({"expression": "false", "messageExpression": "' '"}, "failed expression: false", 422),
        (
            {"expression": "object.data.z == ''"},
            "expression 'object.data.z == ''' resulted in error: no such key: z",
            422,
        ),
    ],
)
def test_what_a_client_hears(validation: dict[str, Any], message: str, code: int) -> None:
    error = judge(cluster_with(validation))
    assert said(error) == message
    assert error is not None
    assert error.code == code


def test_variables_are_evaluated_when_needed_and_by_name() -> None:
    variables = [
        {"name": "n", "expression": "int(object.data.a)"},
        {"name": "twice", "expression": "variables.n * 2"},
        {"name": "broken", "expression": "object.data.nosuch"},
    ]
    fine = cluster_with({"expression": "variables.twice == 2"}, variables=variables)
    assert judge(fine) is None
    broken = cluster_with({"expression": "variables.broken == ''"}, variables=variables)
    assert said(judge(broken)) == (
        "expression 'variables.broken == ''' resulted in error: "
        'composited variable "broken" fails to evaluate: no such key: nosuch'
    )


def test_a_policy_that_may_fail_lets_errors_pass_but_no_refusals() -> None:
    error = {"expression": "object.data.z == ''"}
    assert judge(cluster_with(error, failurePolicy="Ignore")) is None
    assert judge(cluster_with({"expression": "false"}, failurePolicy="Ignore")) is not None


@pytest.mark.parametrize(
    ("condition", "refused"),
    [
        ("object.metadata.name == 'x'", True),
        ("object.metadata.name == 'y'", False),
        ("object.data.z == ''", True),
    ],
)
def test_match_conditions_decide_whether_a_policy_is_asked(condition: str, refused: bool) -> None:
    conditions = [{"name": "c", "expression": condition}]
    assert (judge(cluster_with({"expression": "false"}, matchConditions=conditions)) is not None) is refused


def test_actions() -> None:
    cluster = cluster_with({"expression": "false", "message": "no"}, actions=("Warn", "Audit"))
    request = cluster.request()
    assert judge(cluster, request) is None
    assert request.warnings == ["Validation failed for ValidatingAdmissionPolicy 'p' with binding 'b': no"]
    assert json.loads(request.annotations[FAILURES]) == [
        {
            "message": "no",
            "policy": "p",
            "binding": "b",
            "expressionIndex": 0,
            "validationActions": ["Warn", "Audit"],
        }
    ]


def test_audit_annotations() -> None:
    annotations = [
        {"key": "k", "valueExpression": "'v' + object.data.a"},
        {"key": "nothing", "valueExpression": "null"},
    ]
    cluster = cluster_with(auditAnnotations=annotations)
    request = cluster.request()
    assert judge(cluster, request) is None
    assert request.annotations == {"p/k": "v1"}


KIND = {"apiVersion": "example.com/v1", "kind": "Param"}
CHECK = {"expression": "params == null || object.data.a in params.allowed"}


def parametrized(reference: dict[str, Any] | None) -> Cluster:
    cluster = cluster_with(CHECK, paramKind=KIND, paramRef=reference)
    for name, allowed in (("good", ["1"]), ("bad", [])):
        metadata = {"name": name, "namespace": "ns", "labels": {"name": name}}
        cluster.put("params.example.com", {"metadata": metadata, "allowed": allowed})
    return cluster


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ({"name": "good"}, ""),
        ({"name": "bad"}, f"failed expression: {CHECK['expression']}"),
        ({"selector": {"matchLabels": {"name": "good"}}}, ""),
        ({"selector": {}}, f"failed expression: {CHECK['expression']}"),
        ({"name": "gone", "parameterNotFoundAction": "Allow"}, ""),
        (
            {"name": "gone", "parameterNotFoundAction": "Deny"},
            "failed to configure binding: "
            "no params found for policy binding with `Deny` parameterNotFoundAction",
        ),
        (None, ""),
    ],
)
def test_parameters(reference: dict[str, Any] | None, message: str) -> None:
    error = judge(parametrized(reference))
    assert (said(error) if error else "") == message


def test_parameters_in_a_namespace_are_none_of_the_clusters() -> None:
    cluster = parametrized({"name": "good"})
    error = judge(cluster, cluster.request(NODES))
    assert error is not None
    assert (
        "cannot use namespaced paramRef in policy binding that matches cluster-scoped resources"
        in error.message
    )


def test_a_kind_of_parameters_that_nobody_serves() -> None:
    error = judge(
        cluster_with(CHECK, paramKind={"apiVersion": "a.b/v1", "kind": "Nosuch"}, paramRef={"name": "a"})
    )
    assert error is not None
    assert error.message.endswith(
        "ValidatingAdmissionPolicy 'p' denied request: failed to configure policy: "
        "failed to find resource referenced by paramKind: 'a.b/v1, Kind=Nosuch'"
    )


def test_what_decides_about_admission_is_never_refused() -> None:
    from sampan.kube.kinds.resource import Resource

    cluster = cluster_with({"expression": "false"})
    exempt = Resource(
        "X", "validatingadmissionpolicies", group="admissionregistration.k8s.io", namespaced=False
    )
    assert judge(cluster, cluster.request(exempt)) is None


def test_policies_are_looked_at_once_a_second() -> None:
    cluster = cluster_with({"expression": "false"})
    now = [0.0]
    policies = ValidatingPolicies(cluster, allow_get, lambda: now[0])

    def refused() -> bool:
        try:
            asyncio.run(policies.validate(cluster.request()))
        except StatusError:
            return True
        return False

    assert refused()
    del cluster.objects[BINDINGS, "", "b"]
    assert refused()
    now[0] = 1.0
    assert not refused()


def test_all_expressions_share_one_budget() -> None:
    loop = "range.all(a, range.all(b, a + b >= 0))".replace("range", f"[{','.join(['1'] * 300)}]")
    cluster = cluster_with(*[{"expression": loop}] * 60)
    assert "running out of cost budget" in said(judge(cluster))
