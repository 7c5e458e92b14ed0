"""A directory becomes the same tar every time, and the same directory again."""

import io
import os
import socket
import stat
import tarfile
from pathlib import Path

import pytest

from sampan.errors import Failed
from sampan.images.config import EMPTY_DIFF_ID
from sampan.images.pack import diff_tar
from sampan.images.unpack import unpack

pytestmark = pytest.mark.root


def packed(path: Path, clamp: int | None = None) -> bytes:
    return b"".join(diff_tar(str(path), clamp))


def listed(data: bytes) -> list[str]:
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        return [info.name + ("/" if info.isdir() else "") for info in archive]


def fill(path: Path) -> None:
    (path / "b").mkdir(mode=0o750)
    (path / "b/file").write_bytes(b"content" * 1000)
    os.chown(path / "b/file", 12, 13)
    os.chmod(path / "b/file", 0o4751)
    os.setxattr(path / "b/file", "user.a", b"\x00\xff")
    os.utime(path / "b/file", ns=(0, 1_600_000_000_000_000_000))
    (path / "a").symlink_to("b/file")
    os.link(path / "b/file", path / "c")
    os.mkfifo(path / "pipe")
    os.mknod(path / "null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    (path / ("n" * 200)).write_bytes(b"")
    os.mknod(path / "b/gone", stat.S_IFCHR, 0)
    (path / "fresh").mkdir()
    os.setxattr(path / "fresh", "trusted.overlay.opaque", b"y")
    os.setxattr(path / "fresh", "trusted.overlay.impure", b"y")
    os.utime(path / "b", ns=(0, 1_500_000_000_000_000_000))


def snapshot(path: Path) -> dict[str, object]:
    found: dict[str, object] = {}
    for base, names, files in os.walk(path):
        for name in names + files:
            item = Path(base, name)
            info = os.lstat(item)
            attributes = {
                key: os.getxattr(item, key, follow_symlinks=False)
                for key in os.listxattr(item, follow_symlinks=False)
                if key != "trusted.overlay.impure"
            }
            kind = stat.S_IFMT(info.st_mode)
            found[str(item.relative_to(path))] = (
                kind,
                stat.S_IMODE(info.st_mode) if info.st_rdev or kind != stat.S_IFCHR else 0,
                (info.st_uid, info.st_gid, info.st_rdev),
                int(info.st_mtime) if kind == stat.S_IFREG else 0,
                item.read_bytes() if stat.S_ISREG(kind) else os.readlink(item) if stat.S_ISLNK(kind) else b"",
                attributes,
            )
    return found


def test_what_is_packed_is_unpacked_the_same(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir(), second.mkdir()
    fill(first)
    data = packed(first)
    unpack([data], str(second))
    assert snapshot(first) == snapshot(second)
    assert os.stat(second / "c").st_nlink == 2
    assert packed(second) == data


def test_entries_are_sorted_and_whiteouts_written_as_files(tmp_path: Path) -> None:
    fill(tmp_path)
    assert listed(packed(tmp_path)) == [
        "a", "b/", "b/file", "b/.wh.gone", "c", "fresh/", "fresh/.wh..wh..opq", "n" * 200, "null", "pipe",
    ]  # fmt: skip


def test_an_empty_directory_is_the_empty_layer(tmp_path: Path) -> None:
    import hashlib

    assert f"sha256:{hashlib.sha256(packed(tmp_path)).hexdigest()}" == EMPTY_DIFF_ID


def test_times_can_be_clamped(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"")
    os.utime(tmp_path / "f", (5000, 5000))
    with tarfile.open(fileobj=io.BytesIO(packed(tmp_path, clamp=1000))) as archive:
        assert archive.getmembers()[0].mtime == 1000


def test_sockets_are_left_out(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(tmp_path / "s"))
        assert listed(packed(tmp_path)) == []


def test_an_overlay_with_redirects_is_refused(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    os.setxattr(tmp_path / "d", "trusted.overlay.redirect", b"/x")
    with pytest.raises(Failed, match="redirect_dir"):
        packed(tmp_path)


def test_a_missing_directory_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(Failed, match="No such file"):
        packed(tmp_path / "none")
