"""Tables, which is what `kubectl get` asks for, and lists of metadata alone. meta.k8s.io/v1 Table"""

from collections.abc import Sequence
from typing import Any

import orjson

from sampan.kube.api.encoded import fitted
from sampan.kube.api.served import Served
from sampan.kube.kinds.resource import Column, Object
from sampan.kube.schema import builtin
from sampan.kube.store.items import Item

META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
TABLE = ("meta.k8s.io", "v1", "Table")
METADATA = ("meta.k8s.io", "v1", "PartialObjectMetadata")
METADATA_LIST = ("meta.k8s.io", "v1", "PartialObjectMetadataList")

_PLAIN = (
    Column("Name", format="name", describe="metadata.name"),
    Column("Created At", type="date", describe="metadata.creationTimestamp"),
)


def columns(served: Served) -> list[dict[str, Any]]:
    """The columnDefinitions."""
    chosen = served.resource.columns
    if chosen is None:
        chosen = _PLAIN
    elif all(one.name != "Name" for one in chosen):
        chosen = (_PLAIN[0], *chosen)
    return [
        {
            "name": one.name,
            "type": one.type,
            "format": one.format,
            "description": one.description or _describe(served, one.describe),
            "priority": one.priority,
        }
        for one in chosen
    ]


def _describe(served: Served, path: str) -> str:
    if not path:
        return ""
    if path.startswith("metadata."):
        return builtin.description(META, path.removeprefix("metadata."))
    group, plural = served.resource.stored_as
    if plural and group != served.group:  # upstream describes the form that it stores
        return builtin.description(builtin.definition_of(group, "v1", served.kind), path)
    definition, _, path = path.rpartition(":")
    return builtin.description(definition or served.resource.definition or served.definition, path)


def cells(served: Served, value: Object, now: float) -> list[Any]:
    """Of one row: what the kind says, and the name where its column is, first if the kind does not say."""
    name = value["metadata"].get("name", "")
    if served.resource.cells is None:
        return [name, value["metadata"].get("creationTimestamp")]
    if served.resource.title is not None:
        name = served.resource.title(value)
    found = list(served.resource.cells(value, now))
    at = next((at for at, one in enumerate(served.resource.columns or ()) if one.name == "Name"), 0)
    found.insert(at, name)
    return found


def include_of(query: str) -> str:
    """What a row has of its object: "None", "Metadata" (as by default) or "Object"."""
    return query or "Metadata"


def encoded_row(served: Served, value: Object, include: str, now: float) -> bytes:
    """As it stands in a table."""
    return fitted(orjson.dumps(row_of(served, value, include, now)))


def row_of(served: Served, value: Object, include: str, now: float) -> dict[str, Any]:
    found: dict[str, Any] = {"cells": cells(served, value, now)}
    conditions = served.resource.row_conditions
    if conditions is not None and (own := conditions(value)):
        found["conditions"] = own
    if include == "Object":
        found["object"] = value
    elif include == "Metadata":
        found["object"] = partial(value)
    else:
        found["object"] = None
    return found


def partial(value: Object) -> Object:
    """PartialObjectMetadata of an object."""
    return {"kind": METADATA[2], "apiVersion": "meta.k8s.io/v1", "metadata": value["metadata"]}


def table(served: Served, rows: Sequence[bytes], metadata: dict[str, Any]) -> bytes:
    """`rows` are made by `encoded_row`."""
    head = orjson.dumps(
        {
            "kind": "Table",
            "apiVersion": "meta.k8s.io/v1",
            "metadata": metadata,
            "columnDefinitions": columns(served),
        }
    )
    # Kinds without columns of their own have no list at all where others have an empty one.
    listed = b"[%b]" % b",".join(rows) if rows or served.resource.columns is not None else b"null"
    return b'%b,"rows":%b}' % (head[:-1], listed)


def metadata_list(items: Sequence[Item], served: Served, metadata: dict[str, Any]) -> bytes:
    return orjson.dumps(
        {
            "kind": METADATA_LIST[2],
            "apiVersion": "meta.k8s.io/v1",
            "metadata": metadata,
            "items": [partial(served.peek(item)) for item in items] or None,
        }
    )
