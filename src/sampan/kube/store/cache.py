"""TEMPORARY watch cache."""

import asyncio
from bisect import bisect_left, insort
from collections import deque
from dataclasses import dataclass
from typing import Any

import orjson

from sampan.kube.store.store import Compacted, Store

START = b'{"metadata":{'


class Lagging(Exception):
    pass


class Item:
    __slots__ = ("_labels", "_object", "body", "key", "name", "namespace", "revision")

    def __init__(self, key: str, revision: int, value: bytes) -> None:
        self.key = key
        self.revision = revision
        parts = key.split("/")
        self.name = parts[-1]
        self.namespace = parts[-2] if len(parts) == 6 else ""
        self.body = START + b'"resourceVersion":"%d",' % revision + value[len(START) :]
        self._labels: dict[str, str] | None = None
        self._object: Any = None

    @property
    def object(self) -> Any:
        if self._object is None:
            self._object = orjson.loads(self.body)
        return self._object

    @property
    def labels(self) -> dict[str, str]:
        return self.object["metadata"].get("labels") or {}


class Event:
    __slots__ = ("frames", "item", "previous", "revision", "type")

    def __init__(self, type: str, item: Item, previous: Item | None, revision: int) -> None:
        self.type, self.item, self.previous, self.revision = type, item, previous, revision
        self.frames: dict[str, bytes] = {}


@dataclass
class PastPage:
    items: list[Item]
    revision: int
    more: bool
    remaining: int


class Subscription:
    def __init__(self, cache: "Cache", prefix: str, events: list[Event]) -> None:
        self.cache, self.prefix = cache, prefix
        self.events = events
        self.wake = asyncio.Event()
        cache.subscriptions.add(self)

    def __aiter__(self) -> "Subscription":
        return self

    async def __anext__(self) -> list[Event]:
        while not self.events:
            self.wake.clear()
            await self.wake.wait()
        events, self.events = self.events, []
        return events

    def close(self) -> None:
        self.cache.subscriptions.discard(self)


class Cache:
    def __init__(self, store: Store, open: Any = None) -> None:
        self._store = store
        self.open = open or (lambda key, value: value)
        self._items: dict[str, Item] = {}
        self._keys: list[str] = []
        self.revision = 0
        self.subscriptions: set[Subscription] = set()
        self._ring: deque[Event] = deque(maxlen=20000)
        self._oldest = 0
        self._waiters: list[tuple[int, asyncio.Future[None]]] = []

    async def start(self) -> None:
        page = await self._store.list("/registry/")
        for entry in page.entries:
            self._items[entry.key] = Item(entry.key, entry.revision, self.open(entry.key, entry.value))
        self._keys = sorted(self._items)
        self.revision = self._oldest = page.revision
        self._task = asyncio.ensure_future(self._follow())

    async def stop(self) -> None:
        self._task.cancel()

    async def _follow(self) -> None:
        async for batch in self._store.watch("/registry/", self.revision):
            for change in batch:
                old = self._items.get(change.key)
                if change.value is None:
                    if old is None:
                        continue
                    del self._items[change.key]
                    self._keys.pop(bisect_left(self._keys, change.key))
                    i = old.body.index(b'",', len(START)) + 2
                    event = Event(
                        "DELETED",
                        Item(change.key, change.revision, START + old.body[i:]),
                        old,
                        change.revision,
                    )
                else:
                    item = Item(change.key, change.revision, self.open(change.key, change.value))
                    if old is None:
                        insort(self._keys, change.key)
                    self._items[change.key] = item
                    event = Event("ADDED" if old is None else "MODIFIED", item, old, change.revision)
                self._ring.append(event)
                self.revision = change.revision
                for s in self.subscriptions:
                    if change.key.startswith(s.prefix):
                        s.events.append(event)
                        s.wake.set()
            for rev, f in self._waiters:
                if rev <= self.revision and not f.done():
                    f.set_result(None)
            self._waiters = [w for w in self._waiters if not w[1].done()]

    def get(self, key: str) -> Item | None:
        return self._items.get(key)

    def items(self, prefix: str) -> list[Item]:
        a = bisect_left(self._keys, prefix)
        b = bisect_left(self._keys, prefix[:-1] + "0")
        return [self._items[k] for k in self._keys[a:b]]

    async def current(self) -> None:
        pass

    async def wait(self, revision: int, timeout: float) -> None:
        if revision <= self.revision:
            return
        f: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append((revision, f))
        async with asyncio.timeout(timeout):
            await f

    def subscribe(self, prefix: str, revision: int) -> Subscription:
        if revision < self._oldest:
            raise Compacted(self._oldest)
        return Subscription(
            self, prefix, [e for e in self._ring if e.revision > revision and e.item.key.startswith(prefix)]
        )

    async def past(self, prefix: str, *, revision: int, start: str = "", limit: int = 0) -> PastPage:
        page = await self._store.list(prefix, revision=revision, start=start, limit=limit)
        return PastPage(
            [Item(e.key, e.revision, self.open(e.key, e.value)) for e in page.entries],
            page.revision,
            page.more,
            page.remaining,
        )

    async def write(
        self, key: str, value: bytes | None, *, expected: int | None, ttl: int = 0
    ) -> Item | None:
        revision = await self._store.write(key, value, expected=expected, ttl=ttl)
        await self.wait(revision, 10)
        return self._items.get(key) if value is not None else None
