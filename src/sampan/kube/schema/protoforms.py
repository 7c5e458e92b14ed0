"""How the members of an object and the fields of its protobuf message belong together.

The messages are Kubernetes' own (specs/kubernetes/messages.txt), the objects' members those of their nodes. A
struct that Go embeds is a message of its own whose members lie in the object around it.
"""

from functools import lru_cache
from typing import NamedTuple

from sampan.kube.schema import builtin
from sampan.kube.schema.node import Node
from sampan.specs.kubernetes import messages

_META = "apimachinery.pkg.apis.meta.v1."
_EXTENSIONS = "apiextensions_apiserver.pkg.apis.apiextensions.v1."
# Messages that are no objects in JSON.
SPECIAL = {
    "apimachinery.pkg.api.resource.Quantity": "quantity",
    _META + "Time": "time",
    _META + "MicroTime": "micro-time",
    _META + "FieldsV1": "raw",
    _META + "Verbs": "items",
    "apimachinery.pkg.runtime.RawExtension": "raw",
    "apimachinery.pkg.util.intstr.IntOrString": "int-or-string",
    _EXTENSIONS + "JSON": "raw",
    _EXTENSIONS + "JSONSchemaPropsOrArray": "schema-or-list",
    _EXTENSIONS + "JSONSchemaPropsOrBool": "schema-or-bool",
    _EXTENSIONS + "JSONSchemaPropsOrStringArray": "schema-or-strings",
    "api.authentication.v1.ExtraValue": "items",
    "api.authorization.v1.ExtraValue": "items",
    "api.certificates.v1.ExtraValue": "items",
}
# Fields that are structs which Go embeds (EMBEDDED of gofields.py).
EMBEDDED = frozenset(
    (
        "deviceConfiguration",
        "ephemeralContainerCommon",
        "handler",
        "ingressRuleValue",
        "localObjectReference",
        "persistentVolumeSource",
        "rule",
        "ruleWithOperations",
        "volumeSource",
    )
)
SCHEMA = _EXTENSIONS + "JSONSchemaProps"
# Package names in which OpenAPI has a dash.
_DASHED = ("apiextensions_apiserver", "kube_aggregator")


class Member(NamedTuple):
    """`form`: a scalar's type, one of SPECIAL's, "message" (an object), "inline" (in the object around)."""

    name: str  # in JSON
    number: int
    form: str
    repeated: bool
    map: bool
    message: str  # of a message: its name


@lru_cache(maxsize=1000)
def members(message: str) -> tuple[Member, ...]:
    """Of a message, by number as they are sent; those that 1.35's objects do not have are left out."""
    node = _node(message)
    named = None if node is None else {_plain(name): name for name in node.fields}
    found = []
    for field in sorted(messages.fields(message), key=lambda field: field.number):
        form = _form(field.value if field.type == "map" else field.type)
        of = "" if form in messages.SCALARS else (field.value or field.type)
        name = field.name if named is None else named.get(_plain(field.name), "")
        if not name and field.name in ("kind", "apiVersion"):
            name = field.name
        if not name and form == "message" and field.name in EMBEDDED:
            form = "inline"
        if name or form == "inline":
            found.append(Member(name, field.number, form, field.repeated, field.type == "map", of))
    return tuple(found)


def message_of(api_version: str, kind: str) -> str:
    """The message of a kind; "" if it has none."""
    group, _, version = api_version.rpartition("/")
    definition = builtin.package_of(group) + f"{version}.{kind}"
    name = definition.removeprefix("io.k8s.").replace("-", "_")
    return next((each for each in (name, _META + kind) if each in messages.names()), "")


def _form(type: str) -> str:
    return type if type in messages.SCALARS else SPECIAL.get(type, "message")


def _node(message: str) -> Node | None:
    name = message
    for package in _DASHED:
        name = name.replace(package, package.replace("_", "-"))
    try:
        return builtin.node(f"io.k8s.{name}")
    except KeyError:
        return None


def _plain(name: str) -> str:
    """Protobuf's names have no dashes, and capitals of their own: "xKubernetesListType", "aPIGroup"."""
    return name.replace("-", "").replace("$", "").lower()
