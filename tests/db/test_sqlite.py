"""The metadata store keeps what was acknowledged, all or nothing."""

import sqlite3
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sampan.db.sqlite import Delete, Put, Store
from sampan.errors import Failed

KEYS = st.text("abc/", min_size=1, max_size=4)
CHANGES = st.lists(
    st.one_of(st.builds(Put, KEYS, st.integers(-(2**63), 2**63 - 1)), st.builds(Delete, KEYS)), max_size=8
)


def test_values_survive_reopening(tmp_path: Path) -> None:
    store = Store(tmp_path / "db")
    store.put("containers/a", {"Name": "/web"})
    store.close()
    again = Store(tmp_path / "db")
    assert again.get("containers/a") == {"Name": "/web"}
    again.close()


def test_list_gives_only_keys_under_the_prefix_in_order(tmp_path: Path) -> None:
    store = Store(tmp_path / "db")
    store.apply([Put("images/b", 2), Put("images/a", 1), Put("imagesx", 3), Put("image", 4)])
    assert list(store.list("images/")) == [("images/a", 1), ("images/b", 2)]
    store.close()


def test_a_failed_apply_changes_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path / "db")
    store.put("a", 1)
    with pytest.raises(TypeError):
        store.apply([Put("a", 2), Put("b", object())])
    assert store.get("a") == 1
    assert store.get("b") is None
    store.put("a", 3)
    assert store.get("a") == 3
    store.close()


def test_revisions_grow_and_go_on_after_reopening(tmp_path: Path) -> None:
    store = Store(tmp_path / "db")
    first = store.put("a", 1)
    second = store.put("a", 2)
    store.close()
    again = Store(tmp_path / "db")
    assert first < second < again.put("b", 1)
    again.close()


def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    Store(tmp_path / "db").close()
    raw = sqlite3.connect(tmp_path / "db")
    raw.execute("UPDATE meta SET value=99 WHERE name='schema'")
    raw.commit()
    raw.close()
    with pytest.raises(RuntimeError, match="schema 99"):
        Store(tmp_path / "db")


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(batches=st.lists(CHANGES, max_size=6))
def test_store_behaves_as_a_dictionary(
    tmp_path_factory: pytest.TempPathFactory, batches: list[list[Put | Delete]]
) -> None:
    path = tmp_path_factory.mktemp("db") / "db"
    store, model = Store(path), dict[str, int]()
    for batch in batches:
        store.apply(batch)
        for change in batch:
            if isinstance(change, Put):
                model[change.key] = change.value
            else:
                model.pop(change.key, None)
    store.close()
    again = Store(path)
    assert dict(again.list("")) == model
    again.close()


def test_a_full_disk_is_told_and_changes_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path / "db")
    store.put("a", 1)
    pages = store._db.execute("PRAGMA page_count").fetchone()[0]
    store._db.execute(f"PRAGMA max_page_count={pages + 1}")
    with pytest.raises(Failed, match="database or disk is full"):
        store.apply([Put("a", 2), Put("b", "x" * 100_000)])
    assert dict(store.list("")) == {"a": 1}
    store.put("a", 3)
    assert store.get("a") == 3
    store.close()
