"""Layers' mounts are shared, bounded, and let go."""

import os
from pathlib import Path

import pytest

from sampan.images.erofs import index
from sampan.linux import erofs
from sampan.storage import mounts
from sampan.storage.mounts import LayerMounts

pytestmark = pytest.mark.root


def layer(root: Path, name: str) -> str:
    place = root / name
    place.mkdir()
    (place / "layer.tar").write_bytes(bytes(1024))
    (place / "index.erofs").write_bytes(index([bytes(1024)]).image(1024, name.encode()))
    return erofs.lower(f"{place}/index.erofs", f"{place}/layer.tar")


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_a_layer_is_mounted_once_until_it_is_dropped(tmp_path: Path) -> None:
    before = descriptors()
    held = LayerMounts()
    lowers = [layer(tmp_path, "one"), str(tmp_path), layer(tmp_path, "two")]
    first = held.get(lowers)
    assert sorted(first) == [0, 2] and held.get(lowers) == first and descriptors() == before + 2
    assert os.fstat(first[0]).st_dev != os.fstat(first[2]).st_dev
    held.drop(str(tmp_path / "one"))
    assert descriptors() == before + 1
    held.close()
    assert descriptors() == before


def test_what_cannot_be_mounted_is_left_out(tmp_path: Path) -> None:
    held = LayerMounts()
    gone = erofs.lower(str(tmp_path / "x/index"), str(tmp_path / "x/tar"))
    assert list(held.get([gone, layer(tmp_path, "one")])) == [1]
    held.close()


def test_the_longest_unused_go_when_there_are_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mounts, "HELD", 2)
    before = descriptors()
    held = LayerMounts()
    one, two, three = (layer(tmp_path, name) for name in ("one", "two", "three"))
    for lower in (one, two, one, three):
        held.get([lower])
    assert descriptors() == before + 2
    kept = held.get([one, three])
    assert len(kept) == 2 and descriptors() == before + 2
    held.close()
