"""Watches: what happens from a version on, as one stream.

A watch sends the same bytes to everybody who wants the same form: each event is encoded once (Event.frames).
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass

import orjson

from sampan.kube.api import streams, tables
from sampan.kube.api.calls import Call
from sampan.kube.api.negotiation import Form
from sampan.kube.api.options import ListOptions
from sampan.kube.api.reading import Lister, check_fields, filtered, matches
from sampan.kube.api.served import Served
from sampan.kube.kinds.resource import Object
from sampan.kube.store.cache import Cache
from sampan.kube.store.items import Event, Item
from sampan.kube.store.rings import Lagging, Subscription
from sampan.kube.store.store import Compacted
from sampan.specs.kubernetes import status

BOOKMARK_EVERY = 60.0  # seconds
INITIAL_END = "k8s.io/initial-events-end"


@dataclass(frozen=True)
class Encoder:
    """How events of one form are written: (type, item) -> the bytes of one event; `name` tells forms
    apart.
    """

    name: str
    event: Callable[[str, Item], bytes]
    bookmark: Callable[[int, bool], bytes]
    error: Callable[[status.StatusError], bytes]
    shared: bool = True  # may others that want this form have the same bytes?


def json_encoder(served: Served) -> Encoder:
    """Plain JSON, the one that costs nothing: bytes are joined."""

    def event(kind: str, item: Item) -> bytes:
        return b'{"type":"' + kind.encode() + b'","object":' + served.json(item) + b"}\n"

    return Encoder(f"json {served.api_version}", event, bookmark_of(served), error_event)


def value_encoder(served: Served, form: Form) -> Encoder:
    """Any other form: the object is taken apart and written anew, once for all who want that form."""
    partial = form.kind in (tables.METADATA[2], tables.METADATA_LIST[2])

    def frame(kind: str, value: object) -> bytes:
        return streams.frame(form.media, kind, value)

    def event(kind: str, item: Item) -> bytes:
        value = served.object(item)
        return frame(kind, tables.partial(value) if partial else value)

    def bookmark(revision: int, initial_end: bool) -> bytes:
        value = bookmark_object(served, revision, initial_end)
        return frame("BOOKMARK", tables.partial(value) if partial else value)

    return Encoder(
        f"{form.media} {form.kind} {served.api_version}",
        event,
        bookmark,
        lambda error: frame("ERROR", error.status()),
    )


def table_encoder(served: Served, include: str, clock: Callable[[], float]) -> Encoder:
    """Tables: each watch gets its columns with its first event, so nothing is shared."""
    state = {"columns": True}

    def encode(kind: str, value: Object, revision: int) -> bytes:
        table = {
            "kind": "Table",
            "apiVersion": "meta.k8s.io/v1",
            "metadata": {"resourceVersion": str(revision)},
            "columnDefinitions": tables.columns(served) if state["columns"] else None,
            "rows": [tables.row_of(served, value, include, clock())],
        }
        state["columns"] = False
        return orjson.dumps({"type": kind, "object": table}, option=orjson.OPT_APPEND_NEWLINE)

    def event(kind: str, item: Item) -> bytes:
        return encode(kind, served.object(item), item.revision)

    def bookmark(revision: int, initial_end: bool) -> bytes:
        return encode("BOOKMARK", bookmark_object(served, revision, initial_end), revision)

    return Encoder(f"table {id(state)}", event, bookmark, error_event, shared=False)


def bookmark_of(served: Served) -> Callable[[int, bool], bytes]:
    def bookmark(revision: int, initial_end: bool) -> bytes:
        return orjson.dumps(
            {"type": "BOOKMARK", "object": bookmark_object(served, revision, initial_end)},
            option=orjson.OPT_APPEND_NEWLINE,
        )

    return bookmark


def bookmark_object(served: Served, revision: int, initial_end: bool) -> Object:
    """An object with nothing in it but how far the watch has come."""
    metadata: Object = {"resourceVersion": str(revision)}
    if initial_end:
        metadata["annotations"] = {INITIAL_END: "true"}
    found: Object = {"kind": served.kind, "apiVersion": served.api_version, "metadata": metadata}
    found.update(served.resource.empty)
    return found


def error_event(error: status.StatusError) -> bytes:
    return orjson.dumps({"type": "ERROR", "object": error.status()}, option=orjson.OPT_APPEND_NEWLINE)


def _items(events: Sequence[Event]) -> list[Item]:
    found = [event.item for event in events]
    return found + [event.previous for event in events if event.previous is not None]


class Watcher:
    """One watch. Everything it has to hold is a position in the cache's ring."""

    def __init__(
        self, cache: Cache, lister: Lister, call: Call, options: ListOptions, encoder: Encoder
    ) -> None:
        self._cache = cache
        self._lister = lister
        self._call = call
        self._options = options
        self._encoder = encoder
        self._served = call.served
        self._selects = bool(options.label_selector) or bool(options.field_selector)

    async def start(self) -> tuple[Subscription | None, list[bytes]]:
        """What comes first. No subscription: the watch ends with that. Raises StatusError for a bad
        request.
        """
        options = self._options
        check_fields(self._served, options)
        revision = options.revision
        if options.resource_version in ("", "0"):
            await self._cache.current()
        elif options.initial_events:  # else whatever comes after a revision of the future is waited for
            await self._lister.wait(revision)
        initial = options.initial_events or (
            options.initial_events is None and options.resource_version in ("", "0")
        )
        prefix = self._served.prefix_in(self._call.namespace)
        if initial or (options.initial_events is False and not revision):
            revision = self._cache.revision
        try:
            subscription = self._cache.subscribe(prefix, revision)
        except Compacted as error:
            text = f"too old resource version: {revision} ({error.oldest})"
            return None, [self._encoder.error(status.expired(text))]
        if not initial:
            return subscription, []
        await self._served.prepare(self._cache.items(prefix))
        return subscription, self._initial(revision)

    def _initial(self, revision: int) -> list[bytes]:
        items = filtered(
            self._served, self._cache.items(self._served.prefix_in(self._call.namespace)), self._options
        )
        frames = [self._encoder.event("ADDED", item) for item in items]
        if self._options.initial_events and self._options.bookmarks:
            frames.append(self._encoder.bookmark(revision, True))
        return frames

    def frames(self, events: Sequence[Event]) -> list[bytes]:
        """What this watch sends of them."""
        found = []
        name = self._encoder.name
        for event in events:
            kind = self._kind(event) if self._selects else event.type
            if kind is None:
                continue
            if not self._encoder.shared:
                found.append(self._encoder.event(kind, _shown(kind, event)))
                continue
            key = name if kind == event.type else f"{name} {kind}"
            frames = event.frames if event.frames is not None else {}
            frame = frames.get(key)
            if frame is None:
                frame = frames[key] = self._encoder.event(kind, _shown(kind, event))
            found.append(frame)
        return found

    def _kind(self, event: Event) -> str | None:
        """An object that comes into a selector is ADDED, one that leaves it is DELETED."""
        previous = event.previous
        before = previous is not None and matches(self._served, previous, self._options)
        if event.type == "DELETED":
            return "DELETED" if before or (previous is None and self._takes(event.item)) else None
        if self._takes(event.item):
            return "MODIFIED" if before else "ADDED"
        return "DELETED" if before else None

    def _takes(self, item: Item) -> bool:
        return matches(self._served, item, self._options)

    async def run(self, subscription: Subscription, seconds: float) -> AsyncIterator[bytes]:
        """All that follows, until the time is over or the watch cannot go on."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        due = loop.time() + BOOKMARK_EVERY
        events = subscription.__aiter__()
        try:
            while (now := loop.time()) < end:
                try:
                    async with asyncio.timeout(max(min(end, due) - now, 0)):
                        batch = await events.__anext__()
                except TimeoutError:
                    if subscription.has_more:  # since this moment: a bookmark must not come before it
                        continue
                    if self._options.bookmarks:
                        due = loop.time() + BOOKMARK_EVERY
                        yield self._encoder.bookmark(self._cache.revision, False)
                    else:
                        due = end
                    continue
                try:
                    await self._served.prepare(_items(batch))
                except status.StatusError as error:
                    yield self._encoder.error(error)
                    return
                frames = self.frames(batch)
                if frames:
                    yield b"".join(frames)
        except Lagging:
            yield self._encoder.error(status.expired("The watch has fallen too far behind."))
        except StopAsyncIteration:
            return
        finally:
            subscription.close()


def _shown(kind: str, event: Event) -> Item:
    """Of what leaves a selector its last state inside: a client would not know the other as its own."""
    if kind == "DELETED" and event.type != "DELETED" and event.previous is not None:
        return event.previous.at(event.revision)
    return event.item
