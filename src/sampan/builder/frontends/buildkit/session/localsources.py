"""Where directories of sessions are received: kept from build to build, so that only what changed is sent.

<root>/<key>-<number>/     key: whose directory and which; a second build at the same time gets a second copy
  about.json               what it is, for listings
  files/                   the files
  listing, listing.old     listing.py
"""

import asyncio
import json
import os
import shutil
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sampan.builder.errors import DiskFull
from sampan.builder.frontends.buildkit.session.identity import Identity
from sampan.builder.frontends.buildkit.session.listing import Listing
from sampan.builder.frontends.buildkit.session.sharing import Sharing
from sampan.engine.buildcache.usage import LOCAL, Usage

COPIES = 2  # of one directory that are kept, however many builds had one each


class LocalSources:
    """Of one engine. Owned by the event loop."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._used: set[str] = set()
        self._removing: set[asyncio.Task[None]] = set()
        self.sharing = Sharing(self.hold)

    @asynccontextmanager
    async def hold(self, identity: Identity) -> AsyncIterator[Listing]:
        """A directory of this identity that nobody else changes, or reads, meanwhile."""
        key, number = identity.key(), 0
        while f"{key}-{number}" in self._used:
            number += 1
        id = f"{key}-{number}"
        self._used.add(id)
        unwanted = number >= COPIES
        try:
            yield await asyncio.to_thread(self._prepare, id, identity)
        except DiskFull:
            unwanted = True  # else what has come of it keeps the disk full
            raise
        finally:
            self._used.discard(id)
            if unwanted:
                task = asyncio.create_task(self.remove([id]))
                self._removing.add(task)
                task.add_done_callback(self._removing.discard)

    def _prepare(self, id: str, identity: Identity) -> Listing:
        directory = self._root / id
        about = directory / "about.json"
        try:
            os.utime(about)  # when it was last used
        except FileNotFoundError:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            document = {"description": f"local source for {identity.name}", "created": time.time_ns()}
            about.write_text(json.dumps(document))
        return Listing(directory / "files")

    async def usage(self) -> list[Usage]:
        """As records of type source.local."""
        return await asyncio.to_thread(self._usage)

    def _usage(self) -> list[Usage]:
        try:
            names = sorted(os.listdir(self._root))
        except FileNotFoundError:
            return []
        return [found for found in map(self._describe, names) if found is not None]

    def _describe(self, id: str) -> Usage | None:
        directory = self._root / id
        try:
            info = (directory / "about.json").stat()
            about: dict[str, Any] = json.loads((directory / "about.json").read_bytes())
        except (OSError, ValueError):
            return None
        return Usage(
            id=id,
            type=LOCAL,
            description=str(about.get("description", "local source")),
            size=Listing(directory / "files").last_size(),
            created=int(about.get("created", 0)),
            last_used=info.st_mtime_ns,
            in_use=id in self._used,
            mutable=True,
        )

    async def remove(self, ids: Iterable[str]) -> None:
        """What is in use stays."""
        for id in ids:
            if id in self._used or "/" in id or id in ("", ".", ".."):
                continue
            self._used.add(id)  # nobody begins with it while it goes
            try:
                await asyncio.to_thread(shutil.rmtree, self._root / id, ignore_errors=True)
            finally:
                self._used.discard(id)
