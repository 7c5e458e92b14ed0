"""The registry itself, as the API, the page and the cache use it: its parts, joined."""

import asyncio
import logging
import sqlite3
import time
from pathlib import Path

from sampan.registry.blobs import Blobs, Clock
from sampan.registry.collect import Collector
from sampan.registry.config import Config
from sampan.registry.database import Database
from sampan.registry.events import Event, Events
from sampan.registry.layout import Layout
from sampan.registry.manifests import Manifests
from sampan.registry.repositories import Quotas
from sampan.registry.uploads import Uploads
from sampan.tasks import Tasks

log = logging.getLogger("sampan.registry")
PULLS_EVERY = 5.0  # seconds between two notes of what was pulled: a pull costs no write of its own


class Registry:
    """Reads are plain methods, quick enough for the event loop; changes are async, and durable."""

    def __init__(self, config: Config, clock: Clock = time.time) -> None:
        self.config = config
        self.clock = clock
        self.layout = Layout(Path(config.root))
        self.layout.prepare()
        self.database = Database(self.layout)
        self.events = Events()
        self.quotas = Quotas(config.quota)
        self.blobs = Blobs(self.layout, self.database, self.quotas, config.collect.grace, clock)
        self.uploads = Uploads(self.layout, self.database, self.blobs, clock)
        self.manifests = Manifests(self.database, self.quotas, clock)
        self.collector = Collector(
            self.layout, self.database, config.collect, config.retention, config.upload_expiry, clock
        )
        self._pulled: dict[tuple[str, str, str], float] = {}
        self._tasks = Tasks()
        self.events.listen(self._note_pull)

    @property
    def read(self) -> sqlite3.Connection:
        """The database, for reading on the event loop."""
        return self.database.read

    async def start(self) -> None:
        """Begin the work beside the requests: noting pulls. Garbage is workers/jobs.py's."""
        self._tasks.spawn(self._note_pulls())

    async def stop(self) -> None:
        await self._tasks.stop()
        await self.flush_pulls()
        self.database.close()

    # When manifests were pulled last

    def _note_pull(self, event: Event) -> None:
        if event.action == "pull" and event.kind == "manifest":
            self._pulled[event.repository, event.digest, event.tag] = event.time

    async def _note_pulls(self) -> None:
        while True:
            await asyncio.sleep(PULLS_EVERY)
            try:
                await self.flush_pulls()
            except Exception:
                log.exception("cannot record pulls")

    async def flush_pulls(self) -> None:
        """Write the times of pulls that are only in this process yet."""
        if not self._pulled:
            return
        pulled, self._pulled = self._pulled, {}

        def change(db: sqlite3.Connection) -> None:
            for (name, digest, tag), when in pulled.items():
                db.execute(
                    "UPDATE manifests SET pulled=max(coalesce(pulled, 0), ?) WHERE digest=?"
                    " AND repository=(SELECT id FROM repositories WHERE name=?)",
                    (when, digest, name),
                )
                if tag:
                    db.execute(
                        "UPDATE tags SET pulled=max(coalesce(pulled, 0), ?) WHERE name=?"
                        " AND repository=(SELECT id FROM repositories WHERE name=?)",
                        (when, tag, name),
                    )

        await self.database.write(change, durable=False)
