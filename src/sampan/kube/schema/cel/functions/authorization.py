"""May this user do that? k8s.io/apiserver pkg/cel/library/authz.go

The caller gives a function of (user, attributes) -> (allowed, reason); attributes are verb, group, resource,
subresource, namespace, name, path, field_selector and label_selector.
"""

from collections.abc import Callable
from typing import Any

from sampan.kube.schema.cel.errors import CelEvaluationError
from sampan.kube.schema.cel.functions.overload import Row
from sampan.kube.schema.cel.values import Opaque

_PREFIX = "kubernetes.authorization."
AUTHORIZER, PATH, GROUP = f"{_PREFIX}Authorizer", f"{_PREFIX}PathCheck", f"{_PREFIX}GroupCheck"
RESOURCE, DECISION = f"{_PREFIX}ResourceCheck", f"{_PREFIX}Decision"
Authorize = Callable[[Any, dict[str, str]], tuple[bool, str]]


class Authorizer(Opaque):
    """`user` is the caller's own, or (namespace, name) of a service account."""

    __slots__ = ("authorize", "user")
    cel_type = AUTHORIZER

    def __init__(self, authorize: Authorize, user: Any) -> None:
        self.authorize = authorize
        self.user = user


class Check(Opaque):
    __slots__ = ("attributes", "authorizer", "cel_type")

    def __init__(self, cel_type: str, authorizer: Authorizer, attributes: dict[str, str]) -> None:
        self.cel_type = cel_type
        self.authorizer = authorizer
        self.attributes = attributes

    def with_(self, **more: str) -> "Check":
        return Check(RESOURCE, self.authorizer, {**self.attributes, **more})

    def check(self, verb: str) -> "Decision":
        allowed, reason = self.authorizer.authorize(self.authorizer.user, {**self.attributes, "verb": verb})
        return Decision(allowed, reason)


class Decision(Opaque):
    __slots__ = ("allowed", "reason")
    cel_type = DECISION

    def __init__(self, allowed: bool, reason: str) -> None:
        self.allowed = allowed
        self.reason = reason


def resource_check(authorizer: Authorizer, **attributes: str) -> Check:
    """What `authorizer.requestResource` is."""
    return Check(RESOURCE, authorizer, attributes)


def _path(authorizer: Authorizer, path: str) -> Check:
    if not path.strip():
        raise CelEvaluationError("path must not be empty")
    return Check(PATH, authorizer, {"path": path})


def _resource(check: Check, resource: str) -> Check:
    if not resource.strip():
        raise CelEvaluationError("resource must not be empty")
    return check.with_(resource=resource)


def _service_account(authorizer: Authorizer, namespace: str, name: str) -> Authorizer:
    from sampan.specs.kubernetes.names import dns1123_label, dns1123_subdomain

    if dns1123_subdomain(name):
        raise CelEvaluationError("Invalid service account name")
    if dns1123_label(namespace):
        raise CelEvaluationError("Invalid service account namespace")
    return Authorizer(authorizer.authorize, (namespace, name))


def _setter(name: str) -> Any:
    return lambda check, value: check.with_(**{name: value})


def overloads() -> list[Row]:
    setters = {
        "subresource": "subresource",
        "namespace": "namespace",
        "name": "name",
        "fieldSelector": "field_selector",
        "labelSelector": "label_selector",
    }
    return [
        ("path", "authorizer_path", f"{AUTHORIZER} . string -> {PATH}", _path),
        (
            "group",
            "authorizer_group",
            f"{AUTHORIZER} . string -> {GROUP}",
            lambda one, group: Check(GROUP, one, {"group": group}),
        ),
        (
            "serviceAccount",
            "authorizer_serviceaccount",
            f"{AUTHORIZER} . string, string -> {AUTHORIZER}",
            _service_account,
        ),
        ("resource", "groupcheck_resource", f"{GROUP} . string -> {RESOURCE}", _resource),
        *(
            (name, f"resourcecheck_{name.lower()}", f"{RESOURCE} . string -> {RESOURCE}", _setter(key))
            for name, key in setters.items()
        ),
        ("check", "pathcheck_check", f"{PATH} . string -> {DECISION}", Check.check),
        ("check", "resourcecheck_check", f"{RESOURCE} . string -> {DECISION}", Check.check),
        ("allowed", "decision_allowed", f"{DECISION} . -> bool", lambda one: one.allowed),
        ("reason", "decision_reason", f"{DECISION} . -> string", lambda one: one.reason),
        ("errored", "decision_errored", f"{DECISION} . -> bool", lambda one: False),
        ("error", "decision_error", f"{DECISION} . -> string", lambda one: ""),
    ]
