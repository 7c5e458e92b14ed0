"""The expressions of webhooks and policies: what they may mention and what must come out.
k8s.io/apiserver/pkg/admission/plugin/cel/compile.go
"""

from collections.abc import Iterable
from functools import cache

from sampan.kube.kinds.resource import Object
from sampan.kube.schema.cel.declarations import Declared, Environment
from sampan.kube.schema.cel.errors import CelError
from sampan.kube.schema.cel.functions.authorization import AUTHORIZER, RESOURCE
from sampan.kube.schema.cel.program import Program, compile
from sampan.kube.schema.cel.types import (
    BOOL,
    DYN,
    INT,
    STRING,
    TIMESTAMP,
    Field,
    Type,
    list_of,
    map_of,
    opaque,
)
from sampan.specs.kubernetes import names
from sampan.specs.kubernetes.fielderror import FieldError, duplicate, invalid, required, too_many

CONDITIONS = 64
# What an expression must give, by the use that is made of it; None: anything.
BOOLEAN, TEXT, TEXT_OR_NULL, ANYTHING = ("bool",), ("string",), ("string", "null"), ()


def _object(go_name: str, /, **fields: Type) -> Type:
    return Type("object", f"kubernetes.{go_name}", fields={key: Field(key, of) for key, of in fields.items()})


def _request() -> Type:
    kind = _object("GroupVersionKind", group=STRING, version=STRING, kind=STRING)
    resource = _object("GroupVersionResource", group=STRING, version=STRING, resource=STRING)
    texts = list_of(STRING)
    user = _object("UserInfo", username=STRING, uid=STRING, groups=texts, extra=map_of(STRING, texts))
    return _object(
        "AdmissionRequest",
        kind=kind,
        resource=resource,
        subResource=STRING,
        requestKind=kind,
        requestResource=resource,
        requestSubResource=STRING,
        name=STRING,
        namespace=STRING,
        operation=STRING,
        userInfo=user,
        dryRun=BOOL,
        options=DYN,
    )


def _namespace() -> Type:
    texts = map_of(STRING, STRING)
    metadata = _object(
        "NamespaceMetadata",
        name=STRING,
        generateName=STRING,
        namespace=STRING,
        labels=texts,
        annotations=texts,
        UID=STRING,
        creationTimestamp=TIMESTAMP,
        deletionGracePeriodSeconds=INT,
        deletionTimestamp=TIMESTAMP,
        generation=INT,
        resourceVersion=STRING,
        finalizers=list_of(STRING),
    )
    spec = _object("NamespaceSpec", finalizers=list_of(STRING))
    return _object("Namespace", metadata=metadata, spec=spec, status=_object("NamespaceStatus", phase=STRING))


@cache
def _types(params: bool, authorizer: bool) -> dict[str, Type]:
    found = {"object": DYN, "oldObject": DYN, "request": _request(), "namespaceObject": _namespace()}
    if params:
        found["params"] = DYN
    if authorizer:
        found["authorizer"] = opaque(AUTHORIZER)
        found["authorizer.requestResource"] = opaque(RESOURCE)
    return found


@cache
def plain(params: bool, authorizer: bool) -> Environment:
    """What match conditions may mention, and expressions of a policy without variables."""
    return Environment({name: Declared(of) for name, of in _types(params, authorizer).items()})


class Variables:
    """The variables of one policy; each may mention those before it."""

    def __init__(self, some: bool) -> None:
        self._some = some
        self._fields: dict[str, Field] = {}

    def environment(self, params: bool, authorizer: bool) -> Environment:
        if not self._some:
            return plain(params, authorizer)
        types = _types(params, authorizer) | {"variables": self._type()}
        return Environment({name: Declared(of) for name, of in types.items()})

    def _type(self) -> Type:
        return Type("object", "kubernetes.variables", fields=dict(self._fields))

    def add(self, name: str, type: Type) -> None:
        self._fields[name] = Field(name, type)


def compiled(
    expression: str, environment: Environment, wanted: tuple[str, ...], path: str, shown: str | None = None
) -> tuple[Program | None, list[FieldError]]:
    """`wanted` is one of BOOLEAN, TEXT, TEXT_OR_NULL, ANYTHING; `shown` what the message has as the value."""
    value = expression if shown is None else shown
    try:
        program = compile(expression, environment)
    except CelError as e:
        return None, [invalid(path, value, f"compilation failed: {e}")]
    if wanted and program.type.kind not in (*wanted, "dyn"):
        one = wanted[0] if len(wanted) == 1 else "one of [string null_type]"
        return None, [invalid(path, value, f"must evaluate to {one} but got {program.type}")]
    return program, []


def conditions_errors(conditions: list[Object] | None, params: bool, path: str) -> list[FieldError]:
    """Of matchConditions."""
    conditions = conditions or []
    found = [too_many(path, len(conditions), CONDITIONS)] if len(conditions) > CONDITIONS else []
    seen: set[str] = set()
    for at, condition in enumerate(conditions):
        found += _condition_errors(condition, params, f"{path}[{at}]")
        if name := condition.get("name"):
            if name in seen:
                found.append(duplicate(f"{path}[{at}].name", name))
            seen.add(name)
    return found


def _condition_errors(condition: Object, params: bool, path: str) -> list[FieldError]:
    name, expression = condition.get("name", ""), trimmed(condition.get("expression"))
    if expression:
        _, found = compiled(expression, plain(params, True), BOOLEAN, f"{path}.expression")
    else:
        found = [required(f"{path}.expression")]
    if not name:
        return [*found, required(f"{path}.name")]
    return found + [invalid(f"{path}.name", name, message) for message in names.qualified_name(name)]


def trimmed(text: str | None) -> str:
    """Without blanks around it, as Go sees blanks."""
    return (text or "").strip()


def conditions_of(owners: Iterable[Object] | None) -> list[list[Object]]:
    """The match conditions of each webhook."""
    return [owner.get("matchConditions") or [] for owner in owners or ()]
