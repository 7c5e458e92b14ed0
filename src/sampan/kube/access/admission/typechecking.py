"""What a policy's expressions do not fit: told in its status, and nothing more.

k8s.io/apiserver pkg/admission/plugin/policy/validating/typechecking.go
"""

from collections.abc import Callable, Iterator
from typing import Any

from sampan.kube.kinds.admissionregistration.expressions import Variables
from sampan.kube.kinds.resource import Object, Resource
from sampan.kube.schema.cel.declarations import Declared, Environment
from sampan.kube.schema.cel.errors import CelError
from sampan.kube.schema.cel.program import compile_anew
from sampan.kube.schema.cel.types import DYN
from sampan.kube.schema.celtypes import declare
from sampan.kube.schema.node import Node

MOST = 10  # kinds that are looked at
_DEEPEST = 30  # levels of a kind: some contain themselves

# (group, version, plural) -> what is served there.
Find = Callable[[str, str, str], tuple[Resource, Node] | None]


def status_of(policy: Object, find: Find) -> Object:
    """The status of a policy that was looked at."""
    warnings = list(_warnings(policy["spec"], find))
    checking = {"expressionWarnings": warnings} if warnings else {}
    return {"observedGeneration": policy["metadata"].get("generation", 0), "typeChecking": checking}


def _warnings(spec: Object, find: Find) -> Iterator[Object]:
    kinds = [(name, _declared(node)) for name, node in _kinds(spec, find)]
    for at, validation in enumerate(spec.get("validations") or ()):
        for part in ("expression", "messageExpression"):
            source = validation.get(part)
            texts = [_complaint(source, spec, name, declared) for name, declared in kinds] if source else []
            found = "\n".join(text for text in texts if text)
            if found:
                yield {"fieldRef": f"spec.validations[{at}].{part}", "warning": found}


def _complaint(source: str, spec: Object, name: str, declared: Declared) -> str:
    try:
        compile_anew(source, _environment(spec, declared))
    except CelError as error:
        return f"{name}: {error}\n"
    return ""


def _environment(spec: Object, declared: Declared) -> Environment:
    params = spec.get("paramKind") is not None
    variables = Variables(bool(spec.get("variables")))
    for one in spec.get("variables") or ():
        try:
            type = compile_anew(one["expression"], _typed(variables, params, declared)).type
        except CelError:
            type = DYN  # told where it is mentioned, if at all
        variables.add(one["name"], type)
    return _typed(variables, params, declared)


def _typed(variables: Variables, params: bool, declared: Declared) -> Environment:
    plain = variables.environment(params, True)
    return Environment({**plain.variables, "object": declared, "oldObject": declared})


def _kinds(spec: Object, find: Find) -> list[tuple[str, Node]]:
    """What the policy names, without wildcards, in the order of groups, versions and kinds."""
    found: dict[tuple[str, str, str], Node] = {}
    for rule in (spec.get("matchConstraints") or {}).get("resourceRules") or ():
        for group, version, plural in _named(rule):
            one = find(group, version, plural)
            if one is not None and len(found) < MOST:
                resource, node = one
                found[resource.group, resource.version, resource.kind] = node
    return [
        (f"{f'{group}/' if group else ''}{version}, Kind={kind}", found[group, version, kind])
        for group, version, kind in sorted(found)
    ]


def _named(rule: Object) -> Iterator[tuple[str, str, str]]:
    groups, versions = sorted(rule.get("apiGroups") or ()), sorted(rule.get("apiVersions") or ())
    if any("*" in one for one in (*groups, *versions)):
        return
    for group in groups:
        for version in versions:
            for plural in sorted(rule.get("resources") or ()):
                if "*" not in plural and "/" not in plural:
                    yield group, version, plural


def _declared(node: Node) -> Declared:
    found = declare(node.schema if node.schema is not None else _schema(node, 0), True)
    return found if found is not None else Declared(DYN)


def _schema(node: Node, depth: int) -> dict[str, Any]:
    """A built-in kind's node in the form that custom resources have."""
    if depth > _DEEPEST or node.type == "any":
        return {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    if node.type == "int-or-string" or node.format == "int-or-string":
        return {"x-kubernetes-int-or-string": True}
    if node.type == "object":
        properties = {name: _schema(one, depth + 1) for name, one in node.fields.items()}
        return {"type": "object", "properties": properties}
    if node.type == "map":
        return {"type": "object", "additionalProperties": _schema(node.items or Node("any"), depth + 1)}
    if node.type == "list":
        return {"type": "array", "items": _schema(node.items or Node("any"), depth + 1)}
    times = node.type == "string" and node.format in ("date-time", "byte")
    return {"type": node.type, "format": node.format} if times else {"type": node.type}
