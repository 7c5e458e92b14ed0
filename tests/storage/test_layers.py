"""Layers on disk: whole under their name, or not there."""

import os
import shutil
from pathlib import Path

import pytest

from sampan.storage.init_layer import make_init_layer
from sampan.storage.layers import LayerStore

DIFF = "sha256:" + "ab" * 32


class Thrown:
    def __init__(self) -> None:
        self.paths: list[str] = []

    def __call__(self, *paths: Path) -> None:
        for path in paths:
            if path.exists():
                self.paths.append(path.name)
                shutil.rmtree(path)


@pytest.fixture
def thrown() -> Thrown:
    return Thrown()


@pytest.fixture
def store(tmp_path: Path, thrown: Thrown) -> LayerStore:
    return LayerStore(tmp_path / "layers", tmp_path / "tmp", thrown)


def test_a_prepared_layer_gets_its_name_when_committed(store: LayerStore, tmp_path: Path) -> None:
    prepared = store.prepare()
    (prepared.fs / "file").write_text("x")
    assert not store.exists(DIFF)
    assert store.commit(prepared, DIFF) == store.path(DIFF) == tmp_path / "layers" / ("ab" * 32) / "fs"
    store.sync()
    assert (store.path(DIFF) / "file").read_text() == "x"
    assert os.listdir(tmp_path / "tmp") == []


def test_the_first_of_two_commits_stays(store: LayerStore, tmp_path: Path) -> None:
    for text in ("first", "second"):
        prepared = store.prepare()
        (prepared.fs / "file").write_text(text)
        store.commit(prepared, DIFF)
    assert (store.path(DIFF) / "file").read_text() == "first"
    assert os.listdir(tmp_path / "tmp") == []


def test_layers_are_removed_and_discarded(store: LayerStore, tmp_path: Path, thrown: Thrown) -> None:
    store.discard(store.prepare())
    store.commit(store.prepare(), DIFF)
    store.remove([DIFF, "sha256:" + "cd" * 32])
    assert not store.exists(DIFF) and os.listdir(tmp_path / "tmp") == [] and len(thrown.paths) == 2


def test_reconciling_removes_the_unknown_and_tells_the_missing(store: LayerStore) -> None:
    other, missing = "sha256:" + "cd" * 32, "sha256:" + "ef" * 32
    for diff_id in (DIFF, other):
        store.commit(store.prepare(), diff_id)
    assert store.reconcile({DIFF, missing}) == {missing}
    assert store.exists(DIFF) and not store.exists(other)


def test_the_init_layer_has_every_mount_point(tmp_path: Path) -> None:
    for _ in range(2):
        make_init_layer(tmp_path / "init")
    assert sorted(os.listdir(tmp_path / "init")) == [".dockerenv", "dev", "etc", "proc", "sys"]
    assert sorted(os.listdir(tmp_path / "init/etc")) == ["hostname", "hosts", "mtab", "resolv.conf"]
    assert os.readlink(tmp_path / "init/etc/mtab") == "/proc/mounts"
