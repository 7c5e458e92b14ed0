"""The AuthorizationConfiguration file: which authorizers, in which order, webhooks among them.

https://kubernetes.io/docs/reference/config-api/apiserver-config.v1
"""

from pathlib import Path
from typing import Any

from sampan.errors import Invalid
from sampan.kube.access import authorization
from sampan.kube.access.authorization import Authorizer, Local, Remote
from sampan.kube.access.authorizationwebhook import Rules, Webhook
from sampan.kube.access.configuration import Shape, expect, load
from sampan.kube.access.expressions import Expression
from sampan.kube.access.nodegraph import Graph
from sampan.kube.access.nodes import NodeAuthorizer
from sampan.kube.access.rbac import Rbac
from sampan.kube.access.remote import Remote as Server
from sampan.kube.access.remote import from_kubeconfig
from sampan.specs.golang.duration import SECOND, parse_duration
from sampan.specs.kubernetes import names

_TYPES = ("AlwaysAllow", "AlwaysDeny", "Node", "RBAC", "Webhook")
_ONCE = ("Node", "RBAC", "AlwaysAllow", "AlwaysDeny")
_LONGEST_TIMEOUT = 30.0
_SHAPE = Shape(
    {
        "authorizers": [
            Shape(
                {
                    "type": str,
                    "name": str,
                    "webhook": Shape(
                        {
                            "authorizedTTL": str,
                            "cacheAuthorizedRequests": bool,
                            "unauthorizedTTL": str,
                            "cacheUnauthorizedRequests": bool,
                            "timeout": str,
                            "subjectAccessReviewVersion": str,
                            "matchConditionSubjectAccessReviewVersion": str,
                            "failurePolicy": str,
                            "connectionInfo": Shape({"type": str, "kubeConfigFile": str}),
                            "matchConditions": [Shape({"expression": str})],
                        }
                    ),
                }
            )
        ]
    }
)


def from_file(path: Path, graph: Graph, rbac: Rbac) -> Authorizer:
    """Raises Invalid."""
    versions = ("apiserver.config.k8s.io/v1", "apiserver.config.k8s.io/v1beta1")
    found = load(path, "AuthorizationConfiguration", versions)
    expect(found, _SHAPE, str(path))
    configured: list[dict[str, Any]] = found.get("authorizers") or []
    if not configured:
        raise Invalid(f"{path}: at least one authorizer is needed")
    types = [one.get("type") for one in configured]
    for type_ in _ONCE:
        if types.count(type_) > 1:
            raise Invalid(f"{path}: the authorizer {type_} is there twice")
    seen = set()
    members: list[Local | Remote] = []
    for index, one in enumerate(configured):
        where = f"{path}: authorizers[{index}]"
        name = one.get("name") or ""
        if names.dns1123_subdomain(name) or name in seen:
            raise Invalid(f"{where}: the name {name!r} must be a DNS name, and no other authorizer's")
        seen.add(name)
        members.append(_member(one, where, path, graph, rbac))
    return Authorizer(members)


def _member(one: dict[str, Any], where: str, path: Path, graph: Graph, rbac: Rbac) -> Local | Remote:
    type_, webhook = one.get("type"), one.get("webhook")
    if type_ not in _TYPES:
        raise Invalid(f"{where}: no type {type_!r}", hint=f"one of {', '.join(_TYPES)}")
    if (type_ == "Webhook") != (webhook is not None):
        raise Invalid(f"{where}: webhook is for the type Webhook, and needed there")
    if webhook is not None:
        return _webhook(webhook, f"{where}.webhook", path)
    if type_ == "RBAC":
        return rbac
    return NodeAuthorizer(graph) if type_ == "Node" else authorization.Always(type_ == "AlwaysAllow")


def _webhook(found: dict[str, Any], where: str, path: Path) -> Webhook:
    policy = found.get("failurePolicy")
    if policy not in ("NoOpinion", "Deny"):
        raise Invalid(f"{where}: failurePolicy must be NoOpinion or Deny, is {policy!r}")
    for field in ("subjectAccessReviewVersion", "matchConditionSubjectAccessReviewVersion"):
        wanted = field == "subjectAccessReviewVersion" or found.get("matchConditions")
        if wanted and found.get(field) != "v1":
            raise Invalid(f"{where}: {field} must be v1, is {found.get(field)!r}")
    connection = found.get("connectionInfo") or {}
    if connection.get("type") != "KubeConfigFile" or not connection.get("kubeConfigFile"):
        raise Invalid(f"{where}: connectionInfo must be of type KubeConfigFile, with a kubeConfigFile")
    timeout = _seconds(found, "timeout", 0.0, where)
    if not 0 < timeout <= _LONGEST_TIMEOUT:
        raise Invalid(f"{where}: timeout must be more than 0s and at most 30s")
    server = Server(from_kubeconfig(path.parent / connection["kubeConfigFile"]), timeout)
    conditions = [
        Expression(one.get("expression") or "", "request", f"{where}.matchConditions[{index}]")
        for index, one in enumerate(found.get("matchConditions") or ())
    ]
    allowed = _seconds(found, "authorizedTTL", 300.0, where)
    refused = _seconds(found, "unauthorizedTTL", 30.0, where)
    return Webhook(
        server.post,
        Rules(
            allowed if found.get("cacheAuthorizedRequests", True) else 0.0,
            refused if found.get("cacheUnauthorizedRequests", True) else 0.0,
            policy == "Deny",
            conditions,
        ),
        close=server.close,
    )


def _seconds(found: dict[str, Any], field: str, default: float, where: str) -> float:
    text = found.get(field)
    if not text:
        return default
    try:
        seconds = parse_duration(text) / SECOND
    except Invalid as error:
        raise Invalid(f"{where}.{field}: {error}") from error
    if seconds <= 0:
        raise Invalid(f"{where}.{field} must be more than 0s")
    return seconds
