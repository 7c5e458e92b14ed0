"""A write as webhooks and expressions see it: admission.k8s.io/v1 AdmissionRequest.

k8s.io/apiserver pkg/admission/plugin/webhook/request and plugin/cel
"""

from collections.abc import Callable
from typing import Any

from sampan.kube.access.admission.matching import converted, is_namespace, namespace_of
from sampan.kube.access.admission.request import AdmissionRequest
from sampan.kube.access.user import Attributes, User
from sampan.kube.kinds.resource import Object, Resource
from sampan.kube.schema.cel.functions.authorization import Authorizer, resource_check
from sampan.specs.kubernetes.object_meta import in_order

# May a user do this, and why (not)? Must know at once.
Authorize = Callable[[Attributes], tuple[bool, str]]


def described(request: AdmissionRequest, seen: Resource) -> Object:
    """All but the objects; `seen` is the version in which it is looked at."""
    found: Object = {"kind": _kind(request, seen), "resource": _resource(seen)}
    if request.subresource:
        found["subResource"] = request.subresource
    found["requestKind"] = _kind(request, request.resource)
    found["requestResource"] = _resource(request.resource)
    if request.subresource:
        found["requestSubResource"] = request.subresource
    if request.name:
        found["name"] = request.name
    namespace = request.name if is_namespace(request) else request.namespace
    if namespace:
        found["namespace"] = namespace
    found["operation"] = request.operation
    found["userInfo"] = user_info(request.user)
    found["dryRun"] = request.dry_run
    if request.options:
        found["options"] = request.options
    return found


def review(request: AdmissionRequest, seen: Resource, uid: str, version: str) -> Object:
    """The AdmissionReview that asks a webhook."""
    objects = {
        "object": converted(request.object, request.resource, seen),
        "oldObject": converted(request.old, request.resource, seen),
    }
    return {
        "kind": "AdmissionReview",
        "apiVersion": f"admission.k8s.io/{version}",
        "request": {"uid": uid, **described(request, seen), **objects, "options": request.options or None},
    }


def user_info(user: User) -> Object:
    found: Object = {"username": user.name, "uid": user.uid, "groups": list(user.groups)}
    found["extra"] = {key: list(values) for key, values in user.extra.items()}
    return {key: value for key, value in found.items() if value}


def _kind(request: AdmissionRequest, resource: Resource) -> Object:
    for sub in resource.subresources:
        if sub.name == request.subresource and sub.kind:
            return {"group": sub.group, "version": sub.version, "kind": sub.kind}
    return {"group": resource.group, "version": resource.version, "kind": resource.kind}


def _resource(resource: Resource) -> Object:
    return {"group": resource.group, "version": resource.version, "resource": resource.plural}


# --- what expressions see


def bindings(request: AdmissionRequest, seen: Resource, authorize: Authorize) -> dict[str, Any]:
    """Variables of match conditions; policies have `params` and `variables` besides."""
    authorizer = Authorizer(_asker(authorize), request.user)
    return {
        "object": converted(request.object, request.resource, seen),
        "oldObject": converted(request.old, request.resource, seen),
        "request": described(request, seen),
        "namespaceObject": _namespace(request),
        "authorizer": authorizer,
        "authorizer.requestResource": resource_check(
            authorizer,
            group=request.resource.group,
            version=request.resource.version,
            resource=request.resource.plural,
            subresource=request.subresource,
            namespace=request.namespace,
            name=request.name,
        ),
    }


def _asker(authorize: Authorize) -> Callable[[Any, dict[str, str]], tuple[bool, str]]:
    def ask(user: Any, asked: dict[str, str]) -> tuple[bool, str]:
        if isinstance(user, tuple):
            user = _service_account(*user)
        return authorize(Attributes(user, **{"version": "*", **asked}))

    return ask


def _service_account(namespace: str, name: str) -> User:
    groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated")
    return User(f"system:serviceaccount:{namespace}:{name}", groups=groups)


def _namespace(request: AdmissionRequest) -> Object | None:
    """What is shown of the namespace; a namespace is in none."""
    if is_namespace(request) or not request.namespace:
        return None
    found = namespace_of(request)
    if found is None:
        return None
    metadata = in_order(found["metadata"], "selfLink", "ownerReferences", "managedFields")
    phase = (found.get("status") or {}).get("phase")
    return {
        "metadata": metadata,
        "spec": dict(found.get("spec") or {}),
        "status": {"phase": phase} if phase else {},
    }
