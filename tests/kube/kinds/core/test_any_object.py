"""Whatever a client sends: an answer, and never anything else."""

from importlib import import_module
from random import Random
from typing import Any

import pytest

from sampan.kube.kinds.resource import Context, Object, Resource
from sampan.kube.schema import builtin
from sampan.kube.schema.decoding import DecodeError, decode
from sampan.kube.schema.node import Node
from sampan.specs.kubernetes.status import StatusError
from tests.kube.kinds.golden import NOW, Cluster, create, update

KINDS = [
    *(
        f"core.{name}"
        for name in (
            "binding",
            "componentstatus",
            "configmap",
            "endpoints",
            "event",
            "limitrange",
            "namespace",
            "node",
            "persistentvolume",
            "persistentvolumeclaim",
            "resourcequota",
            "secret",
            "service",
            "serviceaccount",
        )
    ),
    "events.event",
]
WORDS = [
    "a",
    "A_",
    "0",
    "1.5",
    "-1",
    "10.96.0.1",
    "10.0.0.0/8",
    "::",
    "None",
    "NodePort",
    "LoadBalancer",
    "ExternalName",
    "ClusterIP",
    "Local",
    "IPv4",
    "IPv6",
    "ClientIP",
    "PreferDualStack",
    "SingleStack",
    "Container",
    "Pod",
    "cpu",
    "storage",
    "In",
    "Exists",
    "BestEffort",
    "ReadWriteOnce",
    "Bound",
    "kubernetes.io/tls",
    "kubernetes.io/dockercfg",
    "Normal",
    "a/b",
    "a/b/c",
    "kubernetes",
    "../x",
    "é",
    "�",
]
NUMBERS = (0, 1, 80, 30000, -1, 2**31 - 1)
FORMATS: dict[str, tuple[Any, ...]] = {
    "quantity": ("1", "500m", "1Gi", "-1", "0", "1e1000000000", "1n"),
    "date-time": (NOW, None),
    "micro-time": (NOW, None),
    "byte": ("", "e30=", "LS0tLS1CRUdJTg=="),
    "int-or-string": (0, 80, "a", "10%"),
}
DEPTH = 7
ROUNDS = 120


def value(node: Node, random: Random, depth: int = 0) -> Any:
    """Something that could stand there."""
    if node.type == "object":
        return {
            name: value(one, random, depth + 1)
            for name, one in node.fields.items()
            if depth < DEPTH and random.random() < (0.9 if depth == 0 else 0.4)
        }
    if node.type == "list":
        return [item(node, random, depth) for _ in range(random.randrange(3))]
    if node.type == "map":
        return {random.choice(WORDS): item(node, random, depth) for _ in range(random.randrange(3))}
    if node.type == "boolean":
        return random.random() < 0.5
    return random.choice(FORMATS.get(node.format) or (NUMBERS if node.type == "integer" else WORDS))


def item(node: Node, random: Random, depth: int) -> Any:
    assert node.items is not None
    return None if random.random() < 0.1 else value(node.items, random, depth + 1)


def resource(name: str) -> Resource:
    found: Resource = import_module(f"sampan.kube.kinds.{name}").RESOURCE
    return found


def answered(kind: Resource, old: Object, new: Object, dry: bool) -> None:
    context = Context(now=NOW, reader=Cluster(), dry_run=dry)
    first, _ = create(kind, old, "default", context)
    second, _ = create(kind, new, "default", context)
    kind.warnings(second, None, context)
    if kind.cells is not None:
        kind.cells(second, 0)
    for select in kind.selectable.values():
        assert isinstance(select(second), str)
    for part in (None, *(one for one in kind.subresources if one.prepare_update)):
        update(kind, part, new, first, context)


@pytest.mark.parametrize("name", KINDS)
def test_any_object_is_answered(name: str) -> None:
    kind = resource(name)
    node = builtin.node(builtin.definition_of(kind.group, kind.version, kind.kind))
    decoded = 0
    for seed in range(ROUNDS):
        random = Random(seed)
        bodies = [value(node, random) for _ in range(2)]
        try:
            for body in bodies:
                body["metadata"] = {**(body.get("metadata") or {}), "name": "x"}
                decode(node, body)
        except DecodeError:
            continue
        decoded += 1
        try:
            answered(kind, bodies[0], bodies[1], random.random() < 0.5)
        except StatusError:
            pass
    assert decoded > ROUNDS / 8
