"""Layers on disk, in both forms: whole under their name, or not there."""

import os
import shutil
from pathlib import Path

import pytest

from sampan.linux import erofs
from sampan.storage.init_layer import make_init_layer
from sampan.storage.layers import Form, LayerStore, Prepared

DIFF, OTHER, MISSING = (f"sha256:{pair * 32}" for pair in ("ab", "cd", "ef"))


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


@pytest.fixture(params=["directory", "erofs"])
def store(request: pytest.FixtureRequest, tmp_path: Path, thrown: Thrown) -> LayerStore:
    store = LayerStore(tmp_path / "layers", tmp_path / "tmp", thrown)
    store.form, store.mountable = request.param, True
    return store


def fill(store: LayerStore, prepared: Prepared, text: str) -> None:
    if store.form == "directory":
        (prepared.files() / "file").write_text(text)
    else:
        prepared.tar.write_text(text)
        prepared.put_index(b"index")


def make(store: LayerStore, diff_id: str, text: str = "x") -> str:
    prepared = store.prepare()
    fill(store, prepared, text)
    return store.commit(prepared, diff_id)


def text_of(lower: str) -> str:
    parsed = erofs.parse_lower(lower)
    return Path(parsed[1]).read_text() if parsed else Path(lower, "file").read_text()


def test_a_prepared_layer_gets_its_name_when_committed(store: LayerStore, tmp_path: Path) -> None:
    prepared = store.prepare()
    fill(store, prepared, "x")
    assert not store.exists(DIFF)
    lower = store.commit(prepared, DIFF)
    assert lower == store.lower(DIFF) and str(tmp_path / "layers" / ("ab" * 32)) in lower
    store.sync()
    assert store.exists(DIFF) and text_of(lower) == "x" and os.listdir(tmp_path / "tmp") == []


def test_the_first_of_two_commits_stays(store: LayerStore, tmp_path: Path) -> None:
    for text in ("first", "second"):
        make(store, DIFF, text)
    assert text_of(store.lower(DIFF)) == "first" and os.listdir(tmp_path / "tmp") == []


def test_layers_are_removed_and_discarded(store: LayerStore, tmp_path: Path, thrown: Thrown) -> None:
    store.discard(store.prepare())
    make(store, DIFF)
    store.remove([DIFF, OTHER])
    assert not store.exists(DIFF) and os.listdir(tmp_path / "tmp") == [] and len(thrown.paths) == 2


def test_reconciling_removes_the_unknown_and_tells_the_missing(store: LayerStore) -> None:
    for diff_id in (DIFF, OTHER):
        make(store, diff_id)
    assert store.reconcile({DIFF, MISSING}) == {MISSING}
    assert store.exists(DIFF) and not store.exists(OTHER)


def test_half_a_layer_is_missing(store: LayerStore, tmp_path: Path) -> None:
    make(store, DIFF)
    half = tmp_path / "layers" / ("ab" * 32)
    shutil.rmtree(half / "fs") if store.form == "directory" else (half / "layer.tar").unlink()
    assert store.reconcile({DIFF}) == {DIFF} and not half.exists()


def test_a_layer_is_known_by_its_lower(store: LayerStore) -> None:
    lower = make(store, DIFF)
    assert store.diff_id(lower) == DIFF
    assert store.diff_id("/elsewhere/init") is None and store.current("/elsewhere/init") == "/elsewhere/init"


@pytest.mark.parametrize(("first", "second"), [("directory", "erofs"), ("erofs", "directory")])
def test_a_layer_made_anew_is_found_by_its_earlier_lower(
    tmp_path: Path, thrown: Thrown, first: Form, second: Form
) -> None:
    store = LayerStore(tmp_path / "layers", tmp_path / "tmp", thrown)
    store.form = first
    before = make(store, DIFF)
    store.form = second
    after_all = make(store, OTHER)
    store.remove([DIFF])
    after = make(store, DIFF)
    assert before != after == store.current(before) == store.current(after)
    assert store.current(after_all) == after_all


def test_layers_no_kernel_mounts_are_missing(tmp_path: Path, thrown: Thrown) -> None:
    store = LayerStore(tmp_path / "layers", tmp_path / "tmp", thrown)
    store.form = "erofs"
    make(store, DIFF)
    store.form = "directory"
    make(store, OTHER)
    assert store.reconcile({DIFF, OTHER}) == {DIFF} and store.exists(OTHER)


def test_a_blob_and_a_layers_tar_are_one_file(tmp_path: Path, thrown: Thrown) -> None:
    store = LayerStore(tmp_path / "layers", tmp_path / "tmp", thrown)
    blob = tmp_path / "blob"
    blob.write_text("tar")
    prepared = store.prepare()
    prepared.link_tar(blob)
    prepared.put_index(b"index")
    parsed = erofs.parse_lower(store.commit(prepared, DIFF))
    assert parsed and os.path.samefile(parsed[1], blob)
    blob.unlink()
    assert Path(parsed[1]).read_text() == "tar"


def test_the_init_layer_has_every_mount_point(tmp_path: Path) -> None:
    for _ in range(2):
        make_init_layer(tmp_path / "init")
    assert sorted(os.listdir(tmp_path / "init")) == [".dockerenv", "dev", "etc", "proc", "sys"]
    assert sorted(os.listdir(tmp_path / "init/etc")) == ["hostname", "hosts", "mtab", "resolv.conf"]
    assert os.readlink(tmp_path / "init/etc/mtab") == "/proc/mounts"
