"""A resource as this server serves it: what its kind says, and what was compiled from that."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import orjson

from sampan.kube.api.converting import Converter
from sampan.kube.kinds.apiextensions.custom import Custom
from sampan.kube.kinds.resource import Object, Resource, Subresource
from sampan.kube.schema import decoding
from sampan.kube.schema.node import Node
from sampan.kube.store.items import Item
from sampan.specs.kubernetes import status

START = b'{"metadata":{'


@dataclass
class Served:
    """`node_of` makes the schema when it is first asked for; `custom` is what stands behind a custom
    resource.
    """

    resource: Resource
    node_of: Callable[[], Node]
    definition: str = ""  # the name of its schema
    storage_version: str = ""  # of custom resources, what their objects are stored as
    custom: Custom | None = None
    converter: Converter | None = None  # of custom resources that a webhook converts
    subresources: dict[str, Subresource] = field(init=False)

    def __post_init__(self) -> None:
        resource = self.resource
        self.subresources = {one.name: one for one in resource.subresources}
        self.kind, self.group, self.plural = resource.kind, resource.group, resource.plural
        self.api_version = resource.api_version
        group, plural = resource.stored_as if resource.stored_as[1] else (resource.group, resource.plural)
        self.stored_group = group  # what it is validated as: errors name it
        self.prefix = f"/registry/{group or 'core'}/{plural}/"
        self.stored_plain = self.custom is None  # without its kind and apiVersion
        named = orjson.dumps({"kind": self.kind, "apiVersion": self.api_version})
        self.head = named[:-1] + b","
        self.list_head = orjson.dumps({"kind": f"{self.kind}List", "apiVersion": self.api_version})[:-1]

    @cached_property
    def node(self) -> Node:
        return self.node_of()

    def decode(self, value: Any) -> decoding.Decoded:
        """A parsed body as an object of this resource; raises decoding.DecodeError."""
        if self.custom is not None:
            return self.custom.structure.decode(value)
        return decoding.decode(self.node, value)

    def key(self, namespace: str, name: str) -> str:
        return f"{self.prefix}{namespace}/{name}" if self.resource.namespaced else f"{self.prefix}{name}"

    def prefix_in(self, namespace: str) -> str:
        return f"{self.prefix}{namespace}/" if namespace and self.resource.namespaced else self.prefix

    def not_found(self, name: str) -> status.StatusError:
        return status.not_found(self.group, self.plural, name)

    # --- between what is stored and what a client sees

    async def prepare(self, items: Iterable[Item]) -> None:
        """Before anything below is asked of them. Raises StatusError."""
        if self.converter is not None:
            await self.converter.prepare(items)

    async def bytes_of(self, value: Object) -> bytes:
        """What is kept of an object as a client sees it. Raises StatusError."""
        if self.converter is not None:
            value = await self.converter.stored(value)
        return self.stored(value)

    def stored(self, value: Object) -> bytes:
        """The bytes that are kept: no resourceVersion, metadata first."""
        if self.resource.to_stored is not None:
            value = self.resource.to_stored(value)
        metadata = {key: one for key, one in value["metadata"].items() if key != "resourceVersion"}
        kept: Object = {"metadata": metadata}
        for key, one in value.items():
            if key != "metadata" and (not self.stored_plain or key not in ("kind", "apiVersion")):
                kept[key] = one
        return orjson.dumps(kept)

    def object(self, item: Item) -> Object:
        """As a client sees it; its parts are shared with the cache and must not be changed."""
        return self._shown(item.object) if self.converter is None else self.converter.known(item)

    def peek(self, item: Item) -> Object:
        """The same for who goes through many: it is parsed again the next time."""
        return self._shown(item.peek()) if self.converter is None else self.converter.known(item)

    def _shown(self, value: Object) -> Object:
        if self.resource.from_stored is not None:
            value = self.resource.from_stored(value)
        if self.stored_plain:
            return {"kind": self.kind, "apiVersion": self.api_version, **value}
        return value

    def json(self, item: Item) -> bytes:
        """One object, with its kind."""
        if self.resource.from_stored is not None or self.converter is not None:
            return orjson.dumps(self.object(item))
        return self.head + item.body[1:] if self.stored_plain else item.body

    def list_item(self, item: Item) -> bytes:
        """As it stands in a list: built-in kinds are not repeated there."""
        if self.converter is not None:
            return orjson.dumps(self.object(item))
        if self.resource.from_stored is not None:
            return orjson.dumps(self.resource.from_stored(item.object))
        return item.body

    def same_value(self, item: Item, value: bytes) -> bool:
        """Is `value` what is stored already? Then it is as long; its keys may come in another order."""
        at = (
            item.body.index(b'",', len(START)) + 2
            if item.body.startswith(START + b'"resourceVersion":"')
            else 0
        )
        if len(item.body) - at + len(START) != len(value):
            return False
        before, after = item.body[at:], value[len(START) :]
        return before == after or orjson.loads(START + before) == orjson.loads(START + after)

    def fields(self, item: Item) -> Callable[[str], str]:
        """What field selectors compare."""

        def value_of(name: str) -> str:
            if name == "metadata.name":
                return item.name
            if name == "metadata.namespace":
                return item.namespace
            return self.resource.selectable[name](self.object(item))

        return value_of
