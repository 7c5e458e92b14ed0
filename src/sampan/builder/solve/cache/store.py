"""The build cache: records in memory and in the database, and what may go."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace

from sampan.builder.solve.cache.records import Details, Record, details_of, record_of
from sampan.db.sqlite import Change, Delete, Put, Store
from sampan.engine.buildcache.usage import Usage
from sampan.engine.images.store import ImageStore, Staging
from sampan.errors import Conflict, Failed, NotFound

RECORDS, DETAILS = "buildcache/", "builddetails/"


@dataclass(eq=False)
class Lease:
    """What one build uses: records that prune leaves alone, and those it has still to make durable."""

    staging: Staging  # of the build: layers of records that are used stay as long as it does
    used: dict[str, None] = field(default_factory=dict)
    fresh: dict[str, Details] = field(default_factory=dict)
    touched: dict[str, None] = field(default_factory=dict)


class Cache:
    """Owned by the event loop. `start` reads the rows, before the image store looks for what nobody needs."""

    def __init__(self, rows: Store, images: ImageStore) -> None:
        self._rows = rows
        self._images = images
        images.keep_for(self.held)
        self.records: dict[str, Record] = {}
        self._by_key: dict[str, str] = {}
        # diff ID -> how many records need it: asked whenever a container is removed.
        self._held: Counter[str] = Counter()
        self._in_use: Counter[str] = Counter()
        self._leases: list[Lease] = []

    def start(self) -> None:
        found = [record_of(key.removeprefix(RECORDS), row) for key, row in self._rows.list(RECORDS)]
        for record in sorted(found, key=lambda record: record.created):
            self._index(record)

    def drop_broken(self) -> None:
        """Forget records whose layers are gone. After ImageStore.start."""
        broken = [record.id for record in self.records.values() if not self._whole(record)]
        if broken:
            self._rows.apply(self._forget(broken), durable=False)

    def _index(self, record: Record) -> None:
        if record.id not in self.records:
            self._held.update(record.layers)
        self.records[record.id] = record
        for key in record.keys:
            self._by_key[key] = record.id

    def _whole(self, record: Record) -> bool:
        return all(diff_id in self._images.layers for diff_id in record.layers)

    def held(self) -> set[str]:
        """Diff IDs of all layers that records need."""
        return set(self._held)

    # A build's use of it

    @contextmanager
    def lease(self, staging: Staging) -> Iterator[Lease]:
        """For one build. What it added and did not make durable is forgotten on leaving."""
        lease = Lease(staging)
        self._leases.append(lease)
        try:
            yield lease
        finally:
            self._leases.remove(lease)
            for id in lease.used:
                self._in_use[id] -= 1
                if self._in_use[id] <= 0:
                    del self._in_use[id]
            self._forget([id for id in lease.fresh if not self._in_use[id]])

    def find(self, lease: Lease, key: str) -> Record | None:
        """The record that answers, kept until the lease ends. One whose layers are gone is dropped."""
        id = self._by_key.get(key)
        if id is None:
            return None
        record = self.records[id]
        if not all(self._take(lease, diff_id) for diff_id in record.layers):
            self._rows.apply(self._forget([id]), durable=False)
            return None
        for other in self._leases:
            if id in other.fresh and id not in lease.fresh:
                lease.fresh[id] = other.fresh[id]  # whichever build ends first writes it
        self._use(lease, id)
        lease.touched[id] = None
        return record

    def _take(self, lease: Lease, diff_id: str) -> bool:
        """Make a layer part of the lease's staging: one that has a row, or that a running build has made."""
        if diff_id in lease.staging.layers:
            return True
        if diff_id in self._images.layers:
            self._images.reuse(lease.staging, diff_id)
            return True
        for other in self._leases:
            if diff_id in other.staging.layers:
                self._images.adopt(lease.staging, other.staging.layers[diff_id])
                return True
        return False

    def add(self, lease: Lease, record: Record, details: Details) -> None:
        """A new one, in memory; its rows are among the lease's `changes`."""
        self._index(record)
        self._use(lease, record.id)
        lease.fresh[record.id] = details

    def alias(self, lease: Lease, record: Record, keys: Iterable[str]) -> Record:
        """Let a record answer to more keys."""
        current = self.records[record.id]
        more = tuple(key for key in keys if key not in current.keys)
        if not more:
            return current
        # Old chains are of no use for long; the content's key comes first and stays.
        kept = current.keys[:1] + current.keys[1:][-6:]
        self._unkey(current)
        self._index(replace(current, keys=kept + more))
        lease.touched[record.id] = None
        return self.records[record.id]

    def _use(self, lease: Lease, id: str) -> None:
        if id not in lease.used:
            lease.used[id] = None
            self._in_use[id] += 1

    def changes(self, lease: Lease) -> list[Change]:
        """The rows of what a build has added, to be written once its layers are durable."""
        changes: list[Change] = []
        for id, details in lease.fresh.items():
            if id in self.records:
                changes.append(Put(RECORDS + id, self.records[id].row()))
                changes.append(Put(DETAILS + id, details.row()))
        return changes

    def written(self, lease: Lease) -> None:
        """The changes are in the database."""
        lease.fresh.clear()

    def layers(self, lease: Lease) -> set[str]:
        """Diff IDs that the records of `changes` need rows of."""
        return {diff for id in lease.fresh if id in self.records for diff in self.records[id].layers}

    def touch(self, lease: Lease, now: int) -> None:
        """Count the uses: not durable, as a power failure may well forget them."""
        changes: list[Change] = []
        for id in lease.touched:
            record = self.records.get(id)
            if record is None or id in lease.fresh:
                continue
            self.records[id] = replace(record, last_used=now, uses=record.uses + 1)
            changes.append(Put(RECORDS + id, self.records[id].row()))
        lease.touched.clear()
        if changes:
            with suppress(Failed):  # a full disk: the build is done all the same
                self._rows.apply(changes, durable=False)

    # Asking

    def details(self, id: str) -> Details:
        row = self._rows.get(DETAILS + id)
        return Details() if row is None else details_of(row)

    def by_prefix(self, text: str) -> Record:
        """Raises NotFound, Conflict when several begin so."""
        if text in self.records:
            return self.records[text]
        found = [id for id in self.records if text and id.startswith(text)]
        if not found:
            raise NotFound(f"no snapshot {text}", hint="sampan builder du lists them; a prune removes them")
        if len(found) > 1:
            raise Conflict(f"{len(found)} snapshots begin with {text}")
        return self.records[found[0]]

    def in_use(self, id: str) -> bool:
        return self._in_use[id] > 0

    def usage(self) -> list[Usage]:
        """All records, newest use first."""
        of_images = {diff_id for image in self._images.images.values() for diff_id in image.diff_ids}
        return [
            Usage(
                id=record.id,
                type=record.type,
                description=record.description,
                size=record.size,
                created=record.created,
                last_used=record.last_used,
                uses=record.uses,
                parents=(record.parent,) if record.parent else (),
                in_use=self._in_use[record.id] > 0,
                shared=bool(record.layers) and record.layers[-1] in of_images,
            )
            for record in self.records.values()
        ]

    # Removing

    def remove(self, ids: Sequence[str]) -> None:
        """Records, and layers that nothing else needs, in one transaction."""
        self._images.collect(self._forget(ids))

    def _forget(self, ids: Iterable[str]) -> list[Change]:
        changes: list[Change] = []
        for id in ids:
            record = self.records.pop(id, None)
            if record is None:
                continue
            self._unkey(record)
            for diff_id in record.layers:
                self._held[diff_id] -= 1
                if self._held[diff_id] <= 0:
                    del self._held[diff_id]
            changes += [Delete(RECORDS + id), Delete(DETAILS + id)]
        return changes

    def _unkey(self, record: Record) -> None:
        for key in record.keys:
            if self._by_key.get(key) == record.id:
                del self._by_key[key]
