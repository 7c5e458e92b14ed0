"""What the cache holds: an object as its bytes, what selectors ask for beside it, and what happened to it."""

from collections import deque
from typing import Any, Literal

import orjson

HEAD = b'{"metadata":{'  # how every value in the store begins
FIELD = b'"resourceVersion":"'
KEPT = 512  # parsed objects that stay parsed: those who ask for one mostly ask again


class Item:
    """An object at one revision. `body` is its JSON with the revision in it; nothing of it may be changed."""

    __slots__ = ("_labels", "_object", "_recent", "body", "key", "revision")

    def __init__(self, key: str, revision: int, body: bytes, recent: "deque[Item]") -> None:
        self.key = key
        self.revision = revision
        self.body = body
        self._labels: dict[str, str] | None = None
        self._object: dict[str, Any] | None = None
        self._recent = recent

    @property
    def name(self) -> str:
        return self.key[self.key.rindex("/") + 1 :]

    @property
    def namespace(self) -> str:
        """Empty if it has none."""
        parts = self.key.split("/", 5)  # "", registry, group, resource, namespace, name
        return parts[4] if len(parts) == 6 else ""

    @property
    def object(self) -> dict[str, Any]:
        """Parsed when first asked for, and forgotten when many others were since."""
        found = self._object
        if found is None:
            found = self._object = orjson.loads(self.body)
            if len(self._recent) >= KEPT:
                self._recent.popleft()._object = None
            self._recent.append(self)
        return found

    def peek(self) -> dict[str, Any]:
        """As `object`, for who goes through many: it is not kept, so the CPU still has it when it goes."""
        return self._object if self._object is not None else orjson.loads(self.body)

    @property
    def labels(self) -> dict[str, str]:
        found = self._labels
        if found is None:
            labels = self.object["metadata"].get("labels")
            found = self._labels = labels or NO_LABELS
        return found

    def at(self, revision: int) -> "Item":
        """The same, as of another revision."""
        end = self.body.index(b'"', len(HEAD) + len(FIELD))
        body = b"%b%b%d%b" % (HEAD, FIELD, revision, self.body[end:])
        item = Item(self.key, revision, body, self._recent)
        item._labels = self._labels
        return item


NO_LABELS: dict[str, str] = {}


def with_revision(value: bytes, revision: int) -> bytes:
    """The object's JSON with `metadata.resourceVersion`. Raises ValueError for what is none of our values."""
    if not value.startswith(HEAD):
        raise ValueError(f"a stored object begins with {value[:20]!r}, not with its metadata")
    rest = value[len(HEAD) :]
    comma = b"" if rest[:1] == b"}" else b","
    return b'%b%b%d"%b%b' % (HEAD, FIELD, revision, comma, rest)


class Event:
    """What happened to an object. In `frames` whoever encodes it keeps the bytes, by their form."""

    __slots__ = ("frames", "item", "previous", "revision", "type")

    def __init__(
        self, type: Literal["ADDED", "MODIFIED", "DELETED"], item: Item, previous: Item | None
    ) -> None:
        self.type = type
        self.item = item  # of a deletion: the last state, with the deletion's revision
        self.previous = previous
        self.revision = item.revision
        self.frames: dict[Any, bytes] | None = {}  # None: hardly anybody will ask any more
