"""The daemon's events: a bounded memory of the last ones, and subscribers who never slow anyone down.

An event is a message of Docker's API (`docker events`): Type, Action, Actor {ID, Attributes}, scope, time,
timeNano, and for containers and images the old fields status, id and from.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

REMEMBERED = 256  # as many as Docker
# A reader this far behind has lost the thread: it is cut off rather than let memory grow.
BACKLOG = 16_384

Event = dict[str, Any]
Match = Callable[[Event], bool]


@dataclass(eq=False)
class Subscription:
    """One reader's queue. `get` returns None once the daemon stops or the reader fell too far behind."""

    match: Match
    _queue: deque[Event] = field(default_factory=deque)
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _ended: bool = False

    def offer(self, event: Event) -> None:
        if self._ended or not self.match(event):
            return
        if len(self._queue) >= BACKLOG:
            self._ended = True
        else:
            self._queue.append(event)
        self._wake.set()

    def end(self) -> None:
        self._ended = True
        self._wake.set()

    async def get(self) -> Event | None:
        while not self._queue:
            if self._ended:
                return None
            self._wake.clear()
            await self._wake.wait()
        return self._queue.popleft()

    async def __aiter__(self) -> AsyncIterator[Event]:
        while (event := await self.get()) is not None:
            yield event


class Events:
    def __init__(self, clock: Callable[[], int] = time.time_ns) -> None:
        self._clock = clock
        self._last: deque[Event] = deque(maxlen=REMEMBERED)
        self._subscriptions: set[Subscription] = set()

    @property
    def listeners(self) -> int:
        return len(self._subscriptions)

    def emit(
        self, type: str, action: str, id: str, attributes: dict[str, str] | None = None, scope: str = "local"
    ) -> None:
        """Tell everyone. Never blocks, never fails."""
        now = self._clock()
        attributes = {name: (attributes or {})[name] for name in sorted(attributes or {})}
        event: Event = {}
        if type == "container":
            event = {"status": action, "id": id, "from": attributes.get("image", "")}
        elif type == "image":
            event = {"status": action, "id": id}
        event |= {
            "Type": type,
            "Action": action,
            "Actor": {"ID": id, "Attributes": attributes},
            "scope": scope,
            "time": now // 1_000_000_000,
            "timeNano": now,
        }
        self._last.append(event)
        for subscription in self._subscriptions:
            subscription.offer(event)

    def past(self, match: Match, since: int, until: int | None) -> list[Event]:
        """Remembered events in (since, until], times in nanoseconds."""
        return [
            event
            for event in self._last
            if event["timeNano"] >= since and (until is None or event["timeNano"] <= until) and match(event)
        ]

    def subscribe(self, match: Match) -> Subscription:
        subscription = Subscription(match)
        self._subscriptions.add(subscription)
        return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        self._subscriptions.discard(subscription)
        subscription.end()

    async def stop(self) -> None:
        for subscription in list(self._subscriptions):
            self.unsubscribe(subscription)
