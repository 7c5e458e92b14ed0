"""What extension servers tell of their resources, fetched every minute and when an APIService changes."""

import asyncio
from collections.abc import Hashable
from dataclasses import replace
from typing import Any

import orjson

from sampan.kube.api.aggregateddiscovery import Told, Versions, converted, order, told
from sampan.kube.api.aggregation import Aggregation
from sampan.kube.api.asking import Document, NoAnswer, ask
from sampan.kube.api.attendants import Attendants
from sampan.kube.api.catalog import Catalog
from sampan.kube.api.extensions import Extension, Extensions
from sampan.kube.api.peers import BadBundle, Peers
from sampan.kube.api.serviceaddresses import NoAddress
from sampan.kube.kinds.resource import Reader
from sampan.kube.schema.openapi.merging import part_of

AGGREGATED = ",".join(
    [
        *(
            f"application/json;g=apidiscovery.k8s.io;v={v};as=APIGroupDiscoveryList"
            for v in ("v2", "v2beta1")
        ),
        "application/json",
    ]
)
EVERY = 60.0  # seconds


class Untold(Exception):
    """A server that does not say what it has."""


class ExtensionDocuments:
    def __init__(
        self, extensions: Extensions, reader: Reader, aggregation: Aggregation, peers: Peers
    ) -> None:
        self._extensions = extensions
        self._aggregation = aggregation
        self._peers = peers
        self._known: dict[str, Told] = {}
        self._attendants = Attendants(extensions, reader, self._look, _itself)

    def start(self) -> None:
        self._attendants.start()

    async def stop(self) -> None:
        await self._attendants.stop()

    def order(self, catalog: Catalog) -> Versions:
        """All groups and versions, of this server and of those."""
        return order(catalog, self._extensions.all())

    def told(self, group: str, version: str) -> Told | None:
        """What was told last; stale, if that could not be had again. None: this server has it itself."""
        one = self._extensions.find(group, version)
        return self._of(one) if one is not None else None

    def _of(self, one: Extension) -> Told:
        return self._known.get(one.name) or Told([], stale=True)

    def schemas(self) -> dict[str, str]:
        """Where OpenAPI documents are, by the path of their group version."""
        found = {one.path[1:]: self._of(one).schema for one in self._extensions.all()}
        return {path: where for path, where in found.items() if where}

    def parts(self) -> list[bytes]:
        """Of the documents of version 2."""
        found = {one.path: self._of(one).part for one in self._extensions.all()}
        return [part for _, part in sorted(found.items()) if part is not None]

    async def _look(self, one: Extension) -> float | None:
        there = {each.name for each in self._extensions.all()}
        self._known = {name: told for name, told in self._known.items() if name in there}
        try:
            if not one.available:
                raise Untold
            resources = await self._resources(one)
        except (Untold, NoAnswer, NoAddress, BadBundle):
            self._known[one.name] = replace(self._of(one), stale=True)
            # It is woken as soon as the server is available.
            return None if one.available else EVERY
        self._known[one.name] = Told(resources, False, await self._schema(one), await self._part(one))
        return EVERY

    async def _resources(self, one: Extension) -> list[dict[str, Any]]:
        found = await self._ask(one, "/apis" if one.group else "/api", AGGREGATED)
        parameters = found.media.replace(" ", "").split(";")
        if found.status == 200 and "as=APIGroupDiscoveryList" in parameters:
            return told(_parsed(found), one.group, one.version) or []
        if found.status not in (200, 404, 406):
            raise Untold
        found = await self._ask(one, one.path, "application/json")
        if found.status != 200:
            raise Untold
        return converted(_parsed(found))

    async def _schema(self, one: Extension) -> str:
        """Extension servers need not have any."""
        try:
            found = await self._ask(one, "/openapi/v3", "application/json")
            paths = _parsed(found).get("paths") if found.status == 200 else None
            where = paths[one.path[1:]]["serverRelativeURL"] if paths else ""
        except (Untold, NoAnswer, NoAddress, BadBundle, AttributeError, LookupError, TypeError):
            return ""
        own = f"/openapi/v3{one.path}"
        good = isinstance(where, str) and where.isascii() and where.isprintable() and len(where) < 1024
        return where if good and where.partition("?")[0] == own else ""

    async def _part(self, one: Extension) -> bytes | None:
        try:
            found = await self._ask(one, "/openapi/v2", "application/json")
            # In a thread: it takes its time, and others have theirs in between.
            return await asyncio.to_thread(part_of, _parsed(found), one.path) if found.status == 200 else None
        except (Untold, NoAnswer, NoAddress, BadBundle):
            return None

    async def _ask(self, one: Extension, path: str, accept: str) -> Document:
        return await ask(self._peers, self._aggregation.peer(one), path, {"Accept": accept})


def _itself(one: Extension) -> Hashable:
    return one


def _parsed(found: Document) -> Any:
    try:
        return orjson.loads(found.body)
    except orjson.JSONDecodeError:
        raise Untold from None
