"""A copy of all objects of one kind, kept up to date: list, then watch from there (client-go's reflector).

Managed fields are not kept. What is handed out is shared and must not be changed.
"""

import asyncio
import logging
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from sampan.errors import Unavailable
from sampan.kube.client.requests import JSON, METADATA, METADATA_LIST, Client, Object, ResourcePath
from sampan.kube.client.texts import Texts
from sampan.specs.kubernetes.status import StatusError, is_not_found

log = logging.getLogger("sampan.kube")

# (what happened: "add", "update", "delete"; the object as it is or was last; what it was before an update)
Handler = Callable[[str, Object, Object | None], None]
Index = Callable[[Object], Iterable[str]]

FIRST_PAUSE, LONGEST_PAUSE = 0.2, 30.0  # seconds between attempts to reach the server
STEADY = 2.0  # seconds that a watch must have lasted to be taken up again at once
PAGE = 500  # objects of one list request


def key_of(value: Object) -> str:
    """ "namespace/name", or the name alone."""
    metadata = value["metadata"]
    namespace = metadata.get("namespace")
    return f"{namespace}/{metadata['name']}" if namespace else str(metadata["name"])


def split_key(key: str) -> tuple[str, str]:
    """The namespace ("" for none) and the name."""
    namespace, _, name = key.rpartition("/")
    return namespace, name


class Informer:
    """`metadata`: only the objects' metadata is wanted. `indexes` by name, for `by`."""

    def __init__(
        self,
        client: Client,
        resource: ResourcePath,
        *,
        query: Mapping[str, str] | None = None,
        metadata: bool = False,
        indexes: Mapping[str, Index] | None = None,
    ) -> None:
        self.resource = resource
        self.objects: dict[str, Object] = {}
        self.synced = asyncio.Event()
        self.revision = ""
        self._client = client
        self._query = dict(query or {})
        self._list_accept = METADATA_LIST if metadata else JSON
        self._watch_accept = METADATA if metadata else JSON
        self._handlers: list[Handler] = []
        self._texts = Texts()
        self._index_of = dict(indexes or {})
        self._indexes: dict[str, dict[str, set[str]]] = {name: {} for name in self._index_of}

    def get(self, key: str) -> Object | None:
        return self.objects.get(key)

    def index(self, name: str, function: Index) -> None:
        """Have one more index; of several by one name the first stays."""
        if name in self._index_of:
            return
        self._index_of[name] = function
        self._indexes[name] = {}
        for key, value in self.objects.items():
            self._reindex(name, key, None, value)

    def by(self, index: str, value: str) -> list[Object]:
        """The objects that the index puts under `value`."""
        return [self.objects[key] for key in self._indexes[index].get(value, ())]

    def on_change(self, handler: Handler) -> None:
        """Called for each change, and at once for each object that is there already."""
        self._handlers.append(handler)
        for value in list(self.objects.values()):
            handler("add", value, None)

    async def run(self) -> None:
        """Until cancelled."""
        loop = asyncio.get_running_loop()
        pause = FIRST_PAUSE
        while True:
            began = math.inf
            try:
                if not self.revision:
                    await self._list()
                began = loop.time()
                await self._watch()
            except StatusError as error:
                if (
                    is_not_found(error) or error.code == 410
                ):  # it is too late to go on from there, or the kind has gone
                    self.revision = ""
                level = logging.INFO if error.code == 410 else logging.WARNING
                log.log(level, "watching %s: %s", self.resource.plural, error)
            except Unavailable as error:
                log.info("watching %s: %s", self.resource.plural, error)
            except (KeyError, TypeError, AttributeError) as error:
                # No list and no event, but what a careless server of an aggregated API may send.
                self.revision = ""
                log.warning("watching %s: it was sent what is none: %r", self.resource.plural, error)
            if loop.time() - began > STEADY:
                pause = FIRST_PAUSE
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    async def _list(self) -> None:
        found: dict[str, Object] = {}
        query = {**self._query, "limit": str(PAGE)}
        while True:
            page = await self._client.request(
                "GET", self.resource.path(), query=query, accept=self._list_accept
            )
            for value in page.get("items") or ():
                found[key_of(value)] = self._lean(_named(value, page))
            token = page["metadata"].get("continue")
            if not token:
                break
            query["continue"] = token
        self.revision = page["metadata"]["resourceVersion"]
        for key in [key for key in self.objects if key not in found]:
            self._remove(key)
        for key, value in found.items():
            self._put(key, value)
        self.synced.set()

    async def _watch(self) -> None:
        query = {
            **self._query,
            "resourceVersion": self.revision,
            "allowWatchBookmarks": "true",
        }
        async for event in self._client.watch(self.resource.path(), query, accept=self._watch_accept):
            self._handle(event)

    def _handle(self, event: Mapping[str, Any]) -> None:
        value = event["object"]
        if event["type"] == "ERROR":
            raise StatusError(value.get("reason", ""), value.get("message", ""), None, value.get("code", 500))
        self.revision = value["metadata"]["resourceVersion"]
        if event["type"] == "BOOKMARK":
            return
        if event["type"] == "DELETED":
            self._remove(key_of(value), value)
        else:
            self._put(key_of(value), self._lean(value))

    def _lean(self, value: Object) -> Object:
        metadata = value["metadata"]
        metadata.pop("managedFields", None)
        for key, part in value.items():
            if key != "metadata" and isinstance(part, dict):  # names, uids and the like are all different
                self._texts.share(part)
        return value

    def _put(self, key: str, value: Object) -> None:
        old = self.objects.get(key)
        if old is not None and _same_version(old, value):
            return
        self.objects[key] = value
        for name in self._index_of:
            self._reindex(name, key, old, value)
        self._tell("update" if old is not None else "add", value, old)

    def _remove(self, key: str, last: Object | None = None) -> None:
        old = self.objects.pop(key, None)
        if old is None:
            return
        for name in self._index_of:
            self._reindex(name, key, old, None)
        self._tell("delete", self._lean(last) if last is not None else old, None)

    def _reindex(self, name: str, key: str, before: Object | None, after: Object | None) -> None:
        index = self._indexes[name]
        for value in self._places(name, before):
            keys = index.get(value)
            if keys is not None:
                keys.discard(key)
                if not keys:
                    del index[value]
        for value in self._places(name, after):
            index.setdefault(value, set()).add(key)

    def _places(self, index: str, value: Object | None) -> list[str]:
        """Under what an index puts an object; one that it cannot make out is under nothing."""
        try:
            return list(self._index_of[index](value)) if value is not None else []
        except Exception:
            log.exception("index %r of %s %s", index, self.resource.plural, key_of(value or {}))
            return []

    def _tell(self, what: str, value: Object, old: Object | None) -> None:
        for handler in self._handlers:
            try:
                handler(what, value, old)
            except Exception:
                # One odd object, or one bug, keeps nobody else from hearing of what happens.
                log.exception("told of %s %s: %s", self.resource.plural, key_of(value), what)


def _named(value: Object, page: Object) -> Object:
    """With its kind, which the items of a list need not have."""
    if "kind" not in value:
        value["kind"] = page["kind"].removesuffix("List")
        value["apiVersion"] = page["apiVersion"]
    return value


def _same_version(old: Object, new: Object) -> bool:
    return bool(old["metadata"].get("resourceVersion") == new["metadata"].get("resourceVersion"))
