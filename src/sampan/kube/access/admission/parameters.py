"""The objects that configure a policy; k8s.io/apiserver pkg/admission/plugin/policy/generic"""

from collections.abc import Sequence

from sampan.kube.access.admission.request import AdmissionRequest
from sampan.kube.kinds.resource import Object, Resource
from sampan.specs.kubernetes import labels


class BadParameters(Exception):
    """There are none as the binding says, and that is an error."""


def parameters_of(
    resource: Resource | None, reference: Object | None, request: AdmissionRequest
) -> Sequence[Object | None]:
    """What a paramRef means; a policy without one is evaluated once, with None. Raises BadParameters."""
    if resource is None or reference is None:
        return [None]
    namespace = _namespace(resource, reference, request)
    name, selector = reference.get("name"), reference.get("selector")
    found: list[Object] = []
    if name:
        one = request.reader.get(resource.name, namespace, name)
        found = [one] if one is not None else []
    elif selector is not None:
        wanted = labels.from_object(selector)
        listed = request.reader.list(resource.name, namespace)
        found = [one for one in listed if wanted.matches(one["metadata"].get("labels") or {})]
    else:
        raise BadParameters("one of name or selector must be provided")
    if not found and reference.get("parameterNotFoundAction") == "Deny":
        raise BadParameters("no params found for policy binding with `Deny` parameterNotFoundAction")
    return [{**one, "apiVersion": resource.api_version, "kind": resource.kind} for one in found]


def _namespace(resource: Resource, reference: Object, request: AdmissionRequest) -> str:
    given = reference.get("namespace") or ""
    if not resource.namespaced:
        if given:
            raise BadParameters("paramRef.namespace must not be provided for a cluster-scoped `paramKind`")
        return ""
    if not given and not request.namespace:
        raise BadParameters(
            "cannot use namespaced paramRef in policy binding that matches cluster-scoped resources"
        )
    return str(given or request.namespace)
