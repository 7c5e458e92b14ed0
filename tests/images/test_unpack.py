"""Layers are unpacked whole, exactly, and never outside of their directory."""

import hashlib
import io
import os
import stat
import tarfile
from pathlib import Path

import pytest

from sampan.errors import Failed
from sampan.images.tarread import REGULAR, Entry
from sampan.images.tarwrite import END, header
from sampan.images.unpack import Unpacked, clean, unpack

pytestmark = pytest.mark.root


def tar(*members: tuple[str, dict[str, object], bytes]) -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, fields, content in members:
            info = tarfile.TarInfo(name)
            for key, value in fields.items():
                setattr(info, key, value)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return data.getvalue()


def file(name: str, content: bytes = b"", **fields: object) -> tuple[str, dict[str, object], bytes]:
    return name, fields, content


def directory(name: str, **fields: object) -> tuple[str, dict[str, object], bytes]:
    return name, {"type": tarfile.DIRTYPE, "mode": 0o755, **fields}, b""


def symlink(name: str, target: str, **fields: object) -> tuple[str, dict[str, object], bytes]:
    return name, {"type": tarfile.SYMTYPE, "linkname": target, **fields}, b""


def hardlink(name: str, target: str) -> tuple[str, dict[str, object], bytes]:
    return name, {"type": tarfile.LNKTYPE, "linkname": target}, b""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_text("secret")
    layer = tmp_path / "layer"
    layer.mkdir()
    return layer


def put(root: Path, *members: tuple[str, dict[str, object], bytes]) -> Unpacked:
    return unpack([tar(*members)], str(root))


def test_files_get_their_content_owner_mode_time_and_attributes(root: Path) -> None:
    headers = {"SCHILY.xattr.user.note": "hi"}
    put(
        root,
        directory("d", mode=0o2750, uid=5, gid=6, mtime=100),
        file("d/f", b"abc", mode=0o4755, uid=7, gid=8, mtime=1.5, pax_headers=headers),
        symlink("d/l", "f", uid=9, gid=10, mtime=200),
    )
    d, f, link = (os.lstat(root / name) for name in ("d", "d/f", "d/l"))
    assert (stat.S_IMODE(d.st_mode), d.st_uid, d.st_gid, d.st_mtime) == (0o2750, 5, 6, 100)
    assert (stat.S_IMODE(f.st_mode), f.st_uid, f.st_gid, f.st_mtime_ns) == (0o4755, 7, 8, 1_500_000_000)
    assert (link.st_uid, link.st_gid, link.st_mtime) == (9, 10, 200)
    assert (root / "d/f").read_bytes() == b"abc" and os.readlink(root / "d/l") == "f"
    assert os.getxattr(root / "d/f", "user.note") == b"hi"


def test_capabilities_survive_the_change_of_owner(root: Path) -> None:
    capability = bytes.fromhex("0100000200040000000000000000000000000000")
    # tarfile writes attributes as text; this one is bytes.
    entry = Entry(b"ping", REGULAR)
    entry.uid, entry.mode, entry.xattrs = 1, 0o755, {b"security.capability": capability}
    unpack([header(entry) + END], str(root))
    assert os.getxattr(root / "ping", "security.capability") == capability


def test_devices_pipes_and_hard_links_are_made(root: Path) -> None:
    put(
        root,
        file("null", type=tarfile.CHRTYPE, devmajor=1, devminor=3, mode=0o666),
        file("pipe", type=tarfile.FIFOTYPE, mode=0o600),
        file("a", b"x"),
        hardlink("b", "a"),
        hardlink("c", "/a"),
    )
    found = os.stat(root / "null")
    assert stat.S_ISCHR(found.st_mode) and found.st_rdev == os.makedev(1, 3)
    assert stat.S_IMODE(found.st_mode) == 0o666
    assert stat.S_ISFIFO(os.stat(root / "pipe").st_mode)
    assert os.stat(root / "a").st_nlink == 3


def test_the_diff_id_and_size_are_told(root: Path) -> None:
    data = tar(file("a", b"abc"), hardlink("b", "a"), symlink("l", "four"), directory("d"))
    result = unpack([data[:700], data[700:]], str(root))
    assert result == Unpacked(f"sha256:{hashlib.sha256(data).hexdigest()}", 3 + 4, len(data))


def test_whiteouts_become_overlayfs_own(root: Path) -> None:
    put(root, file(".wh.gone"), directory("d"), file("d/.wh..wh..opq"), file("d/.wh.x"), file(".wh..wh.plnk"))
    for name in ("gone", "d/x"):
        found = os.lstat(root / name)
        assert stat.S_ISCHR(found.st_mode) and found.st_rdev == 0
    assert os.getxattr(root / "d", "trusted.overlay.opaque") == b"y"
    assert sorted(os.listdir(root)) == ["d", "gone"]


def test_a_whiteout_and_a_directory_of_one_name_hide_only_what_is_below(root: Path) -> None:
    put(
        root,
        file(".wh.first"),
        directory("first"),
        directory("last"),
        file(".wh.last"),
        file(".wh.p"),
        file("p/f"),
    )
    for name in ("first", "last", "p"):
        assert os.getxattr(root / name, "trusted.overlay.opaque") == b"y"
    assert (root / "p/f").exists()


def test_a_file_outlives_a_whiteout_of_its_name(root: Path) -> None:
    put(root, file("a", b"1"), file(".wh.a"), file(".wh.b"), file("b", b"2"))
    assert (root / "a").read_bytes() + (root / "b").read_bytes() == b"12"


def test_later_entries_replace_earlier_ones(root: Path) -> None:
    result = put(
        root,
        file("a", b"old"),
        file("a", b"newer"),
        directory("d"),
        file("d/x", b"x"),
        symlink("d", "a"),
        directory("e", mode=0o700),
        file("e/kept"),
        directory("e", mode=0o711),
        symlink("s", "a"),
        file("s", b"file"),
    )
    assert (root / "a").read_bytes() == b"newer"
    assert os.readlink(root / "d") == "a"
    assert (root / "e/kept").exists() and stat.S_IMODE(os.stat(root / "e").st_mode) == 0o711
    assert (root / "s").read_bytes() == b"file" and (root / "a").read_bytes() == b"newer"
    assert result.size >= 9


def test_missing_parents_are_made(root: Path) -> None:
    put(root, file("a/b/c", b"x"))
    assert stat.S_IMODE(os.stat(root / "a/b").st_mode) == 0o755


def test_links_inside_lead_inside(root: Path) -> None:
    put(
        root,
        directory("usr/lib"),
        symlink("lib", "usr/lib"),
        file("lib/x", b"1"),
        symlink("abs", "/usr"),
        file("abs/y", b"2"),
    )
    assert (root / "usr/lib/x").read_bytes() == b"1" and (root / "usr/y").read_bytes() == b"2"


HOSTILE = [
    ("dots", [file("../../outside/new", b"x")]),
    ("absolute", [file("/outside/new", b"x")]),
    ("dots in the middle", [directory("a"), file("a/../../outside/new", b"x")]),
    ("a symlink up", [symlink("a", "../outside"), file("a/new", b"x")]),
    ("an absolute symlink", [symlink("a", "{outside}"), file("a/new", b"x")]),
    ("a chain of symlinks", [symlink("a", "b"), symlink("b", "../../outside"), file("a/new", b"x")]),
    ("a symlink to a file", [symlink("a", "../outside/secret"), file("a", b"x")]),
    ("a hard link out", [hardlink("a", "../outside/secret"), file("a", b"x")]),
    ("a hard link through a symlink", [symlink("a", "{outside}"), hardlink("b", "a/secret")]),
    ("a hard link to a symlink", [symlink("a", "{outside}/secret"), hardlink("b", "a"), file("b", b"x")]),
    ("a directory over a symlink", [symlink("a", "{outside}"), directory("a", mode=0o777), file("a/new")]),
    ("a whiteout through a symlink", [symlink("a", "{outside}"), file("a/.wh.secret")]),
    ("an opaque marker through a symlink", [symlink("a", "{outside}"), file("a/.wh..wh..opq")]),
    ("a whiteout of the parent", [file(".wh...")]),
    ("a parent that is a device", [file("a", type=tarfile.CHRTYPE, devmajor=1, devminor=3), file("a/b")]),
    (
        "a directory swapped for a symlink",
        [directory("a"), file("a/x"), symlink("a", "{outside}"), file("a/new")],
    ),
    ("a root that is a symlink", [symlink(".", "{outside}"), symlink("/", "{outside}")]),
    ("proc", [symlink("a", "/proc/self/root"), file("a/new")]),
]


@pytest.mark.parametrize("members", [row[1] for row in HOSTILE], ids=[row[0] for row in HOSTILE])
def test_nothing_is_reached_outside(root: Path, members: list[tuple[str, dict[str, object], bytes]]) -> None:
    outside = root.parent / "outside"
    for _, fields, _ in members:
        if "linkname" in fields:
            fields["linkname"] = str(fields["linkname"]).replace("{outside}", str(outside))
    before = look(outside)
    try:
        put(root, *members)
    except Failed:
        pass
    assert look(outside) == before
    assert sorted(os.listdir(root.parent)) == ["layer", "outside"]


def look(outside: Path) -> list[object]:
    secret = outside / "secret"
    infos = [os.stat(outside), os.stat(secret)]
    facts = [(info.st_mode, info.st_uid, info.st_nlink, info.st_mtime_ns) for info in infos]
    return [os.listdir(outside), secret.read_text(), os.listxattr(outside), *facts]


def test_overlays_own_attributes_are_not_taken_over(root: Path) -> None:
    headers = {
        "SCHILY.xattr.trusted.overlay.redirect": "/etc",
        "SCHILY.xattr.user.overlay.opaque": "y",
        "SCHILY.xattr.user.kept": "1",
    }
    put(root, directory("d", pax_headers=headers), file("f", pax_headers=headers))
    assert os.listxattr(root / "d") == ["user.kept"] == os.listxattr(root / "f")


def test_odd_names_and_times_are_kept_or_bounded(root: Path) -> None:
    name = "n" * 255
    put(root, file(name, mtime=-5), file("far", mtime=1 << 40), file("new\nline"), file("ü"))
    assert os.stat(root / name).st_mtime == 0 and os.stat(root / "far").st_mtime == 0
    assert sorted(os.listdir(root)) == sorted([name, "far", "new\nline", "ü"])
    with pytest.raises(Failed, match="File name too long"):
        put(root, file("n" * 256))


def test_a_truncated_layer_is_an_error(root: Path) -> None:
    data = tar(file("a", b"x" * 4000))
    with pytest.raises(Failed, match="unexpected EOF"):
        unpack([data[:2000]], str(root))


def test_no_descriptor_is_left_open(root: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    members = [file(f"d{index}/e{index}/f", b"x") for index in range(200)]
    put(root, *members, symlink("d1", "d2"), file("d1/e2/f", b"y"))
    assert len(os.listdir("/proc/self/fd")) == before
    assert (root / "d2/e2/f").read_bytes() == b"y"


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        (b"./a//b/.", [b"a", b"b"]),
        (b"/", []),
        (b"a/../b", [b"b"]),
        (b"../../a", [b"a"]),
        (b"/../a/..", []),
    ],
)
def test_names_are_cleaned_as_in_a_chroot(name: bytes, parts: list[bytes]) -> None:
    assert clean(name) == parts
