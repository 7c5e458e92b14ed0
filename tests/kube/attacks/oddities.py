"""Odd things to send: query parameters, bodies, and objects that are nearly right."""

import gzip
import json
import random
from typing import Any

from sampan.kube.schema import builtin, protobuf
from sampan.kube.schema.builtin import definition_of
from sampan.kube.schema.node import Node

TEXTS = (
    *("", "a", "Bad_", "a/b", "a.example.com/b", "*", "/", "..", "10.0.0.1", "10.0.0.0/8", "::1", "\u00e9"),
    *("1 +", "x" * 300, "\x00", "%", "true", "null", "-1", "1e999", "9" * 5000, "$(x)", "(a+)+$", "{.a[*]}"),
)
NUMBERS = (0, 1, -1, 5, 2**31, -(2**31), 2**63, -(2**63) - 1, 10**400, 1.5, 1e308)
ANYTHING = (*TEXTS, *NUMBERS, None, True, [], {}, [[]], [None], [{}], {"": None}, {"a": {"b": ["c"]}})
MEDIA = (
    *(
        "application/json",
        "application/yaml",
        "application/vnd.kubernetes.protobuf",
        "text/plain",
        "",
        ";;=,",
    ),
    *("application/json;stream=watch", "application/cbor", "application/json; charset=utf-16", "\u00e9"),
)
PATCHES = (
    *("application/json-patch+json", "application/merge-patch+json", "application/apply-patch+yaml"),
    "application/strategic-merge-patch+json",
)
ACCEPTS = (
    *MEDIA,
    "application/json;as=Table;g=meta.k8s.io;v=v1",
    "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1",
    "application/vnd.kubernetes.protobuf;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1",
    "application/vnd.kubernetes.protobuf;as=Table;g=meta.k8s.io;v=v1",
    "application/json;as=APIGroupDiscoveryList;g=apidiscovery.k8s.io;v=v2",
    *("*/*;q=nan", "application/json;q=-1,application/yaml;q=inf", "," * 3000),
)
_VALUES = (
    *(
        "",
        "0",
        "1",
        "-1",
        "abc",
        "9" * 30,
        "9" * 5000,
        "1.5",
        "null",
        "%00",
        "%ff%fe",
        "%",
        "%zz",
        "true",
        "false",
        "a=b",
    ),
    *(
        "All",
        "Strict",
        "Foreground",
        "NotOlderThan",
        "Exact",
        "a%20in%20(b,c)",
        "!!a",
        "a==",
        "x" * 3000,
        "%d9%a3",
        "%c2%b2",
    ),
    *(
        "metadata.name=a",
        "metadata.name=..%2f",
        "spec.nodeName!=x",
        "a%5C,b=%5C",
        "eyJ2IjoibWV0YS5rOHMuaW8ifQ",
    ),
    *("e30", "W10", "MQ", "bnVsbA", "eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6LTEsInN0YXJ0IjoiLi4vYSJ9"),
)
_PARAMETERS = (
    *("limit", "continue", "resourceVersion", "resourceVersionMatch", "fieldSelector", "labelSelector"),
    *("timeoutSeconds", "sendInitialEvents", "dryRun", "fieldManager", "force", "fieldValidation", "pretty"),
    *("propagationPolicy", "gracePeriodSeconds", "orphanDependents", "allowWatchBookmarks", "includeObject"),
    *("tailLines", "sinceTime", "container", "command", "stdin", "ports", "path", "watch", "follow", ""),
)


def query(chance: random.Random) -> str:
    """A query, "" in one case of three. A watch always ends."""
    pairs = [f"{chance.choice(_PARAMETERS)}={chance.choice(_VALUES)}" for _ in range(chance.randrange(4))]
    if any(one.startswith(("watch", "follow")) for one in pairs):
        pairs = ["timeoutSeconds=1", *(one for one in pairs if not one.startswith("timeoutSeconds"))]
    return "?" + "&".join(pairs) if pairs else ""


def _nested(depth: int, opening: str = '{"a":', closing: str = "}") -> bytes:
    return (opening * depth + "1" + closing * depth).encode()


def _message_bomb(depth: int = 3000) -> bytes:
    data = b""
    for _ in range(depth):
        data = b"\x0a" + _varint(len(data)) + data
    return b"k8s\x00\x12" + _varint(len(data)) + data


def _varint(number: int) -> bytes:
    found = b""
    while number > 127:
        found += bytes([number & 127 | 128])
        number >>= 7
    return found + bytes([number])


BODIES: tuple[bytes, ...] = (
    *(b"", b"{", b"null", b"[]", b"1", b'"a"', b"NaN", b"{}", b"\x00", b"\xff\xfe", b"k8s\x00", b"k8s\x00\x0a\xff"),
    *(_nested(10_000), _nested(100_000), _nested(10_000, "[", "]"), b'{"metadata":' * 900 + b"1" + b"}" * 900),
    *(b'{"metadata":{"name":"\\ud800"}}', b'{"metadata":{"name":"a\\u0000b"}}', b'{"metadata":[{"name":1}]}'),
    *(b'{"kind":"x","kind":"y","metadata":{"name":"a","name":"b"}}', b'{"spec":' + b"9" * 5000 + b"}"),
    *(b'{"metadata":{"name":"a"},"spec":-0.0e-999999}', b'{"metadata":{"generateName":"a","uid":{}}}'),
    *(b"k8s\x00" + bytes(range(256)), b"k8s\x00\x12\xff\xff\xff\xff\x0f", _message_bomb(), b"k8s\x00\x12\x80" * 99),
    b"a: &a [x,x,x,x,x,x,x,x,x]\n" + b"".join(b"%c: &%c [%b]\n" % (n, n, b",".join([b"*%c" % (n - 1)] * 9)) for n in range(98, 115)),
    *(b"a: &a\n  b: *a\n", b"? {a: b}\n: c\n", b"!!python/object:os.system x", b"--- a\n--- b\n", b"a: \t- b\n"),
    *(b"- " * 20_000 + b"a", b"[" * 20_000, b"{a: " * 5_000, b"<<: &a {<<: *a}", b"a: 2001-99-99", b"a: .nan"),
    *(b"a: " + b"9" * 5000, b"a: 0x" + b"f" * 5000, b"a: 1e" + b"9" * 5000, b"9" * 5000 + b": a", b"a: 0o9"),
    *(gzip.compress(b"a" * 10_000_000), b"[" + b"1," * 700_000 + b"1]", b" " * (3 << 20) + b"{", b"\xef\xbb\xbf{}"),
    *(b'[{"op":"add","path":"","value":1}]', b'[{"op":"move","from":"/metadata","path":"/metadata/a"}]', b"[null]"),
    *(b'[{"op":"copy","from":"","path":"/metadata/labels"}]', b'[{"op":"remove","path":"/metadata"}]', b"[[]]"),
    *(b'[{"op":"replace","path":"","value":[]}]', b'[{"op":"test","path":"/a~2","value":1}]'),
    *(b'{"metadata":null}', b'{"spec":{"$patch":"delete"}}', b'{"$patch":"replace"}', b'{"$retainKeys":1,"spec":[]}'),
    *(b'{"metadata":{"$setElementOrder/ownerReferences":[1]}}', b'{"$deleteFromPrimitiveList/a":{}}'),
    *(b'{"metadata":{"finalizers":{"$patch":"merge"},"labels":["$patch"]}}', b'{"apiVersion":"a/b/c","kind":"x"}'),
)  # fmt: skip


def value(node: Node, chance: random.Random, depth: int = 0) -> Any:
    """A value that a node may have, more or less: one in thirty is anything."""
    if chance.random() < 1 / 30:
        return chance.choice(ANYTHING)
    if node.type == "object":
        return objects(node, chance, depth)
    if node.type == "list":
        return [value(node.items, chance, depth + 1) for _ in range(chance.choice((0, 1, 2)))]  # type: ignore[arg-type]
    if node.type == "map":
        keys = chance.sample(TEXTS, chance.choice((0, 1, 2)))
        return {key: value(node.items, chance, depth + 1) for key in keys}  # type: ignore[arg-type]
    if node.type == "boolean":
        return chance.random() < 0.5
    if node.type in ("integer", "number"):
        return chance.choice((0, 1, -1, 5, 80, 2**31 - 1))
    if node.type == "string":
        formats = {"date-time": "2026-01-02T03:04:05Z", "byte": "eA==", "quantity": "1Gi"}
        return formats.get(node.format) or chance.choice(TEXTS)
    return chance.choice(ANYTHING)


def objects(node: Node, chance: random.Random, depth: int = 0) -> dict[str, Any]:
    likely = 0.7 if depth < 3 else 0.4 if depth < 8 else 0.0
    fields = node.fields.items()
    return {name: value(one, chance, depth + 1) for name, one in fields if chance.random() < likely}


def typed(group: str, version: str, kind: str, name: str, chance: random.Random) -> dict[str, Any]:
    """An object of a built-in kind, with a name that it may have."""
    try:
        made = objects(builtin.node(definition_of(group, version, kind)), chance)
    except KeyError:  # options of what connects, and kinds of other groups
        made = {}
    metadata = made.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    for field in ("namespace", "resourceVersion", "uid", "generateName", "managedFields"):
        if chance.random() < 0.9:
            metadata.pop(field, None)
    made["metadata"] = {**metadata, "name": name}
    made["apiVersion"], made["kind"] = f"{group}/{version}" if group else version, kind
    return made


def body(chance: random.Random, made: dict[str, Any]) -> tuple[bytes, str]:
    """What to send, and as what."""
    turn = chance.random()
    if turn < 0.25:
        return chance.choice(BODIES), chance.choice(MEDIA)
    text = json.dumps(made).encode()
    if turn < 0.85:
        return text, chance.choice(MEDIA[:2])
    if turn < 0.92:
        at = chance.randrange(len(text))
        return text[:at] + chance.choice((b"", b"\x00", b"}", b"1e9", b'"')) + text[at + 1 :], chance.choice(
            MEDIA
        )
    return mangled_message(chance, made), MEDIA[2]


def mangled_message(chance: random.Random, made: dict[str, Any]) -> bytes:
    try:
        data = protobuf.encode_object(made)
    except Exception:
        return chance.choice(BODIES)
    at = chance.randrange(4, len(data))
    return chance.choice((data, data[:at], data[:at] + bytes([chance.randrange(256)]) + data[at + 1 :]))
