"""`docker diff`: an upper directory against what lies below it."""

import os
import stat
from pathlib import Path

import pytest

from sampan.images.erofs import index
from sampan.images.pack import diff_tar
from sampan.linux import erofs
from sampan.storage.changes import Change, Kind, changes

pytestmark = pytest.mark.root

A, C, D = Kind.ADDED, Kind.MODIFIED, Kind.DELETED


class Layers:
    """Three layers, the lower two in either form.

    `same` makes a directory in the upper one that differs from the lower one in nothing.
    """

    def __init__(self, root: Path, form: str) -> None:
        self.form = form
        self.upper, self.middle, self.bottom = (root / name for name in ("upper", "middle", "bottom"))
        for path in (self.upper, self.middle, self.bottom):
            path.mkdir()

    def changes(self) -> list[tuple[str, Kind]]:
        lowers = [self.lower(self.middle), self.lower(self.bottom)]
        found: list[Change] = changes(str(self.upper), lowers)
        return [(change.path, change.kind) for change in found]

    def lower(self, path: Path) -> str:
        if self.form == "directory":
            return str(path)
        data = b"".join(diff_tar(str(path)))
        tar, image = path.with_suffix(".tar"), path.with_suffix(".erofs")
        tar.write_bytes(data)
        image.write_bytes(index([data]).image(len(data)))
        return erofs.lower(str(image), str(tar))


def same(layer: Path, *names: str) -> None:
    for name in names:
        (layer / name).mkdir(parents=True)
    for name in names:
        os.utime(layer / name, (1000, 1000))


def touch(path: Path, text: str = "") -> None:
    times = os.stat(path.parent)
    path.write_text(text)
    os.utime(path.parent, ns=(times.st_atime_ns, times.st_mtime_ns))


def whiteout(path: Path) -> None:
    times = os.stat(path.parent)
    os.mknod(path, stat.S_IFCHR, 0)
    os.utime(path.parent, ns=(times.st_atime_ns, times.st_mtime_ns))


@pytest.fixture(params=["directory", "erofs"])
def layers(request: pytest.FixtureRequest, tmp_path: Path) -> Layers:
    return Layers(tmp_path, request.param)


def test_nothing_changed_is_nothing(layers: Layers) -> None:
    same(layers.bottom, "etc", "etc/sub")
    same(layers.upper, "etc", "etc/sub")
    assert layers.changes() == []


def test_new_changed_and_deleted_are_told_apart(layers: Layers) -> None:
    same(layers.bottom, "etc", "var")
    for name in ("etc/old", "etc/gone"):
        touch(layers.bottom / name)
    same(layers.upper, "etc")
    touch(layers.upper / "etc/old", "x")
    touch(layers.upper / "etc/new")
    whiteout(layers.upper / "etc/gone")
    whiteout(layers.upper / "var")
    touch(layers.upper / "top")
    assert layers.changes() == [
        ("/etc", C), ("/etc/gone", D), ("/etc/new", A), ("/etc/old", C), ("/top", A), ("/var", D),
    ]  # fmt: skip


def test_a_changed_file_alone_does_not_change_its_directory(layers: Layers) -> None:
    same(layers.bottom, "etc")
    touch(layers.bottom / "etc/f")
    same(layers.upper, "etc")
    touch(layers.upper / "etc/f", "x")
    assert layers.changes() == [("/etc/f", C)]


def test_a_directory_whose_mode_changed_has_changed(layers: Layers) -> None:
    same(layers.bottom, "d")
    same(layers.upper, "d")
    os.chmod(layers.upper / "d", 0o700)
    assert layers.changes() == [("/d", C)]


def test_what_a_middle_layer_deleted_is_new(layers: Layers) -> None:
    touch(layers.bottom / "f")
    whiteout(layers.middle / "f")
    touch(layers.upper / "f")
    assert layers.changes() == [("/f", A)]


def test_an_opaque_directory_hides_what_is_below(layers: Layers) -> None:
    same(layers.bottom, "d")
    touch(layers.bottom / "d/f")
    same(layers.upper, "d")
    os.setxattr(layers.upper / "d", "trusted.overlay.opaque", b"y")
    touch(layers.upper / "d/f")
    assert layers.changes() == [("/d", C), ("/d/f", A)]


def test_an_opaque_middle_directory_hides_too(layers: Layers) -> None:
    same(layers.bottom, "d")
    touch(layers.bottom / "d/f")
    same(layers.middle, "d")
    os.setxattr(layers.middle / "d", "trusted.overlay.opaque", b"y")
    same(layers.upper, "d")
    touch(layers.upper / "d/f")
    assert layers.changes() == [("/d", C), ("/d/f", A)]


def test_a_symlink_below_is_not_followed(layers: Layers, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/f").write_text("")
    (layers.bottom / "d").symlink_to(tmp_path / "outside")
    same(layers.upper, "d")
    touch(layers.upper / "d/f")
    assert layers.changes() == [("/d", C), ("/d/f", A)]
