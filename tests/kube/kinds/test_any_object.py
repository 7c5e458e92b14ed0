"""Whatever decoding lets through, no kind fails on it: all input is hostile."""

import random
from copy import deepcopy
from typing import Any

import pytest

from sampan.kube.kinds.resource import Context, Resource, Subresource
from sampan.kube.kinds.table import builtin_resources
from sampan.kube.schema import decoding
from sampan.kube.schema.node import Node
from sampan.specs.kubernetes.status import StatusError
from tests.kube.kinds.golden import node_of

CONTEXT = Context(now="2026-01-02T03:04:05Z", user="u")
TEXTS = (
    "",
    "a",
    "Bad_",
    "a/b",
    "a.example.com/b",
    "*",
    "/",
    "10.0.0.1",
    "10.0.0.0/8",
    "::1",
    "é",
    "1 +",
    "x" * 70,
)
NUMBERS = (0, 1, -1, 5, 2**31 - 1, -(2**31))
_TIMES = {"date-time": "2026-01-02T03:04:05Z", "micro-time": "2026-01-02T03:04:05.000000Z", "byte": "eA=="}


def _value(node: Node, chance: random.Random, depth: int) -> Any:
    if node.type == "object":
        return _object(node, chance, depth)
    if node.type == "list":
        return [_value(node.items, chance, depth + 1) for _ in range(chance.choice((0, 1, 2)))]  # type: ignore[arg-type]
    if node.type == "map":
        keys = chance.sample(TEXTS, chance.choice((0, 1, 2)))
        return {key: _value(node.items, chance, depth + 1) for key in keys}  # type: ignore[arg-type]
    if node.type == "string" and node.format == "quantity":
        return chance.choice(("0", "1", "-1", "100m", "1Gi", "3n"))
    if node.type == "string":
        return _TIMES.get(node.format) or chance.choice(TEXTS)
    if node.type == "boolean":
        return chance.random() < 0.5
    if node.type in ("integer", "number"):
        return chance.choice(NUMBERS)
    return chance.choice((*TEXTS, *NUMBERS)) if node.format == "int-or-string" else {"any": "thing"}


def _object(node: Node, chance: random.Random, depth: int) -> dict[str, Any]:
    likely = 0.7 if depth < 3 else 0.4 if depth < 9 else 0.0
    return {
        name: _value(field, chance, depth + 1)
        for name, field in node.fields.items()
        if name != "managedFields" and chance.random() < likely
    }


def _made(resource: Resource, node: Node, chance: random.Random) -> Any:
    value = _object(node, chance, 0) | {"kind": resource.kind, "apiVersion": resource.api_version}
    value["metadata"] = {**value.get("metadata", {}), "name": chance.choice(TEXTS)}
    return decoding.decode(node, value).object


def _all_of_it(resource: Resource, new: Any, old: Any) -> None:
    resource.default(old)
    resource.prepare_create(old, CONTEXT)
    resource.validate(old, CONTEXT)
    resource.warnings(old, None, CONTEXT)
    for part in (Subresource(""), *resource.subresources):
        one = deepcopy(new)
        resource.default(one)
        (part.prepare_update or resource.prepare_update)(one, old, CONTEXT)
        check = part.validate_update or resource.validate_update
        check(one, old, CONTEXT) if check else resource.validate(one, CONTEXT)
        resource.warnings(one, old, CONTEXT)
    if resource.cells is not None and not resource.validate(old, CONTEXT):
        resource.cells(old, 0.0)


@pytest.mark.parametrize("resource", builtin_resources(), ids=lambda one: f"{one.name}-{one.version}")
def test_nothing_but_errors_of_fields_comes_of_any_object(resource: Resource) -> None:
    node = node_of(resource)
    chance = random.Random(resource.name)
    for _ in range(60):
        new, old = _made(resource, node, chance), _made(resource, node, chance)
        try:
            _all_of_it(resource, new, old)
        except StatusError:
            continue
