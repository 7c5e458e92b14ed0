"""RUN --mount=type=cache: directories that outlive their builds, shared, private or locked.

A row buildmounts/<name> says what data/build/mounts/<name> is; a directory without a row is removed at start.
"""

import asyncio
import os
import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from sampan.builder.progress import now
from sampan.db.sqlite import Delete, Put, Store
from sampan.images.unpack import unpack
from sampan.linux import durable
from sampan.storage.sizes import tree_size

Sharing = Literal["shared", "private", "locked"]


@dataclass(frozen=True, kw_only=True)
class MountRecord:
    """A cache mount's directory on disk, for du and prune. Times: ns since 1970."""

    name: str  # unique
    id: str  # as --mount=type=cache,id= names it
    directory: Path
    size: int
    created: int
    last_used: int
    uses: int
    in_use: bool = False

    def row(self, key: str) -> dict[str, Any]:
        return {
            "key": key,
            "id": self.id,
            "size": self.size,
            "created": self.created,
            "last_used": self.last_used,
            "uses": self.uses,
        }


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """`key`: all that must be equal for a directory to be this one: id, owner, mode, what it began with."""

    key: str
    id: str
    sharing: Sharing
    mode: int
    uid: int
    gid: int


class CacheMounts:
    """One per engine; owned by the event loop."""

    def __init__(self, store: Store, directory: Path, throw: Callable[..., None]) -> None:
        self._store = store
        self._directory = directory
        self._throw = throw
        self._records: dict[str, MountRecord] = {}
        self._keys: dict[str, str] = {}  # name -> key
        self._users: dict[str, int] = {}  # name -> how many steps use it
        self._alone: set[str] = set()  # in use by one that shares it with nobody
        self._freed = asyncio.Condition()

    def start(self) -> None:
        self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        gone = []
        for key, row in self._store.list("buildmounts/"):
            name = key.removeprefix("buildmounts/")
            directory = self._directory / name
            if not directory.is_dir():
                gone.append(Delete(key))
                continue
            self._keys[name] = row["key"]
            self._records[name] = MountRecord(
                name=name,
                id=row["id"],
                directory=directory,
                size=row["size"],
                created=row["created"],
                last_used=row["last_used"],
                uses=row["uses"],
            )
        if gone:
            self._store.apply(gone)
        found = [entry.name for entry in os.scandir(self._directory)]
        self._throw(*(self._directory / name for name in found if name not in self._records))

    def records(self) -> list[MountRecord]:
        return [replace(record, in_use=name in self._users) for name, record in self._records.items()]

    # For caches that are taken from or to other machines

    def has(self, key: str) -> bool:
        return key in self._keys.values()

    def key(self, name: str) -> str:
        return self._keys[name]

    async def restore(self, wanted: Wanted, fill: Callable[[], Iterator[bytes]]) -> None:
        """A new directory that holds what the tar `fill` says. Raises Failed for a bad one."""
        await self._make(wanted, fill)

    async def acquire(self, wanted: Wanted, fill: Callable[[], Iterator[bytes]] | None) -> tuple[str, Path]:
        """A directory, until `release`; waits for a locked one. `fill`: a tar of what a new one holds."""
        async with self._freed:
            while (name := self._free(wanted)) is None:
                if wanted.sharing != "locked" or not self.has(wanted.key):
                    name = await self._make(wanted, fill)
                    break
                await self._freed.wait()
            self._users[name] = self._users.get(name, 0) + 1
            if wanted.sharing != "shared":
                self._alone.add(name)
            record = self._records[name]
            self._records[name] = replace(record, last_used=now(), uses=record.uses + 1)
            return name, record.directory

    def _free(self, wanted: Wanted) -> str | None:
        names = [name for name, key in self._keys.items() if key == wanted.key]
        if wanted.sharing == "shared":
            used = [name for name in names if name in self._users and name not in self._alone]
            if used:
                return used[0]
        free = [name for name in names if name not in self._users]
        return max(free, key=lambda name: self._records[name].last_used, default=None)

    async def _make(self, wanted: Wanted, fill: Callable[[], Iterator[bytes]] | None) -> str:
        name = secrets.token_hex(12)
        directory = self._directory / name
        directory.mkdir(mode=0o755)
        try:
            os.chmod(directory, wanted.mode)
            os.chown(directory, wanted.uid, wanted.gid)
            if fill is not None:
                await asyncio.to_thread(_fill, directory, fill)
        except BaseException:
            self._throw(directory)
            raise
        made = now()
        self._records[name] = MountRecord(
            name=name, id=wanted.id, directory=directory, size=0, created=made, last_used=made, uses=0
        )
        self._keys[name] = wanted.key
        self._write(name)
        return name

    async def release(self, name: str) -> None:
        """Its size is measured, unless somebody else goes on using it."""
        left = self._users[name] - 1
        if left:
            self._users[name] = left
            return
        size = await asyncio.to_thread(tree_size, str(self._records[name].directory))
        if self._users[name] > 1:  # taken meanwhile
            self._users[name] -= 1
            return
        del self._users[name]
        self._alone.discard(name)
        self._records[name] = replace(self._records[name], size=size)
        self._write(name)
        async with self._freed:
            self._freed.notify_all()

    def _write(self, name: str) -> None:
        row = self._records[name].row(self._keys[name])
        # Losing the last change to a power failure costs nothing but a cache.
        self._store.apply([Put(f"buildmounts/{name}", row)], durable=False)

    def remove(self, names: Sequence[str]) -> None:
        """Those in use stay."""
        gone = [name for name in names if name in self._records and name not in self._users]
        if not gone:
            return
        self._store.apply([Delete(f"buildmounts/{name}") for name in gone])
        for name in gone:
            del self._keys[name]
            self._throw(self._records.pop(name).directory)


def _fill(directory: Path, fill: Callable[[], Iterator[bytes]]) -> None:
    """Whole on the disk: a row that is not durable may last all the same."""
    unpack(fill(), str(directory))
    durable.sync_filesystem(directory)
