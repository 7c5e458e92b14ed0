"""The last events of one resource, and all who follow them.

A subscription that waits costs its own object, a place in one set and a future: about 0.7 KB with the
coroutine that awaits it (tests/kube/store/test_subscriptions.py measures it). Events are in the ring only,
and a batch wakes those alone whose prefix it touches.
"""

import asyncio
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from operator import attrgetter

from sampan.kube.store.items import Event
from sampan.kube.store.store import Compacted


@dataclass(frozen=True)
class Limits:
    """Of what is kept of the past: events of one resource, and bytes of bodies of one and of all."""

    events: int = 16_384
    size: int = 32 << 20
    total: int = 64 << 20


FRAMED = 1024  # of the last events of a resource the encoded forms are kept, for all who follow


class Lagging(Exception):
    """What a subscription needs next is gone: it read too slowly, or the cache was loaded anew."""


class Ring:
    """Events by a number that only grows; `floor`: all after this revision are here."""

    def __init__(self, limits: Limits, floor: int) -> None:
        self.floor = floor
        self.size = 0
        self._limits = limits
        self._events: list[Event] = []
        self._first = 0  # number of the first of _events that counts
        self._base = 0  # number of _events[0]: dropped ones stay in the list until they are half of it
        self._waiting: dict[str, set[Subscription]] = {}

    def add(self, events: list[Event], prefixes: Iterable[str]) -> None:
        """New ones, which touch exactly these prefixes."""
        at = self._base + len(self._events)
        before = max(len(self._events) - FRAMED, 0)
        self._events += events
        for event in self._events[before : max(len(self._events) - FRAMED, 0)]:
            event.frames = None
        self.size += sum(map(_weight, events))
        for prefix in prefixes:
            for subscription in self._waiting.get(prefix, ()):
                subscription.has_news(at)
        while self.size > self._limits.size or at + len(events) - self._first > self._limits.events:
            self.drop(1)

    def drop(self, count: int) -> None:
        """Forget the oldest."""
        for _ in range(min(count, len(self))):
            event = self._events[self._first - self._base]
            self._first += 1
            self.size -= _weight(event)
            self.floor = event.revision
        if (self._first - self._base) * 2 >= len(self._events):
            del self._events[: self._first - self._base]
            self._base = self._first

    def __len__(self) -> int:
        return self._base + len(self._events) - self._first

    def subscribe(self, prefix: str, revision: int) -> "Subscription":
        """Events below `prefix`, or of this one key, after `revision`. Raises Compacted."""
        if revision < self.floor:
            raise Compacted(self.floor)
        skipped = self._first - self._base
        at = bisect_right(self._events, revision, skipped, key=attrgetter("revision"))
        news = self._base + at if at < len(self._events) else None
        subscription = Subscription(self, prefix, revision, news)
        self._waiting.setdefault(prefix, set()).add(subscription)
        return subscription

    def begin(self, revision: int) -> None:
        """New subscriptions start there at the earliest."""
        self.floor = max(self.floor, revision)

    def unsubscribe(self, subscription: "Subscription") -> None:
        """Nothing happens if it is none any more."""
        others = self._waiting.get(subscription.prefix)
        if others is not None:
            others.discard(subscription)
            if not others:
                del self._waiting[subscription.prefix]

    def since(self, at: int, prefix: str, revision: int) -> list[Event]:
        """Raises Lagging."""
        if at < self._first:
            raise Lagging(f"events below {prefix} after revision {revision} are no longer kept")
        found = [event for event in self._events[at - self._base :] if event.revision > revision]
        if prefix.endswith("/"):
            return [event for event in found if event.item.key.startswith(prefix)]
        return [event for event in found if event.item.key == prefix]

    def end(self, error: Exception) -> None:
        """Nobody who follows will hear anything else any more."""
        for subscriptions in list(self._waiting.values()):
            for subscription in list(subscriptions):
                subscription.end(error)
        self._waiting.clear()


def _weight(event: Event) -> int:
    return len(event.item.body) + 300


class Subscription:
    """Batches of the events below a prefix, for one reader: `async for events in subscription`.

    Ends with Lagging (or what else the cache says) when it cannot go on. Closing it ends it without.
    """

    __slots__ = ("_at", "_error", "_revision", "_ring", "_wake", "prefix")

    def __init__(self, ring: Ring, prefix: str, revision: int, at: int | None) -> None:
        self.prefix = prefix
        self._ring = ring
        self._revision = revision  # everything up to it has been handed out
        self._at = at  # the number of the first event that may be of interest; None: none is
        self._wake: asyncio.Future[None] | None = None
        self._error: Exception | None = None

    def __aiter__(self) -> "Subscription":
        return self

    async def __anext__(self) -> list[Event]:
        while True:
            if self._error is not None:
                raise self._error
            if self._at is not None:
                batch = self._take(self._at)
                if batch:
                    return batch
            self._wake = asyncio.get_running_loop().create_future()
            try:
                await self._wake
            finally:
                self._wake = None

    def _take(self, at: int) -> list[Event]:
        try:
            batch = self._ring.since(at, self.prefix, self._revision)
        except Lagging as error:
            self.end(error)
            raise
        self._at = None
        if batch:
            self._revision = batch[-1].revision
        return batch

    @property
    def has_more(self) -> bool:
        """Is something (perhaps) not handed out yet? A bookmark would be too early."""
        return self._at is not None

    def has_news(self, at: int) -> None:
        """Event number `at` is of interest."""
        if self._at is None:
            self._at = at
        self._rouse()

    def end(self, error: Exception) -> None:
        """The reader gets this error, now and whenever it asks again."""
        self._error = error
        self._ring.unsubscribe(self)
        self._rouse()

    def close(self) -> None:
        """For the reader that wants no more."""
        self.end(StopAsyncIteration())

    def _rouse(self) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)
