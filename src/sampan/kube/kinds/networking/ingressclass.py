"""IngressClass. k8s.io/kubernetes/pkg/apis/networking/validation"""

from typing import Any

from sampan.kube.kinds.ages import age
from sampan.kube.kinds.networking.backends import reference_errors
from sampan.kube.kinds.resource import Column, Context, Object, Resource
from sampan.specs.kubernetes import names
from sampan.specs.kubernetes.fielderror import (
    FieldError,
    forbidden,
    invalid,
    not_supported,
    required,
    too_long,
)

CONTROLLER_LENGTH = 250
SCOPES = ("Cluster", "Namespace")


def default(new: Object) -> None:
    parameters = new["spec"].get("parameters")
    if parameters is not None and parameters.get("scope") is None:
        parameters["scope"] = "Cluster"


def validate(new: Object, _context: Context) -> list[FieldError]:
    spec = new["spec"]
    controller = spec.get("controller", "")
    found: list[FieldError] = []
    if names.size(controller) > CONTROLLER_LENGTH:
        found.append(too_long("spec.controller", CONTROLLER_LENGTH))
    found += names.domain_prefixed_path_errors(controller, "spec.controller")
    if (parameters := spec.get("parameters")) is not None:
        found += _parameters_errors(parameters, "spec.parameters")
    return found


def _parameters_errors(parameters: Object, path: str) -> list[FieldError]:
    found = reference_errors(parameters, path)
    scope, namespace = parameters.get("scope"), parameters.get("namespace")
    if scope is None:
        return [*found, required(f"{path}.scope")]
    if scope not in SCOPES:
        return [*found, not_supported(f"{path}.scope", scope, SCOPES)]
    if scope == "Cluster":
        if namespace is not None:
            found.append(forbidden(f"{path}.namespace", "`parameters.scope` is set to 'Cluster'"))
    elif namespace is None:
        found.append(required(f"{path}.namespace", "`parameters.scope` is set to 'Namespace'"))
    else:
        found += [invalid(f"{path}.namespace", namespace, one) for one in names.dns1123_label(namespace)]
    return found


def validate_update(new: Object, old: Object, context: Context) -> list[FieldError]:
    found: list[FieldError] = []
    controller = new["spec"].get("controller", "")
    if controller != old["spec"].get("controller", ""):
        found.append(invalid("spec.controller", controller, "field is immutable"))
    return found + validate(new, context)


def cells(new: Object, now: float) -> list[Any]:
    parameters = new["spec"].get("parameters")
    shown = "<none>"
    if parameters is not None:
        group = parameters.get("apiGroup")
        shown = parameters.get("kind", "") + ("" if group is None else f".{group}")
        shown += f"/{parameters.get('name', '')}"
    return [new["spec"].get("controller", ""), shown, age(new["metadata"].get("creationTimestamp"), now)]


RESOURCE = Resource(
    "IngressClass",
    "ingressclasses",
    group="networking.k8s.io",
    namespaced=False,
    default=default,
    validate=validate,
    validate_update=validate_update,
    generation=("spec",),
    columns=(
        Column("Controller", description="Controller that is responsible for handling this class"),
        Column("Parameters", description="A reference to a resource with additional parameters"),
        Column("Age", describe="metadata.creationTimestamp"),
    ),
    cells=cells,
)
