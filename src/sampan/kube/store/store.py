"""What is asked of a store: etcd's model, as far as an API server needs it.

Keys are strings, `/registry/<group>/<resource>/<namespace>/<name>`; the group without a name is "core".
Values are bytes. Every write has a revision, larger than the last write's; a key's revision is that of its
last write. Both implementations pass the one suite in tests/kube/store/.
"""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Entry:
    key: str
    revision: int  # of its last write
    value: bytes


@dataclass(frozen=True, slots=True)
class Page:
    """`entries` are in the order of their keys. `more`: there are others behind the last one."""

    entries: list[Entry]
    revision: int  # at which this was read
    more: bool
    remaining: int  # how many others; 0 if not `more`


@dataclass(frozen=True, slots=True)
class Change:
    """One write. `value` is None for a deletion, `previous` is None for what did not exist before."""

    key: str
    revision: int
    value: bytes | None
    previous: Entry | None


Batch = list[Change]


class Mismatch(Exception):
    """A compare-and-write found another revision; `current` is what is there, or None."""

    def __init__(self, key: str, current: Entry | None) -> None:
        super().__init__(key)
        self.key = key
        self.current = current


class Compacted(Exception):
    """The revision asked for is older than `oldest`, which is kept."""

    def __init__(self, oldest: int) -> None:
        super().__init__(f"required revision has been compacted (oldest: {oldest})")
        self.oldest = oldest


class Ahead(Exception):
    """The revision asked for has not happened yet; the newest is `current`."""

    def __init__(self, current: int) -> None:
        super().__init__(f"revision is in the future (current: {current})")
        self.current = current


class Store(Protocol):
    """All raise sampan.errors.Unavailable when the disk or the peer does not do what was asked."""

    async def revision(self) -> int:
        """Of the last write that anyone was told of, by whichever server: for consistent reads."""
        ...

    async def get(self, key: str) -> Entry | None: ...

    async def list(self, prefix: str, *, revision: int = 0, start: str = "", limit: int = 0) -> Page:
        """Entries below `prefix` from `start` on (inclusive), as they were at `revision` (0: now).

        Raises Compacted and Ahead.
        """
        ...

    async def write(self, key: str, value: bytes | None, *, expected: int | None, ttl: int = 0) -> int:
        """Put (None: delete) if the key's revision is `expected` (0: there is none; None: whatever it is).

        Returns the write's revision once it is durable. After `ttl` seconds (0: never) the store deletes the
        key, which is a write like any other. Raises Mismatch.
        """
        ...

    def watch(self, prefix: str, revision: int) -> AsyncGenerator[Batch, None]:
        """Writes after `revision`, in their order, each exactly once, as they become durable.

        Raises Compacted. Whoever stops reading closes it.
        """
        ...

    async def reached(self) -> int:
        """A revision up to which watches have yielded all, and their readers have come back for more.

        Nothing that was acknowledged before the call is behind it, as far as this peer knows (etcd's
        progress). Waits while nobody watches.
        """
        ...

    async def compact(self, revision: int) -> None:
        """Forget what only reads and watches at older revisions need."""
        ...

    async def close(self) -> None: ...
