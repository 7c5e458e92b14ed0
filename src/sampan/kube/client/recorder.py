"""Events: what happened to an object, for people to read. Nobody waits for them, and a flood is bounded.

Equal events are counted up in one object. Of an object, a component writes 25 events in a burst and one in
five minutes after that; of more than ten alike within ten minutes one is kept (client-go's EventCorrelator).
"""

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import uuid4
from zlib import crc32

from sampan.errors import SampanError
from sampan.kube.client.requests import Client, Object
from sampan.kube.client.resources import EVENT_SERIES, EVENTS
from sampan.specs.kubernetes import time as times
from sampan.specs.kubernetes.names import dns1123_subdomain
from sampan.specs.kubernetes.status import StatusError, is_not_found

log = logging.getLogger("sampan.kube")

NORMAL, WARNING = "Normal", "Warning"

WAITING = 1000  # events, beyond which those that come are dropped
WRITERS = 4
REMEMBERED = 4096  # events and objects
BURST, REFILL = 25, 300.0  # events of one object, seconds until it may have one more
ALIKE, ALIKE_WITHIN = 10, 600.0
SERIES_WITHIN = 360.0  # seconds after which an equal event is a new one
TELL_AGAIN = 10.0  # seconds between two lines about dropped events
LONGEST_NOTE = 1024  # bytes, the API's limit
COMBINED = "(combined from similar events): "


@dataclass
class _Written:
    name: str
    namespace: str
    count: int
    at: float


@dataclass
class _Alike:
    since: float
    messages: set[str]


V = TypeVar("V")


class _Memory(OrderedDict[Any, V]):
    """Forgets what was used longest ago."""

    def recall(self, key: Any) -> V | None:
        found = self.get(key)
        if found is not None:
            self.move_to_end(key)
        return found

    def keep(self, key: Any, value: V) -> None:
        self[key] = value
        if len(self) > REMEMBERED:
            self.popitem(last=False)


def reference(value: Object) -> Object:
    """An ObjectReference to an object as an informer hands it out."""
    metadata = value["metadata"]
    fields = {
        "kind": value.get("kind", ""),
        "namespace": metadata.get("namespace", ""),
        "name": metadata["name"],
        "uid": metadata.get("uid", ""),
        "apiVersion": value.get("apiVersion", ""),
        "resourceVersion": metadata.get("resourceVersion", ""),
    }
    return {name: text for name, text in fields.items() if text}


class Recorder:
    """Of one component, by its own client.

    `waiting`: events for each writer, beyond which those that come are dropped. `turn` is awaited before a
    write as long as few wait, by who has more urgent writes.
    """

    def __init__(
        self,
        client: Client,
        component: str,
        clock: Callable[[], float] = time.time,
        host: str = "",
        *,
        waiting: int = WAITING,
        turn: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._turn = turn
        self._patience = waiting // 2
        self._client = client
        self._component = component
        self._instance = f"{component}-{host}" if host else component
        self._clock = clock
        self._queues: list[asyncio.Queue[Callable[[], Any]]] = [
            asyncio.Queue(waiting) for _ in range(WRITERS)
        ]
        self._written: _Memory[_Written] = _Memory()
        self._alike: _Memory[_Alike] = _Memory()
        self._budgets: _Memory[tuple[float, float]] = _Memory()
        self._last = 0
        self._dropped = 0
        self._told_at = 0.0

    async def run(self) -> None:
        """Write what is told, until cancelled."""
        async with asyncio.TaskGroup() as group:
            for queue in self._queues:
                group.create_task(self._write(queue))

    async def _write(self, queue: asyncio.Queue[Callable[[], Any]]) -> None:
        while True:
            work = await queue.get()
            if self._turn is not None and queue.qsize() < self._patience:
                await self._turn()
            try:
                await work()
            except (StatusError, SampanError) as error:
                log.info("an event of %s was not written: %s", self._component, error)
            except Exception:
                log.exception("an event of %s", self._component)

    def _later(self, regarding: Object, work: Callable[[], Any]) -> None:
        """Events of one object are written in their order."""
        uid = regarding["metadata"].get("uid", "")
        try:
            self._queues[crc32(uid.encode()) % WRITERS].put_nowait(work)
        except asyncio.QueueFull:
            self._drop()

    def _drop(self) -> None:
        """Said of many at once: a flood of events is to be none of lines."""
        self._dropped += 1
        now = self._clock()
        if not 0 <= now - self._told_at < TELL_AGAIN:
            log.warning("too many events of %s: %d dropped", self._component, self._dropped)
            self._dropped, self._told_at = 0, now

    def event(self, regarding: Object, kind: str, reason: str, message: str) -> None:
        """`kind` is NORMAL or WARNING. Never waits, never raises."""
        self._later(regarding, lambda: self._event(regarding, kind, reason, message))

    async def _event(self, regarding: Object, kind: str, reason: str, message: str) -> None:
        now = self._clock()
        about = reference(regarding)
        group = (about.get("uid"), about.get("name"), kind, reason)
        message = self._combined(group, cut(message), now)
        if not self._allowed((about.get("uid"), about.get("name")), now):
            return
        key = (*group, COMBINED if message.startswith(COMBINED) else message)
        known = self._written.recall(key)
        if known is not None:
            known.count += 1
            if await self._count_up(known, message, now):
                return
        name, namespace = self._name(about, now), about.get("namespace") or "default"
        stamp, count = times.text(now), known.count if known is not None else 1
        body = {
            "metadata": {"name": name, "namespace": namespace},
            "involvedObject": about,
            "reason": reason,
            "message": message,
            "source": {"component": self._component},
            "firstTimestamp": stamp,
            "lastTimestamp": stamp,
            "count": count,
            "type": kind,
            "reportingComponent": self._component,
        }
        self._written.keep(key, _Written(name, namespace, count, now))
        await self._client.create(EVENTS, namespace, body)

    async def _count_up(self, known: _Written, message: str, now: float) -> bool:
        patch = {"count": known.count, "lastTimestamp": times.text(now), "message": message}
        try:
            await self._client.patch(EVENTS, known.namespace, known.name, patch)
        except StatusError as error:
            if not is_not_found(error):  # it has expired
                raise
            return False
        return True

    def scheduling(
        self,
        regarding: Object,
        kind: str,
        reason: str,
        action: str,
        note: str,
        related: Object | None = None,
    ) -> None:
        """As components write that use events.k8s.io: the same again within six minutes is one series."""
        self._later(regarding, lambda: self._scheduling(regarding, kind, reason, action, note, related))

    async def _scheduling(
        self, regarding: Object, kind: str, reason: str, action: str, note: str, related: Object | None
    ) -> None:
        now = self._clock()
        about = reference(regarding)
        other = reference(related) if related is not None else None
        key = (kind, action, reason, *sorted(about.items()), *sorted((other or {}).items()))
        micro = times.micro_text(int(now), int(now % 1 * 1e9))
        known = self._written.recall(key)
        if known is not None and now - known.at < SERIES_WITHIN:
            known.count += 1
            known.at = now
            series = {"series": {"count": known.count, "lastObservedTime": micro}}
            if (
                known.count == 2
            ):  # told of the first time; how often it was in the end is not worth a write each
                await self._client.patch(EVENT_SERIES, known.namespace, known.name, series)
            return
        name, namespace = self._name(about, now), about.get("namespace") or "default"
        self._written.keep(key, _Written(name, namespace, 1, now))
        body = {
            "metadata": {"name": name, "namespace": namespace},
            "eventTime": micro,
            "reportingController": self._component,
            "reportingInstance": self._instance,
            "action": action,
            "reason": reason,
            "regarding": about,
            "note": cut(note),
            "type": kind,
        }
        if other is not None:
            body["related"] = other
        await self._client.create(EVENT_SERIES, namespace, body)

    def _name(self, about: Object, now: float) -> str:
        """Never the same twice in one process."""
        self._last = max(self._last + 1, int(now * 1e9))
        name = f"{about['name']}.{self._last:x}"
        # What an object may be called, an event may not always: "system:node", or 253 letters.
        return str(uuid4()) if dns1123_subdomain(name) else name

    def _combined(self, group: tuple[Any, ...], message: str, now: float) -> str:
        known = self._alike.recall(group)
        if known is None or not 0 <= now - known.since <= ALIKE_WITHIN:  # clocks are set back
            known = _Alike(now, set())
            self._alike.keep(group, known)
        if len(known.messages) < ALIKE:
            known.messages.add(message)
            return message
        return message if message in known.messages else COMBINED + message

    def _allowed(self, about: Any, now: float) -> bool:
        tokens, since = self._budgets.recall(about) or (float(BURST), now)
        tokens = min(float(BURST), tokens + max(now - since, 0.0) / REFILL)
        self._budgets.keep(about, (max(tokens - 1, 0.0) if tokens >= 1 else tokens, now))
        return tokens >= 1


def cut(message: str) -> str:
    """As long as the API takes it, with dots where something is left out."""
    raw = message.encode()
    if len(raw) <= LONGEST_NOTE:
        return message
    return raw[: LONGEST_NOTE - 3].decode("utf-8", "ignore") + "..."
