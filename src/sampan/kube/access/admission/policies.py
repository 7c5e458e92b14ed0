"""ValidatingAdmissionPolicy: rules of the cluster's administrators, as expressions.

k8s.io/apiserver pkg/admission/plugin/policy/validating
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import orjson

from sampan.kube.access.admission import matching, reviewed
from sampan.kube.access.admission.conditions import (
    Conditions,
    Expression,
    Failure,
    OutOfBudget,
    PolicyVariables,
    Values,
)
from sampan.kube.access.admission.parameters import BadParameters, parameters_of
from sampan.kube.access.admission.refusing import name_of
from sampan.kube.access.admission.request import AdmissionRequest, Plugin
from sampan.kube.kinds.resource import Object, Resource
from sampan.kube.schema.cel.program import Budget
from sampan.specs.kubernetes import status

POLICIES = f"validatingadmissionpolicies.{matching.GROUP}"
BINDINGS = f"validatingadmissionpolicybindings.{matching.GROUP}"
FAILURES = "validation.policy.admission.k8s.io/validation_failure"
REFRESH = 1.0  # seconds between looks at what policies there are, as upstream's
LONGEST_MESSAGE = 5 * 1024  # bytes that an expression may make
LONGEST_ANNOTATION = 10 * 1024


@dataclass(frozen=True, slots=True)
class Denial:
    """Why a policy is against a request; `at`: which of its validations."""

    message: str
    reason: str = ""
    at: int = 0


@dataclass(frozen=True, slots=True)
class _Refusal:
    policy: str
    binding: str
    denial: Denial


class Policy:
    """A ValidatingAdmissionPolicy, compiled."""

    def __init__(self, policy: Object) -> None:
        spec = policy["spec"]
        params = spec.get("paramKind") is not None
        self.uid = policy["metadata"].get("uid", "")
        self.spec = spec
        self.name: str = policy["metadata"]["name"]
        self.fails = spec.get("failurePolicy", "Fail") != "Ignore"
        self.conditions = Conditions(spec.get("matchConditions"), spec.get("failurePolicy", "Fail"), params)
        self._variables = PolicyVariables(spec.get("variables"), params)
        make = self._variables.expression
        self._validations = [
            (one, make(one["expression"]), _message_of(one, make)) for one in spec.get("validations") or ()
        ]
        self._annotations = [
            (one["key"], make(one["valueExpression"])) for one in spec.get("auditAnnotations") or ()
        ]

    def judge(self, bindings: dict[str, Any]) -> tuple[list[Denial], list[tuple[str, str]]]:
        """What it has against a request, and what the audit log gets. Bindings: see reviewed.bindings."""
        try:
            if not self.conditions.hold(bindings):
                return [], []
        except Failure as error:
            return self._failed(error), []
        budget = Budget()
        bindings = dict(bindings)
        bindings["variables"] = Values(self._variables, bindings, budget)
        try:
            denials = self._denials(bindings, budget)
        except OutOfBudget as error:
            return self._failed(error), []
        budget = Budget()
        bindings["variables"] = Values(self._variables, bindings, budget)
        try:
            annotations, failed = self._audit(bindings, budget)
        except OutOfBudget as error:
            return self._failed(error), []
        return denials + failed, annotations

    def _failed(self, error: Failure, at: int = 0) -> list[Denial]:
        return [Denial(str(error), at=at)] if self.fails else []

    def _denials(self, bindings: dict[str, Any], budget: Budget) -> list[Denial]:
        found: list[Denial] = []
        broken = []
        for at, (validation, expression, message) in enumerate(self._validations):
            try:
                if expression.evaluate(bindings, budget) is not True:
                    broken.append((len(found), at, validation, message))
                    found.append(Denial(""))
            except OutOfBudget:
                raise
            except Failure as error:
                found += self._failed(error, at)
        for place, at, validation, message in broken:
            text = _said(validation, message, bindings, budget)
            found[place] = Denial(text, validation.get("reason") or "Invalid", at)
        return found

    def _audit(self, bindings: dict[str, Any], budget: Budget) -> tuple[list[tuple[str, str]], list[Denial]]:
        found, failed = [], []
        for key, expression in self._annotations:
            try:
                value = expression.evaluate(bindings, budget)
            except OutOfBudget:
                raise
            except Failure as error:
                failed += self._failed(error)
                continue
            if isinstance(value, str) and value.strip():
                found.append((key, _cut(value.strip())))
        return found, failed


def _message_of(validation: Object, make: Any) -> Expression | None:
    source = validation.get("messageExpression")
    return make(source, authorizer=False) if source else None


def _said(validation: Object, message: Expression | None, bindings: dict[str, Any], budget: Budget) -> str:
    """What a client is told of a validation that does not hold."""
    text: Any = ""
    if message is not None:
        try:
            text = message.evaluate(bindings, budget)
        except OutOfBudget as error:
            return f"failed messageExpression: {error}"
        except Failure:
            text = ""
    text = text.strip() if isinstance(text, str) else ""
    if "\n" in text or len(text.encode("utf-8", "replace")) > LONGEST_MESSAGE:
        text = ""
    text = text or (validation.get("message") or "").strip()
    return text or f"failed expression: {validation['expression'].strip()}"


def _cut(text: str) -> str:
    return text.encode("utf-8", "replace")[:LONGEST_ANNOTATION].decode("utf-8", "ignore")


def _name(one: Object) -> str:
    return str(one["metadata"]["name"])


class ValidatingPolicies(Plugin):
    """All policies and bindings that there are."""

    def __init__(
        self,
        kinds: matching.Kinds,
        authorize: reviewed.Authorize,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._kinds = kinds
        self._authorize = authorize
        self._clock = clock
        self._known: list[tuple[Policy, list[Object]]] = []
        self._next = -REFRESH

    async def validate(self, request: AdmissionRequest) -> None:
        if matching.exempt_from_policies(request):
            return
        if self._clock() >= self._next:
            self._known = self._refreshed(request)
            self._next = self._clock() + REFRESH
        refusals = [one for policy, bound in self._known for one in self._judge(policy, bound, request)]
        if refusals:
            raise _refused(request, refusals[0])

    def _refreshed(self, request: AdmissionRequest) -> list[tuple[Policy, list[Object]]]:
        """The policies that are bound, with their bindings. Each version of a policy is compiled once."""
        policies = request.reader.list(POLICIES)
        if not policies:
            return []
        before = {one.uid: one for one, _ in self._known}
        bound: dict[str, list[Object]] = {}
        for binding in request.reader.list(BINDINGS):
            bound.setdefault(binding["spec"].get("policyName", ""), []).append(binding)
        found = []
        for policy in sorted(policies, key=_name):
            bindings = bound.get(_name(policy))
            if bindings:
                known = before.get(policy["metadata"].get("uid", ""))
                same = known is not None and known.spec == policy["spec"]
                found.append((known if known and same else Policy(policy), sorted(bindings, key=_name)))
        return found

    def _judge(self, policy: Policy, bound: Iterable[Object], request: AdmissionRequest) -> list[_Refusal]:
        seen = matching.matched(policy.spec.get("matchConstraints") or {}, request, self._kinds)
        if seen is None:
            return []
        kind = policy.spec.get("paramKind")
        resource = self._kinds.of_kind(kind["apiVersion"], kind["kind"]) if kind else None
        if kind and resource is None:
            group, _, version = kind["apiVersion"].rpartition("/")
            what = f"'{group}/{version}, Kind={kind['kind']}'"
            why = f"failed to configure policy: failed to find resource referenced by paramKind: {what}"
            return [_Refusal(policy.name, "", Denial(why))] if policy.fails else []
        found: list[_Refusal] = []
        annotations: dict[str, list[str]] = {}
        variables: dict[str, Any] = {}
        for binding in bound:
            match = binding["spec"].get("matchResources") or {}
            if matching.matched(match, request, self._kinds) is None:
                continue
            variables = variables or reviewed.bindings(request, seen, self._authorize)
            found += _bound(policy, binding, resource, variables, annotations, request)
        for key, values in annotations.items():
            request.annotations.setdefault(f"{policy.name}/{key}", ", ".join(values))
        return found


def _bound(
    policy: Policy,
    binding: Object,
    resource: Resource | None,
    variables: dict[str, Any],
    annotations: dict[str, list[str]],
    request: AdmissionRequest,
) -> list[_Refusal]:
    """A policy with one binding: once for each of its parameters."""
    name = binding["metadata"]["name"]
    try:
        all_params = parameters_of(resource, binding["spec"].get("paramRef"), request)
    except BadParameters as error:
        why = Denial(f"failed to configure binding: {error}")
        return [_Refusal(policy.name, name, why)] if policy.fails else []
    found: list[_Refusal] = []
    for params in all_params:
        denials, audited = policy.judge({**variables, "params": params})
        for denial in denials:
            found += _act(policy, binding, denial, request)
        for key, value in audited:
            values = annotations.setdefault(key, [])
            if value not in values:
                values.append(value)
    return found


def _act(policy: Policy, binding: Object, denial: Denial, request: AdmissionRequest) -> list[_Refusal]:
    """Does what the binding says is to be done."""
    name, found = binding["metadata"]["name"], []
    actions = binding["spec"].get("validationActions") or ()
    for action in actions:
        if action == "Deny":
            found.append(_Refusal(policy.name, name, denial))
        elif action == "Warn":
            what = f"ValidatingAdmissionPolicy '{policy.name}' with binding '{name}'"
            request.warnings.append(f"Validation failed for {what}: {denial.message}")
        elif action == "Audit":
            entry = {
                "message": denial.message,
                "policy": policy.name,
                "binding": name,
                "expressionIndex": denial.at,
                "validationActions": actions,
            }
            request.annotations.setdefault(FAILURES, orjson.dumps([entry]).decode())
    return found


def _refused(request: AdmissionRequest, refusal: _Refusal) -> status.StatusError:
    """Of all refusals the first one is told."""
    bound = f" with binding '{refusal.binding}'" if refusal.binding else ""
    text = f"ValidatingAdmissionPolicy '{refusal.policy}'{bound} denied request: {refusal.denial.message}"
    resource = request.resource
    error = status.forbidden(resource.group, resource.plural, name_of(request), text)
    reason = refusal.denial.reason or "Invalid"
    details = {**(error.details or {}), "causes": [{"message": text}]}
    return status.StatusError(reason, error.message, details)
