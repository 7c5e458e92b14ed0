"""The pods that wait for a node: those to be tried now, those that back off, those that wait for something.

As upstream's scheduling queue. A pod that was refused waits until something happens that one of the plugins
that refused it has a use for (`hints.py`), then for the end of its back-off; when nothing else is to be done
it is tried before that. A pod that is being tried (in flight) hears of what happens meanwhile when it is put
back. No pod waits longer than five minutes.
"""

import asyncio
import itertools
from collections.abc import Callable, Collection, Iterable
from typing import Protocol

from sampan.kube.client.requests import Object
from sampan.kube.scheduler.entries import ACTIVE, BACKOFF, FLYING, WAITING, Entry, Heap
from sampan.kube.scheduler.happenings import Happening
from sampan.kube.scheduler.podinfo import Shape

LONGEST_WAIT = 300.0  # seconds that a pod waits for something to happen

Gate = Callable[[Entry], str]  # the plugin that does not let the pod be tried yet, or ""


class Hints(Protocol):
    def interested(self, kind: str) -> Collection[str]:
        """The plugins that have a use for such a happening."""

    def concerns(self, entry: Entry, plugins: Collection[str], one: Happening) -> bool:
        """May one of these plugins, which refused the pod, let it pass now?"""


class Queue:
    """Of all profiles. `clock` is in seconds and never goes back."""

    def __init__(
        self,
        clock: Callable[[], float],
        hints: Hints,
        gate: Gate,
        initial_backoff: float = 1.0,
        longest_backoff: float = 10.0,
    ) -> None:
        self._clock = clock
        self._hints = hints
        self._gate = gate
        self._initial, self._longest = initial_backoff, longest_backoff
        self._entries: dict[str, Entry] = {}
        self._waiting: dict[str, set[str]] = {}  # uids by plugin
        self._active, self._backoff = Heap(ACTIVE), Heap(BACKOFF)
        self._errors = Heap(BACKOFF)  # those that back off from a failure are not tried early
        self._flying: dict[str, int] = {}  # uid -> the first happening that it has not seen
        self._happened: list[Happening] = []
        self._dropped = 0  # happenings that nobody needs any more
        self._numbers = itertools.count(1)
        self._wake = asyncio.Event()

    def __len__(self) -> int:
        return len(self._entries)

    def count(self) -> dict[str, int]:
        """How many entries are where."""
        found = dict.fromkeys((ACTIVE, BACKOFF, WAITING, FLYING), 0)
        for entry in self._entries.values():
            found[entry.place] += 1
        return found

    def get(self, uid: str) -> Entry | None:
        return self._entries.get(uid)

    # --- pods

    def add(self, pod: Object) -> None:
        """A pod to be placed; one that is known is only updated."""
        uid = pod["metadata"]["uid"]
        if uid in self._entries:
            self._entries[uid].pod = pod
            return
        now = self._clock()
        entry = self._entries[uid] = Entry(pod, now, now)
        self._activate(entry)

    def update(self, pod: Object, happened: Iterable[Happening]) -> None:
        """A pod has changed; `happened`: what of that could matter (none of its status does)."""
        entry = self._entries.get(pod["metadata"]["uid"])
        if entry is None:
            self.add(pod)
            return
        entry.pod = pod
        for one in happened:
            if entry.uid in self._flying:
                self._happened.append(one)
            elif entry.place == WAITING and self._concerns(entry, one):
                self._requeue(entry)
                break

    def remove(self, uid: str) -> None:
        entry = self._entries.pop(uid, None)
        if entry is not None:
            self._leave(entry)
            self.done(uid)
            entry.place = ""

    # --- trying them

    def pop(self) -> Entry | None:
        """The pod to be tried now, which is in flight until `done`, `refused` or `failed`."""
        self._end_backoffs()
        entry = self._active.pop() or self._backoff.pop()
        if entry is None:
            return None
        entry.place = FLYING
        entry.attempts += 1
        entry.refused_by = frozenset()
        self._flying[entry.uid] = self._dropped + len(self._happened)
        return entry

    async def wait(self) -> None:
        """Until there is something to be popped."""
        while True:
            self._wake.clear()
            self._end_backoffs()
            if self._active.first() is not None or self._backoff.first() is not None:
                return
            later = self._errors.first()
            try:
                await asyncio.wait_for(
                    self._wake.wait(), None if later is None else max(later[0] - self._clock(), 0.001)
                )
            except TimeoutError:
                pass

    def refused(self, entry: Entry, plugins: Collection[str]) -> None:
        """Nowhere is room for it, say these plugins."""
        if self._entries.get(entry.uid) is not entry:
            self.done(entry.uid)
            return
        entry.since = self._clock()
        entry.refused_by = frozenset(plugins)
        entry.refusals += 1
        entry.errors = 0
        meanwhile = self._since(entry.uid)
        self.done(entry.uid)
        if not plugins or any(self._concerns(entry, one) for one in meanwhile):
            self._requeue(entry)
        else:
            self._wait(entry)

    def failed(self, entry: Entry) -> None:
        """It could not be found out, or not be done: again after a while."""
        if self._entries.get(entry.uid) is not entry:
            self.done(entry.uid)
            return
        entry.since = self._clock()
        entry.errors += 1
        self.done(entry.uid)
        self._requeue(entry)

    def done(self, uid: str) -> None:
        """It is in flight no more."""
        if self._flying.pop(uid, None) is None:
            return
        needed = min(self._flying.values(), default=self._dropped + len(self._happened))
        del self._happened[: needed - self._dropped]
        self._dropped = needed

    def _since(self, uid: str) -> list[Happening]:
        start = self._flying.get(uid)
        return [] if start is None else self._happened[start - self._dropped :]

    # --- what happens

    def happened(self, one: Happening, concerns: Callable[[Entry], bool] | None = None) -> None:
        """Those for which there may be room now are to be tried again; `concerns` leaves others out."""
        if self._flying:
            self._happened.append(one)
        if not self._waiting:
            return
        # Pods that look alike and were refused by the same are answered alike.
        answers: dict[tuple[Shape, str, frozenset[str]], bool] = {}
        for uid in self._interested(one):
            entry = self._entries[uid]
            if concerns is not None and not concerns(entry):
                continue
            alike = (entry.info.shape, entry.gate, entry.refused_by)
            if alike not in answers:
                answers[alike] = self._concerns(entry, one)
            if answers[alike]:
                self._requeue(entry)

    def _interested(self, one: Happening) -> list[str]:
        found: dict[str, None] = {}
        for plugin in self._hints.interested(one.kind):
            found.update(dict.fromkeys(self._waiting.get(plugin, ())))
        return list(found)

    def _concerns(self, entry: Entry, one: Happening) -> bool:
        plugins = (entry.gate,) if entry.gate else entry.refused_by
        return self._hints.concerns(entry, plugins, one)

    def activate(self, uid: str) -> None:
        """Try it soon, whatever it waits for."""
        entry = self._entries.get(uid)
        if entry is not None and entry.place in (WAITING, BACKOFF):
            self._activate(entry)

    def flush(self) -> None:
        """Nothing has told of what made room, perhaps: those that have waited long enough are tried."""
        now = self._clock()
        for entry in list(self._entries.values()):
            if entry.place == WAITING and not entry.gate and now - entry.since >= LONGEST_WAIT:
                self._requeue(entry)

    def restart(self) -> None:
        """Nobody tries any pod now: those that were being tried are to be tried again."""
        self._flying.clear()
        self._dropped += len(self._happened)
        self._happened.clear()
        for entry in self._entries.values():
            if entry.place == FLYING:
                self._activate(entry)

    # --- where they are

    def _requeue(self, entry: Entry) -> None:
        """After its back-off."""
        until = entry.since + self.backoff(entry)
        if until <= self._clock():
            self._activate(entry)
        elif self._enters(entry):
            self._place(entry, BACKOFF)
            heap = self._errors if entry.errors else self._backoff
            heap.push(until, -entry.priority, entry.number, entry)

    def backoff(self, entry: Entry) -> float:
        """Seconds from when it was refused, or failed, until it is tried again."""
        times = entry.errors or entry.refusals
        return float(min(self._initial * 2 ** min(times - 1, 30), self._longest)) if times else 0.0

    def _end_backoffs(self) -> None:
        now = self._clock()
        for heap in (self._backoff, self._errors):
            while (found := heap.first()) is not None and found[0] <= now:
                self._activate(found[1])

    def _activate(self, entry: Entry) -> None:
        if self._enters(entry):
            self._place(entry, ACTIVE)
            self._active.push(-entry.priority, entry.since, entry.number, entry)

    def _enters(self, entry: Entry) -> bool:
        entry.gate = self._gate(entry)
        if entry.gate:
            self._wait(entry)
        return not entry.gate

    def _place(self, entry: Entry, place: str) -> None:
        self._leave(entry)
        entry.place = place
        entry.number = next(self._numbers)
        self._wake.set()

    def _wait(self, entry: Entry) -> None:
        self._leave(entry)
        entry.place = WAITING
        for plugin in (entry.gate,) if entry.gate else entry.refused_by:
            self._waiting.setdefault(plugin, set()).add(entry.uid)

    def _leave(self, entry: Entry) -> None:
        if entry.place != WAITING:
            return
        for plugin in list(self._waiting):
            uids = self._waiting[plugin]
            uids.discard(entry.uid)
            if not uids:
                del self._waiting[plugin]
