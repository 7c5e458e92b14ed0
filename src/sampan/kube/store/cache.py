"""The watch cache: everything below /registry/ as it is now, and the last events of each resource.

It loads the store once and follows its writes; a server's reads, lists and watches come from here. When the
store is away it goes on with what it has, and resumes where it stopped; when the store has forgotten that
place, it loads all anew, and who follows hears Lagging.

    cache = Cache(store); await cache.start()
    item = await cache.write(key, value, expected=0)
    async for events in cache.subscribe("/registry/core/pods/", cache.revision): ...
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import aclosing
from dataclasses import dataclass

from sampan.errors import SampanError, Unavailable
from sampan.kube.store.items import Event, Item, with_revision
from sampan.kube.store.ranges import resource_of
from sampan.kube.store.rings import Lagging, Limits, Ring, Subscription
from sampan.kube.store.shelves import Shelf
from sampan.kube.store.store import Ahead, Batch, Change, Compacted, Entry, Mismatch, Store
from sampan.kube.store.waiters import Waiters

logger = logging.getLogger(__name__)

ROOT = "/registry/"
PAGE = 2000  # entries that are loaded at a time
RETRY = (0.05, 2.0)  # seconds between attempts to follow the store again: first, longest
SEEN_WITHIN = 10.0  # seconds in which the cache should have what was written; a write does not fail for it

Open = Callable[[str, bytes], bytes]


@dataclass(frozen=True, slots=True)
class PastPage:
    """As Page, with items."""

    items: list[Item]
    revision: int
    more: bool
    remaining: int


def as_it_is(_key: str, value: bytes) -> bytes:
    """Of a store whose values are not encrypted."""
    return value


class Cache:
    """Of one server. `open` undoes encryption at rest; an object that it cannot open is in `unreadable`."""

    def __init__(self, store: Store, *, open: Open = as_it_is, history: Limits = Limits()) -> None:  # noqa: B008
        self.revision = 0
        self.unreadable: dict[str, str] = {}  # key -> what is wrong with its value
        self._store = store
        self._open = open
        self._limits = history
        self._shelves: dict[str, Shelf] = {}
        self._rings: dict[str, Ring] = {}
        self._kept = 0  # bytes of all rings
        self._floor = 0  # of the rings of resources that had no event yet
        self._recent: deque[Item] = deque()
        self._waiters = Waiters()
        self._asking = asyncio.Lock()
        self._follower: asyncio.Task[None] | None = None
        self._stopped = False

    async def start(self) -> None:
        """Returns when everything is loaded. Raises Unavailable."""
        await self._load()
        self._follower = asyncio.get_running_loop().create_task(self._follow())

    async def stop(self) -> None:
        """Whoever follows hears Lagging."""
        self._stopped = True
        if self._follower is not None:
            self._follower.cancel()
            await asyncio.gather(self._follower, return_exceptions=True)
        self._end_all(Lagging("the cache has been stopped"))

    @property
    def following(self) -> bool:
        """Does it still hear of what is written?"""
        return self._follower is not None and not self._follower.done()

    # Reading

    def get(self, key: str) -> Item | None:
        try:
            shelf = self._shelves.get(resource_of(key))
        except ValueError:
            return None
        return None if shelf is None else shelf.get(key)

    def items(self, prefix: str) -> list[Item]:
        """In the order of their keys; of a resource, or a namespace of it."""
        shelf = self._shelves.get(resource_of(prefix))
        return [] if shelf is None else shelf.items(prefix)

    def count(self, prefix: str) -> int:
        """How many `items` would give."""
        shelf = self._shelves.get(resource_of(prefix))
        if shelf is None:
            return 0
        first, end = shelf.range(prefix)
        return end - first

    def subscribe(self, prefix: str, revision: int) -> Subscription:
        """Events after `revision`, as `items` takes prefixes. Raises Compacted."""
        return self._ring(resource_of(prefix)).subscribe(prefix, revision)

    def begin(self) -> None:
        """No client has seen a revision before this one: what a server does to its own objects as it starts.

        Whoever names one got it elsewhere, and is told that it is too old.
        """
        self._floor = self.revision
        for ring in self._rings.values():
            ring.begin(self.revision)

    async def wait(self, revision: int, timeout: float) -> None:  # noqa: ASYNC109
        """Until everything up to `revision` is here. Raises Ahead when that takes longer."""
        if revision > self.revision:
            try:
                async with asyncio.timeout(timeout):
                    await self._waiters.wait(revision)
            except TimeoutError:
                raise Ahead(self.revision) from None

    async def current(self) -> None:
        """Until all is here that was acknowledged before now, by whichever server. Raises Unavailable."""
        revision = await self._store.revision()
        if revision > self.revision:
            try:
                async with asyncio.timeout(SEEN_WITHIN):
                    await self._catch_up(revision)
            except TimeoutError:
                raise Unavailable(f"the cache is at {self.revision} and does not reach {revision}") from None

    async def _catch_up(self, revision: int) -> None:
        while revision > self.revision:
            async with self._asking:  # those who waited meanwhile mostly need no answer of their own
                if revision > self.revision:
                    self._advance(await self._store.reached())

    async def past(self, prefix: str, *, revision: int, start: str = "", limit: int = 0) -> PastPage:
        """As Store.list, from the store. Raises Compacted, Ahead and Unavailable."""
        page = await self._store.list(prefix, revision=revision, start=start, limit=limit)
        items = [self._made(entry) for entry in page.entries]
        return PastPage(items, page.revision, page.more, page.remaining)

    # Writing

    async def write(
        self, key: str, value: bytes | None, *, expected: int | None, ttl: int = 0
    ) -> Item | None:
        """As Store.write, and the cache has it. The item as written; of a deletion what there was, or None.

        Raises Mismatch (when the cache has what was found instead) and Unavailable.
        """
        if expected:
            await self._seen(expected)
        before = self.get(key)
        try:
            revision = await self._store.write(key, value, expected=expected, ttl=ttl)
        except Mismatch as mismatch:
            await self._see(mismatch.current)
            raise
        await self._seen(revision)
        if value is None:
            return None if before is None else before.at(revision)
        item = self.get(key)
        if item is None or item.revision != revision:  # somebody else was quick
            return self._made(Entry(key, revision, value))
        return item

    async def _see(self, entry: Entry | None) -> None:
        if entry is not None:
            await self._seen(entry.revision)
        else:
            await self.current()

    async def _seen(self, revision: int) -> None:
        try:
            await self.wait(revision, SEEN_WITHIN)
        except Ahead:
            logger.warning("revision %d is written, but the cache is at %d", revision, self.revision)

    # Loading and following

    async def _load(self) -> None:
        shelves: dict[str, Shelf] = {}
        self.unreadable.clear()
        revision, start = 0, ""
        while True:
            page = await self._store.list(ROOT, revision=revision, start=start, limit=PAGE)
            revision = page.revision
            for entry in page.entries:
                resource = self._known(entry.key)
                item = self._item(entry) if resource else None
                if item is not None:
                    shelves.setdefault(resource, Shelf()).put(item)
            if not page.more:
                break
            start = page.entries[-1].key + "\0"
        self._shelves = shelves
        self._rings = {}
        self._kept = 0
        self._floor = revision
        self._advance(revision)

    def _known(self, key: str) -> str:
        """Its resource; "" for what somebody else has put there."""
        try:
            return resource_of(key)
        except ValueError:
            self.unreadable[key] = "no key of an object"
            return ""

    def _made(self, entry: Entry) -> Item:
        body = with_revision(self._open(entry.key, entry.value), entry.revision)
        return Item(entry.key, entry.revision, body, self._recent)

    def _item(self, entry: Entry) -> Item | None:
        try:
            return self._made(entry)
        except (ValueError, SampanError) as error:
            logger.error("%s at revision %d cannot be read: %s", entry.key, entry.revision, error)
            self.unreadable[entry.key] = str(error)
            return None

    async def _follow(self) -> None:
        delay, longest = RETRY
        while not self._stopped:  # a failure on the way out of a watch may stand in the cancellation's place
            at = self.revision
            try:
                async with aclosing(self._store.watch(ROOT, self.revision)) as batches:
                    async for batch in batches:
                        self._apply(batch)
            except Compacted as error:
                logger.warning("the store has gone on without the cache (%s): loading anew", error)
                await self._reload()
            except Unavailable as error:
                logger.warning("cannot follow the store: %s", error)
            except Exception:  # a mistake of ours must not freeze the cache for ever
                logger.exception("following the store: loading anew")
                await self._reload()
            delay = RETRY[0] if self.revision > at else min(delay * 2, longest)
            await asyncio.sleep(delay)

    async def _reload(self) -> None:
        rings = self._rings
        try:
            await self._load()
        except (Unavailable, Compacted) as error:
            logger.warning("cannot load the store: %s", error)
            return
        for ring in rings.values():
            ring.end(Lagging("the cache was loaded anew"))

    def _apply(self, batch: Batch) -> None:
        events: dict[str, list[Event]] = {}
        for change in batch:
            resource = self._known(change.key)
            event = self._change(resource, change) if resource else None
            if event is not None:
                events.setdefault(resource, []).append(event)
        for resource, some in events.items():
            ring = self._ring(resource)
            self._kept -= ring.size
            ring.add(some, _touched(resource, some))
            self._kept += ring.size
        self._advance(batch[-1].revision)
        self._trim()

    def _change(self, resource: str, change: Change) -> Event | None:
        shelf = self._shelves.get(resource)
        if shelf is None:
            shelf = self._shelves[resource] = Shelf()
        key = change.key
        before = shelf.get(key)
        self.unreadable.pop(key, None)
        item = None if change.value is None else self._item(Entry(key, change.revision, change.value))
        if item is not None:
            shelf.put(item)
            return Event("MODIFIED" if before else "ADDED", item, before)
        if before is None:
            return None
        shelf.remove(key)
        return Event("DELETED", before.at(change.revision), before)

    def _ring(self, resource: str) -> Ring:
        ring = self._rings.get(resource)
        if ring is None:
            ring = self._rings[resource] = Ring(self._limits, self._floor)
        return ring

    def _trim(self) -> None:
        while self._kept > self._limits.total:
            largest = max(self._rings.values(), key=lambda ring: ring.size)
            self._kept -= largest.size
            largest.drop(max(1, len(largest) // 8))
            self._kept += largest.size

    def _advance(self, revision: int) -> None:
        self.revision = max(self.revision, revision)
        self._waiters.wake(self.revision)

    def _end_all(self, error: Exception) -> None:
        for ring in self._rings.values():
            ring.end(error)


def _touched(resource: str, events: Iterable[Event]) -> set[str]:
    """The prefixes below which something happened: of the resource, of its namespaces, of single objects."""
    touched = {resource}
    for event in events:
        key = event.item.key
        touched.add(key)
        touched.add(key[: key.rindex("/") + 1])
    return touched
