"""Finished builds: records in the database, what happened in them in files.

    builds/<ref>                        BuildRecord.row
    <data>/build/history/<name>.z       the progress, a JSON array of [type, fields], compressed

Kept for those who ask afterwards: `buildx history`, Docker Desktop's views, our own listing. Neither is
worth a disk write that somebody waits for.
"""

import asyncio
import hashlib
import os
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import orjson

from sampan.builder import progress
from sampan.builder.options import BuildOptions
from sampan.builder.progress import Event, Progress, now
from sampan.db.sqlite import Change, Delete, Put, Store
from sampan.errors import Conflict, NotFound

ROWS = "builds/"
MOST = 100  # finished builds that are remembered
LARGEST = 4 << 20  # bytes of one build's progress before it is compressed; what its programs wrote goes first
_KINDS = {"vertex": progress.Vertex, "status": progress.Status, "log": progress.Log,
          "warning": progress.Warning, "explanation": progress.Explanation}  # fmt: skip
_NAMES = {kind: name for name, kind in _KINDS.items()}


@dataclass(frozen=True, kw_only=True)
class BuildRecord:
    """One line of `buildx history ls` and of our own listing. Times: ns since 1970."""

    ref: str
    name: str = ""
    created: int
    completed: int = 0  # 0: it runs
    error: str = ""
    canceled: bool = False
    steps: int = 0
    cached: int = 0
    warnings: int = 0
    dockerfile: str = ""
    target: str = ""
    summary: Mapping[str, Any] = field(default_factory=dict)  # context, tags, platforms, arguments' names
    exporter: Mapping[str, str] = field(default_factory=dict)

    def row(self) -> dict[str, Any]:
        return asdict(self)


_FIELDS = {one.name for one in fields(BuildRecord)}


class History:
    """Owned by the event loop."""

    def __init__(self, rows: Store, directory: Path) -> None:
        self._rows = rows
        self._directory = directory
        self.records: dict[str, BuildRecord] = {}

    def start(self) -> None:
        found = [row for _, row in self._rows.list(ROWS)]
        for row in sorted(found, key=lambda row: row["created"]):
            self.records[row["ref"]] = BuildRecord(**{k: v for k, v in row.items() if k in _FIELDS})

    def begin(self, ref: str, options: BuildOptions) -> BuildRecord:
        """Of a build that has just begun: it is only told, and not kept before it ends."""
        summary = {
            "context": options.context,
            "tags": list(options.tags),
            "platforms": list(options.platforms),
            "build_args": sorted(options.build_args),
            "outputs": [output.type for output in options.outputs],
        }
        return BuildRecord(
            ref=ref,
            name=options.tags[0] if options.tags else options.target,
            created=now(),
            dockerfile=options.dockerfile,
            target=options.target,
            summary={name: value for name, value in summary.items() if value},
        )

    def add(self, record: BuildRecord) -> None:
        """A build that has ended; `write` makes it last."""
        self.records.pop(record.ref, None)
        self.records[record.ref] = record

    async def write(self, record: BuildRecord, events: Sequence[Event]) -> None:
        """Keep what a build was, unless it was removed meanwhile, and forget the oldest."""
        if record.ref not in self.records:
            return
        changes: list[Change] = [Put(ROWS + record.ref, record.row())]
        old = list(self.records)[: max(0, len(self.records) - MOST)]
        for ref in old:
            del self.records[ref]
            changes.append(Delete(ROWS + ref))
        self._rows.apply(changes, durable=False)
        await asyncio.to_thread(self._write, record.ref, list(events), old)

    def _write(self, ref: str, events: Sequence[Event], old: Sequence[str]) -> None:
        self._directory.mkdir(parents=True, exist_ok=True, mode=0o710)
        path = self._path(ref)
        beside = path.with_suffix(".new")
        beside.write_bytes(zlib.compress(dump(events), 1))
        os.rename(beside, path)
        for gone in old:
            self._path(gone).unlink(missing_ok=True)

    def get(self, ref: str) -> BuildRecord:
        """By ref or its beginning. Raises NotFound, Conflict."""
        if ref in self.records:
            return self.records[ref]
        found = [name for name in self.records if ref and name.startswith(ref)]
        if not found:
            raise NotFound(f"no build {ref}")
        if len(found) > 1:
            raise Conflict(f"{len(found)} builds begin with {ref}")
        return self.records[found[0]]

    async def events(self, ref: str) -> Progress:
        """Raises NotFound."""
        try:
            data = await asyncio.to_thread(self._path(ref).read_bytes)
            events = load(zlib.decompress(data))
        except (OSError, zlib.error, ValueError):
            raise NotFound(f"the log of build {ref} is gone") from None
        found = Progress()
        found.events = events
        found.close()
        return found

    def remove(self, ref: str) -> None:
        self.records.pop(ref, None)
        self._rows.apply([Delete(ROWS + ref)], durable=False)
        self._path(ref).unlink(missing_ok=True)

    def _path(self, ref: str) -> Path:
        # A ref is the client's own choice of words.
        return self._directory / f"{hashlib.sha256(ref.encode(errors='replace')).hexdigest()[:32]}.z"


def dump(events: Sequence[Event]) -> bytes:
    """As JSON; output beyond LARGEST is left out, the newest first."""
    documents: list[Any] = []
    room = LARGEST
    for event in events:
        document = {one.name: getattr(event, one.name) for one in fields(event)}
        if isinstance(event, progress.Log):
            room -= len(event.data)
            if room < 0:
                continue
            document["data"] = event.data.decode("latin-1")
        elif isinstance(event, progress.Warning):
            document["source"] = event.source.decode("latin-1")
        documents.append([_NAMES[type(event)], document])
    return orjson.dumps(documents)


def load(data: bytes) -> list[Event]:
    """Raises ValueError. What a newer version wrote and is not known here is left out."""
    events: list[Event] = []
    for name, document in orjson.loads(data):
        kind = _KINDS.get(name)
        if kind is None:
            continue
        known = {one.name for one in fields(kind)}
        values = {key: value for key, value in document.items() if key in known}
        for key in ("data", "source"):
            if key in values:
                values[key] = values[key].encode("latin-1")
        for key in ("inputs", "detail"):
            if key in values:
                values[key] = tuple(values[key])
        if "ranges" in values:
            values["ranges"] = tuple(tuple(pair) for pair in values["ranges"])
        events.append(kind(**values))
    return events
