"""Builds that have ended are remembered: some, for a while, and not for ever."""

from pathlib import Path

import pytest

from sampan.builder import history
from sampan.builder.history import BuildRecord, History
from sampan.builder.options import BuildOptions
from sampan.builder.progress import Event, Explanation, Log, Status, Vertex, Warning
from sampan.db.sqlite import Store
from sampan.errors import Conflict, NotFound

EVENTS: list[Event] = [
    Vertex(digest="sha256:1", name="[1/2] RUN x", inputs=("sha256:0",), started=1, completed=2, error="no"),
    Status(id="a", vertex="sha256:1", name="a", current=1, total=2, timestamp=3),
    Log(vertex="sha256:1", stream=2, data=b"\xff\x00text", timestamp=4),
    Warning(vertex="sha256:1", short="w", detail=("d",), source=b"\xfe", ranges=((1, 2),)),
    Explanation(vertex="sha256:1", cached=False, reason="x changed"),
]


def files(directory: Path) -> list[Path]:
    return list(directory.rglob("*"))


async def ended(found: History, ref: str, events: list[Event], **options: object) -> BuildRecord:
    record = found.begin(ref, BuildOptions(**options))  # type: ignore[arg-type]
    found.add(record)
    await found.write(record, events)
    return record


async def test_what_happened_comes_back_after_a_restart(tmp_path: Path) -> None:
    rows = Store(":memory:")
    record = await ended(History(rows, tmp_path), "r1", EVENTS, tags=("app",), build_args={"KEY": "s3cret"})
    again = History(rows, tmp_path)
    again.start()
    assert again.get("r1") == record
    assert record.name == "app" and "s3cret" not in repr(record)
    progress = await again.events("r1")
    assert progress.closed and progress.events == EVENTS


async def test_the_oldest_are_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "MOST", 2)
    rows = Store(":memory:")
    found = History(rows, tmp_path)
    for number in range(4):
        await ended(found, f"r{number}", EVENTS)
    assert list(found.records) == ["r2", "r3"]
    assert len(files(tmp_path)) == 2 and len(list(rows.list("builds/"))) == 2
    found.remove("r2")
    with pytest.raises(NotFound):
        found.get("r2")
    with pytest.raises(NotFound):
        await found.events("r2")
    assert len(files(tmp_path)) == 1


async def test_a_ref_is_found_by_its_beginning_and_names_no_path(tmp_path: Path) -> None:
    found = History(Store(":memory:"), tmp_path)
    for ref in ("abc", "abd", "../../etc/passwd"):
        await ended(found, ref, [])
    assert found.get("abc").ref == "abc"
    with pytest.raises(Conflict):
        found.get("ab")
    with pytest.raises(NotFound):
        found.get("x")
    assert all(path.parent == tmp_path for path in files(tmp_path))


async def test_what_programs_wrote_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "LARGEST", 10)
    found = History(Store(":memory:"), tmp_path)
    logs: list[Event] = [Log(vertex="v", stream=1, data=b"12345678", timestamp=n) for n in range(3)]
    await ended(found, "r", [*logs, EVENTS[0]])
    assert (await found.events("r")).events == [logs[0], EVENTS[0]]


async def test_a_damaged_log_is_gone(tmp_path: Path) -> None:
    found = History(Store(":memory:"), tmp_path)
    await ended(found, "r", EVENTS)
    [path] = files(tmp_path)
    path.write_bytes(b"nonsense")
    with pytest.raises(NotFound):
        await found.events("r")
