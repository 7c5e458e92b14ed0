"""Which requests webhooks and policies are for; k8s.io/apiserver pkg/admission/plugin/webhook/predicates and
plugin/policy/matching
"""

from collections.abc import Iterable, Sequence
from typing import Protocol

from sampan.kube.access.admission.request import AdmissionRequest
from sampan.kube.kinds.resource import Object, Resource
from sampan.specs.kubernetes import labels, status

GROUP = "admissionregistration.k8s.io"
# What decides about admission is never subject to it: who locked himself out could not get in again.
_EXEMPT = frozenset(
    f"{kind}.{GROUP}"
    for kind in (
        "validatingwebhookconfigurations",
        "mutatingwebhookconfigurations",
        "validatingadmissionpolicies",
        "validatingadmissionpolicybindings",
        "mutatingadmissionpolicies",
        "mutatingadmissionpolicybindings",
    )
)
# Policies do not see questions that are asked while others are being answered.
_QUESTIONS = frozenset(
    (
        "selfsubjectreviews.authentication.k8s.io",
        "tokenreviews.authentication.k8s.io",
        "localsubjectaccessreviews.authorization.k8s.io",
        "selfsubjectaccessreviews.authorization.k8s.io",
        "selfsubjectrulesreviews.authorization.k8s.io",
        "subjectaccessreviews.authorization.k8s.io",
    )
)


class Kinds(Protocol):
    """What is served at present."""

    def of_kind(self, api_version: str, kind: str) -> Resource | None: ...

    def equivalents(self, resource: Resource) -> Sequence[Resource]:
        """The same objects in other versions or groups, itself not among them."""
        ...


def exempt(request: AdmissionRequest) -> bool:
    """Does nobody but the built-in plugins look at it?"""
    return request.resource.name in _EXEMPT


def exempt_from_policies(request: AdmissionRequest) -> bool:
    return exempt(request) or request.resource.name in _QUESTIONS


def matched(match: Object, request: AdmissionRequest, kinds: Kinds) -> Resource | None:
    """In which version MatchResources of a policy or a binding mean the request; None: they do not."""
    if not _selected(match, request):
        return None
    policy = match.get("matchPolicy", "Equivalent")
    excluded, rules = match.get("excludeResourceRules") or (), match.get("resourceRules") or ()
    if excluded and by_rules(excluded, policy, request, kinds) is not None:
        return None
    found = by_rules(rules, policy, request, kinds) if rules else request.resource
    if found is not None:
        _require_namespace(match, request)
    return found


def matched_webhook(webhook: Object, request: AdmissionRequest, kinds: Kinds) -> Resource | None:
    """The same of a webhook; its match conditions are not looked at. Raises StatusError."""
    if not _selected(webhook, request):
        return None
    policy = webhook.get("matchPolicy", "Equivalent")
    found = by_rules(webhook.get("rules") or (), policy, request, kinds)
    if found is not None:
        _require_namespace(webhook, request)
    return found


def by_rules(
    rules: Iterable[Object], policy: str, request: AdmissionRequest, kinds: Kinds
) -> Resource | None:
    """The first version that one of the rules means."""
    rules = [rule for rule in rules if _named(rule, request)]
    if any(_rule_means(rule, request, request.resource) for rule in rules):
        return request.resource
    if policy != "Equivalent":
        return None
    for rule in rules:
        for other in kinds.equivalents(request.resource):
            if _rule_means(rule, request, other):
                return other
    return None


def _named(rule: Object, request: AdmissionRequest) -> bool:
    names = rule.get("resourceNames")
    return not names or request.name in names


def _rule_means(rule: Object, request: AdmissionRequest, resource: Resource) -> bool:
    return (
        _has(rule.get("operations"), request.operation)
        and _has(rule.get("apiGroups"), resource.group)
        and _has(rule.get("apiVersions"), resource.version)
        and any(_resource_means(one, resource, request) for one in rule.get("resources") or ())
        and _in_scope(rule.get("scope", "*"), request)
    )


def _has(values: Sequence[str] | None, value: str) -> bool:
    return bool(values) and ("*" in values or value in values)  # type: ignore[operator]


def _resource_means(text: str, resource: Resource, request: AdmissionRequest) -> bool:
    plural, _, sub = text.partition("/")
    return plural in ("*", resource.plural) and sub in ("*", request.subresource)


def _in_scope(scope: str, request: AdmissionRequest) -> bool:
    if scope == "*":
        return True
    return (scope == "Namespaced") is (bool(request.namespace) and not is_namespace(request))


# Selectors


def is_namespace(request: AdmissionRequest) -> bool:
    return request.resource.name == "namespaces"


def _selected(match: Object, request: AdmissionRequest) -> bool:
    return _namespace_selected(match, request) and _object_selected(match, request)


def _namespace_selected(match: Object, request: AdmissionRequest) -> bool:
    if not request.namespace and not is_namespace(request):
        return True
    selector = labels.from_object(match.get("namespaceSelector") or {})
    if not selector:
        return True
    found = namespace_of(request)
    return found is None or selector.matches(found["metadata"].get("labels") or {})


def _require_namespace(match: Object, request: AdmissionRequest) -> None:
    """A namespace that is asked for its labels must be there. Raises StatusError."""
    if not request.namespace and not is_namespace(request):
        return
    if labels.from_object(match.get("namespaceSelector") or {}) and namespace_of(request) is None:
        raise status.not_found("", "namespaces", request.namespace or request.name)


def namespace_of(request: AdmissionRequest) -> Object | None:
    """The namespace that a request is in; a namespace that is written itself, as it will be."""
    if is_namespace(request):
        if request.operation in ("CREATE", "UPDATE") and not request.subresource:
            return request.object
        return request.reader.get("namespaces", "", request.name)
    return request.reader.get("namespaces", "", request.namespace)


def _object_selected(match: Object, request: AdmissionRequest) -> bool:
    selector = labels.from_object(match.get("objectSelector") or {})
    if not selector:
        return True
    return any(_labelled(one, selector) for one in (request.object, request.old))


def _labelled(value: Object | None, selector: labels.Selector) -> bool:
    metadata = value.get("metadata") if value is not None else None
    return isinstance(metadata, dict) and selector.matches(metadata.get("labels") or {})


def converted(value: Object | None, given: Resource, wanted: Resource) -> Object | None:
    """An object as another version of its resource has it."""
    if value is None or given is wanted:
        return value
    stored = given.to_stored(value) if given.to_stored is not None else value
    found = wanted.from_stored(stored) if wanted.from_stored is not None else stored
    return {**found, "apiVersion": wanted.api_version, "kind": wanted.kind}
