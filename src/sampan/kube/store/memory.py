"""A store that forgets everything when it ends: for tests, and for trying things out."""

import asyncio
from bisect import bisect_left, insort
from collections.abc import AsyncGenerator

from sampan.kube.store.store import Ahead, Batch, Change, Compacted, Entry, Mismatch, Page


class MemoryStore:
    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}
        self._changes: list[Change] = []
        self._revision = 1
        self._compacted = 0
        self._wakes: set[asyncio.Event] = set()

    async def revision(self) -> int:
        return self._revision

    async def reached(self) -> int:
        return self._revision

    async def get(self, key: str) -> Entry | None:
        return self._entries.get(key)

    def watch(self, prefix: str, revision: int) -> AsyncGenerator[Batch, None]:
        return self._watch(prefix, revision)

    async def list(self, prefix: str, *, revision: int = 0, start: str = "", limit: int = 0) -> Page:
        if revision > self._revision:
            raise Ahead(self._revision)
        if revision and revision < self._compacted:
            raise Compacted(self._compacted)
        state = self._at(revision) if revision and revision < self._revision else self._entries
        keys: list[str] = []
        for key in state:
            if key.startswith(prefix) and key >= start:
                insort(keys, key)
        chosen = keys[:limit] if limit else keys
        return Page(
            [state[key] for key in chosen],
            revision or self._revision,
            len(chosen) < len(keys),
            len(keys) - len(chosen),
        )

    def _at(self, revision: int) -> dict[str, Entry]:
        state = dict(self._entries)
        for change in reversed(self._changes):
            if change.revision <= revision:
                break
            if change.previous is None:
                state.pop(change.key, None)
            else:
                state[change.key] = change.previous
        return state

    async def write(self, key: str, value: bytes | None, *, expected: int | None, ttl: int = 0) -> int:
        current = self._entries.get(key)
        if expected is not None and (current.revision if current else 0) != expected:
            raise Mismatch(key, current)
        if value is None and current is None:
            return self._revision
        self._revision += 1
        if value is None:
            del self._entries[key]
        else:
            self._entries[key] = Entry(key, self._revision, value)
        self._changes.append(Change(key, self._revision, value, current))
        for wake in self._wakes:
            wake.set()
        if ttl:
            asyncio.get_running_loop().call_later(ttl, self._expire, key, self._revision)
        return self._revision

    def _expire(self, key: str, revision: int) -> None:
        current = self._entries.get(key)
        if current is not None and current.revision == revision:
            task = asyncio.ensure_future(self.write(key, None, expected=revision))
            task.add_done_callback(lambda done: done.exception())

    async def _watch(self, prefix: str, revision: int) -> AsyncGenerator[Batch, None]:
        if revision < self._compacted:
            raise Compacted(self._compacted)
        wake = asyncio.Event()
        self._wakes.add(wake)
        try:
            while True:
                at = bisect_left(self._changes, revision + 1, key=lambda change: change.revision)
                found = [change for change in self._changes[at:] if change.key.startswith(prefix)]
                revision = self._revision
                if found:
                    yield found
                else:
                    wake.clear()
                    await wake.wait()
        finally:
            self._wakes.discard(wake)

    async def compact(self, revision: int) -> None:
        self._compacted = max(self._compacted, revision)
        self._changes = [change for change in self._changes if change.revision > revision]

    async def close(self) -> None:
        """Nothing is kept."""
