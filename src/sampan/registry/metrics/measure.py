"""What one process counts, and how a scrape is answered."""

import sqlite3
import time

from sampan.registry.events import Event
from sampan.registry.metrics import families as f
from sampan.registry.metrics.families import Family, Histogram, expose, sample
from sampan.registry.metrics.shared import Arena, Cell

METHODS = frozenset(("GET", "HEAD", "PUT", "POST", "PATCH", "DELETE", "OPTIONS"))
STORAGE_SECONDS = 5.0  # the counts of stored things are that old at most


class Metrics:
    """`slot` is this process's own; without an arena (tests, one process) there is one of its own."""

    def __init__(self, arena: Arena | None = None, slot: int = 0) -> None:
        self._arena = arena or Arena(1)
        self._slot = self._arena.slot(slot)
        self._requests: dict[tuple[str, str, int], tuple[Cell, Histogram]] = {}
        self._named: dict[tuple[Family, tuple[str, ...]], Cell] = {}
        self.in_flight = self.cell(f.IN_FLIGHT)
        self.uploading = self.cell(f.UPLOADING)
        self.workers = self.cell(f.WORKERS)
        self.bytes_in = self.cell(f.BYTES_IN)
        self.bytes_out = self.cell(f.BYTES_OUT)
        for gauge in (self.in_flight, self.uploading, self.workers):
            gauge.set(0.0)  # what a predecessor in this slot had in hand went with it
        self._storage: tuple[float, dict[str, float]] = (0.0, {})

    def cell(self, family: Family, *values: str) -> Cell:
        found = self._named.get((family, values))
        if found is None:
            found = self._named[family, values] = self._slot.cell(sample(family, values))
        return found

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count an answered request."""
        found = self._requests.get((method, route, status))
        if found is None:
            known = method if method in METHODS else "other"
            found = self._requests[known, route, status] = (
                self.cell(f.REQUESTS, known, route, str(status)),
                Histogram(self._slot, f.SECONDS, (known, route)),
            )
        found[0].add()
        found[1].observe(seconds)

    def event(self, event: Event) -> None:
        """A listener of the registry's events."""
        self.cell(f.EVENTS, event.action, event.kind).add()

    def cache(self, kind: str, result: str) -> None:
        self.cell(f.CACHE, kind, result).add()

    def text(self, db: sqlite3.Connection) -> str:
        """All processes' numbers, and what the database says of the storage."""
        totals = self._arena.totals()
        when, storage = self._storage
        if time.monotonic() - when > STORAGE_SECONDS:
            storage = stored(db)
            self._storage = (time.monotonic(), storage)
        totals.update(storage)
        return expose(totals)


def stored(db: sqlite3.Connection) -> dict[str, float]:
    blobs, blob_bytes = db.execute("SELECT count(*), coalesce(sum(size), 0) FROM blobs").fetchone()
    manifests, manifest_bytes = db.execute(
        "SELECT count(*), coalesce(sum(size), 0) FROM manifests"
    ).fetchone()
    found = {
        sample(f.STORED_BYTES): blob_bytes + manifest_bytes,
        sample(f.STORED, ["blobs"]): blobs,
        sample(f.STORED, ["manifests"]): manifests,
    }
    for table in ("repositories", "tags"):
        found[sample(f.STORED, [table])] = db.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
    found[sample(f.OPEN_UPLOADS)] = db.execute("SELECT count(*) FROM uploads").fetchone()[0]
    return found
