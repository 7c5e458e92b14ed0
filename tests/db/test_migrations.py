"""Every numbered step, on rows as the version before it wrote them."""

import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from sampan.db import migrations
from sampan.db.migrations import NEWEST
from sampan.db.sqlite import Put, Store


def database(path: Path, version: int, rows: dict[str, Any]) -> Path:
    """As a daemon of that version left it."""
    store = Store(path)
    store.apply([Put(key, value) for key, value in rows.items()])
    store.close()
    raw = sqlite3.connect(path)
    raw.execute("UPDATE meta SET value=? WHERE name='schema'", (version,))
    raw.commit()
    raw.close()
    return path


def version_of(path: Path) -> int:
    raw = sqlite3.connect(path)
    found: int = raw.execute("SELECT value FROM meta WHERE name='schema'").fetchone()[0]
    raw.close()
    return found


def test_images_get_the_time_of_their_last_name(tmp_path: Path) -> None:
    rows = {
        "images/aa": {"parent": "p", "last_tagged": "2024-05-06T07:08:09.5Z", "manifest": "m"},
        "images/bb": {"parent": "", "last_tagged": ""},
        "imagesx": {"other": 1},
    }
    path = database(tmp_path / "db", 1, rows)
    before = time.time_ns()
    store = Store(path)
    tagged = {"added": 1714979289500000000, "last_used": 1714979289500000000}
    assert store.get("images/aa") == {**rows["images/aa"], **tagged}
    unnamed = store.get("images/bb")
    assert unnamed is not None
    # What has no time counts as new: nothing may be pruned for it.
    assert before <= unnamed["added"] == unnamed["last_used"] <= time.time_ns()
    assert store.get("imagesx") == {"other": 1}
    store.close()
    assert version_of(path) == NEWEST


def test_a_step_that_fails_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = database(tmp_path / "db", 1, {"images/aa": {"parent": "", "last_tagged": ""}})

    def broken(db: sqlite3.Connection) -> None:
        db.execute("DELETE FROM kv")
        raise orjson.JSONDecodeError("it is", "", 0)

    steps: dict[int, Callable[[sqlite3.Connection], None]] = {2: broken}
    monkeypatch.setattr(migrations, "MIGRATIONS", steps)
    with pytest.raises(orjson.JSONDecodeError):
        Store(path)
    assert version_of(path) == 1
    monkeypatch.undo()
    store = Store(path)
    assert store.get("images/aa") is not None
    store.close()
