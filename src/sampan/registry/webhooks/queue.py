"""Undelivered notifications, in the database before the request that caused them is answered.

notifications(id, endpoint, created, event)      in the order of id, per endpoint
"""

import asyncio
import logging
import sqlite3
import uuid
from collections.abc import Sequence

import orjson

from sampan.registry.database import Database
from sampan.registry.errors import DiskFull
from sampan.registry.events import Event
from sampan.registry.patterns import matches
from sampan.registry.webhooks.config import Webhook
from sampan.registry.webhooks.envelope import document

log = logging.getLogger("sampan.registry")
Row = tuple[str, float, bytes]


class Queue:
    """One process's way into the queue. `listen` is for the registry's events, `flush` before each answer."""

    def __init__(
        self, database: Database, endpoints: Sequence[Webhook], *, scheme: str, address: str
    ) -> None:
        self._database = database
        self._endpoints = tuple(endpoints)
        self._scheme = scheme
        self._address = address
        self._instance = str(uuid.uuid4())
        self._pending: list[Row] = []
        self._durable = self._deletes = False
        self._turn = asyncio.Lock()

    def listen(self, event: Event) -> None:
        wanted = [
            endpoint.name
            for endpoint in self._endpoints
            if event.action in endpoint.actions and matches(endpoint.repository, event.repository)
        ]
        if wanted:
            made = document(event, scheme=self._scheme, address=self._address, instance=self._instance)
            body = orjson.dumps(made)
            self._pending += [(name, event.time, body) for name in wanted]
            # A change must be told even after a power failure; that somebody pulled, after a kill.
            self._durable |= event.action != "pull"
            self._deletes |= event.action == "delete"

    @property
    def waiting(self) -> bool:
        return bool(self._pending) or self._turn.locked()

    async def flush(self) -> None:
        """Returns when all heard so far is in the database; many requests share one transaction."""
        async with self._turn:
            rows, self._pending = self._pending, []
            durable, deletes = self._durable, self._deletes
            self._durable = self._deletes = False
            if not rows:
                return
            try:
                await self._database.write(lambda db: _insert(db, rows), durable=durable, frees=deletes)
            except DiskFull:
                if durable:
                    raise
                log.error("disk full: %d notifications of pulls are lost", len(rows))


def _insert(db: sqlite3.Connection, rows: Sequence[Row]) -> None:
    db.executemany("INSERT INTO notifications (endpoint, created, event) VALUES (?, ?, ?)", rows)


def oldest(db: sqlite3.Connection, endpoint: str, most: int) -> list[tuple[int, float, bytes]]:
    """Id, time and event of what is next."""
    return db.execute(
        "SELECT id, created, event FROM notifications WHERE endpoint=? ORDER BY id LIMIT ?", (endpoint, most)
    ).fetchall()


def drop(db: sqlite3.Connection, endpoint: str, up_to: int) -> None:
    db.execute("DELETE FROM notifications WHERE endpoint=? AND id <= ?", (endpoint, up_to))


def pending(db: sqlite3.Connection) -> dict[str, int]:
    return dict(db.execute("SELECT endpoint, count(*) FROM notifications GROUP BY endpoint").fetchall())
