"""Layers' mounts are shared, bounded, and let go."""

import os
from contextlib import suppress
from pathlib import Path

import pytest

from sampan.images.erofs import index
from sampan.linux import erofs
from sampan.storage import mounts
from sampan.storage.mounts import LayerMounts
from tests.support.poll import until

pytestmark = pytest.mark.root


def layer(root: Path, name: str) -> str:
    place = root / name
    place.mkdir()
    (place / "layer.tar").write_bytes(bytes(1024))
    (place / "index.erofs").write_bytes(index([bytes(1024)]).image(1024, name.encode()))
    return erofs.lower(f"{place}/index.erofs", f"{place}/layer.tar")


def descriptors() -> int:
    """Of roots, such as mounts that are attached nowhere have: other tests' files come and go meanwhile."""
    found = 0
    for name in os.listdir("/proc/self/fd"):
        with suppress(FileNotFoundError):
            found += os.readlink(f"/proc/self/fd/{name}") == "/"
    return found


def get(held: LayerMounts, *lowers: str) -> dict[int, int]:
    """Position -> device number of what was got, which is closed."""
    found = held.get(lowers)
    devices = {position: os.fstat(fd).st_dev for position, fd in found.items()}
    for fd in found.values():
        os.close(fd)
    return devices


def test_a_layer_is_mounted_once_until_it_is_dropped(tmp_path: Path) -> None:
    before = descriptors()
    held = LayerMounts()
    lowers = [layer(tmp_path, "one"), str(tmp_path), layer(tmp_path, "two")]
    first = get(held, *lowers)
    assert sorted(first) == [0, 2] and first[0] != first[2] and get(held, *lowers) == first
    until(lambda: descriptors() == before + 2, "two mounts")
    held.drop(str(tmp_path / "one"))
    until(lambda: descriptors() == before + 1, "one mount")
    held.close()
    assert descriptors() == before


def test_what_cannot_be_mounted_is_left_out(tmp_path: Path) -> None:
    held = LayerMounts()
    gone = erofs.lower(str(tmp_path / "x/index"), str(tmp_path / "x/tar"))
    assert list(get(held, gone, layer(tmp_path, "one"))) == [1]
    held.close()


def test_the_longest_unused_go_when_there_are_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mounts, "HELD", 2)
    before = descriptors()
    held = LayerMounts()
    one, two, three = (layer(tmp_path, name) for name in ("one", "two", "three"))
    devices = [get(held, lower)[0] for lower in (one, two, one, three)]
    assert devices[0] == devices[2]
    until(lambda: descriptors() == before + 2, "two mounts")
    assert get(held, one, three) == {0: devices[0], 1: devices[3]}
    held.close()


def test_a_kernel_that_cannot_copy_them_gets_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: str, *, at: int) -> int:
        raise OSError(22, "Invalid argument")

    monkeypatch.setattr("sampan.storage.mounts.m.clone", refuse)
    before = descriptors()
    held = LayerMounts()
    assert [get(held, layer(tmp_path, name)) for name in ("one", "two")] == [{}, {}]
    held.close()
    assert descriptors() == before
