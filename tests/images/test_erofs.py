"""A layer's index shows, to the kernel and to our own reader, what unpacking the layer would have made."""

import dataclasses
import os
import tarfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sampan.errors import Failed
from sampan.images.erofs import empty_image, index
from sampan.images.layertree import Unindexable
from sampan.images.tarread import CHARACTER, REGULAR, SYMLINK, Entry
from sampan.images.tarwrite import END, header
from sampan.images.unpack import unpack
from sampan.linux import erofs
from tests.images.test_unpack import HOSTILE, directory, file, hardlink, symlink, tar
from tests.support.layers import Row, content, directory_listing, index_listing
from tests.support.mounted import with_mount

pytestmark = pytest.mark.root

Member = tuple[str, dict[str, object], bytes]
Listing = dict[bytes, Row]
CAPABILITY = bytes.fromhex("0100000200040000000000000000000000000000")


class Forms:
    """One tar in both forms."""

    def __init__(self, root: Path, data: bytes) -> None:
        self.fs, self.tar, self.index = root / "fs", root / "at" / "layer.tar", root / "at" / "index.erofs"
        self.fs.mkdir(parents=True)
        self.tar.parent.mkdir()
        self.tar.write_bytes(data)
        self.size = -1

    def make_index(self, uuid: bytes = bytes(range(16))) -> None:
        found = index([self.tar.read_bytes()])
        self.size = found.size
        self.index.write_bytes(found.image(self.tar.stat().st_size, uuid))

    def from_index(self) -> Listing:
        return index_listing(str(self.index), str(self.tar))

    def from_kernel(self) -> Listing:
        return with_mount(str(self.index), str(self.tar), directory_listing)


def check(root: Path, data: bytes, kernel: bool = True) -> None:
    """Both forms agree: on the error, or on everything."""
    forms = Forms(root, data)
    error = size = None
    try:
        size = unpack([data], str(forms.fs)).size
    except Failed as caught:
        error = caught.message
    try:
        forms.make_index()
    except Failed as caught:
        assert caught.message == error
        return
    assert error is None, error
    assert forms.size == size
    indexed = forms.from_index()
    if kernel:
        assert forms.from_kernel() == indexed
    unpacked = directory_listing(str(forms.fs))
    assert without_times(indexed) == without_times(unpacked)
    assert times(indexed) == times(unpacked)


def without_times(listing: Listing) -> Listing:
    return {path: dataclasses.replace(row, mtime_ns=0) for path, row in listing.items()}


def times(listing: Listing) -> dict[bytes, int]:
    """Of what is no directory or whiteout: those that no entry dates have the time of their making."""
    return {
        path: row.mtime_ns for path, row in listing.items() if row.mode & 0o170000 not in (0o040000, 0o020000)
    }


def test_an_ordinary_layer_looks_the_same(tmp_path: Path) -> None:
    big = os.urandom(300_000)
    members = [
        directory("d", mode=0o2750, uid=5, gid=70000, mtime=100),
        file(
            "d/f", b"abc", mode=0o4755, uid=70001, gid=8, mtime=1.5, pax_headers={"SCHILY.xattr.user.n": "hi"}
        ),
        file("d/empty"),
        file("big", big, mtime=1 << 33),
        symlink("d/l", "f", uid=9, gid=10, mtime=200),
        symlink("long", "x/" * 1500),
        symlink("middle", "y" * 448),
        hardlink("d/h", "big"),
        hardlink("again", "d/h"),
        file("null", type=tarfile.CHRTYPE, devmajor=1, devminor=3, mode=0o666),
        file("disk", type=tarfile.BLKTYPE, devmajor=259, devminor=70000, mode=0o660),
        file("pipe", type=tarfile.FIFOTYPE, mode=0o622),
        *(file(f"many/{'n' * (number % 200)}{number}", b"x" * number) for number in range(700)),
        file("x" * 255),
        file("ü\n"),
        directory("empty"),
        file(".wh.gone"),
        directory("opaque"),
        file("opaque/.wh..wh..opq"),
    ]
    check(tmp_path, tar(*members))


def test_given_times_are_kept_in_directories_too(tmp_path: Path) -> None:
    forms = Forms(tmp_path, tar(directory(".", mtime=5), directory("d", mtime=7.25), file("d/f", mtime=9)))
    forms.make_index()
    assert [row.mtime_ns for row in forms.from_kernel().values()] == [5 * 10**9, 7_250_000_000, 9 * 10**9]


@pytest.mark.parametrize("members", [row[1] for row in HOSTILE], ids=[row[0] for row in HOSTILE])
def test_hostile_layers_look_the_same(tmp_path: Path, members: list[Member]) -> None:
    check(tmp_path, tar(*members))


ODD = [
    ("replaced files and links", [file("a", b"old"), file("a", b"new"), symlink("a", "b"), file("a", b"!")]),
    ("a file over a full directory", [file("d/e/f", b"x"), hardlink("k", "d/e/f"), file("d", b"y")]),
    ("a directory over a file", [file("d", b"x"), directory("d", mode=0o700), file("d/f")]),
    ("a directory twice", [directory("e", mode=0o700), file("e/kept"), directory("e", mode=0o711)]),
    ("a hard link to itself", [file("a"), hardlink("a", "a")]),
    ("a hard link to what it replaces", [file("a/b"), hardlink("a", "a/b")]),
    ("a hard link to a directory", [directory("a"), hardlink("b", "a")]),
    ("a hard link to nothing", [hardlink("b", "a")]),
    ("a hard link over a link", [file("a", b"1"), hardlink("b", "a"), file("c", b"2"), hardlink("b", "c")]),
    ("a hard link to a symlink", [symlink("a", "x"), hardlink("b", "a")]),
    ("a hard link to the root", [hardlink("b", "/")]),
    ("a replaced half of a link", [file("a", b"12"), hardlink("b", "a"), file("a", b"3")]),
    ("a parent that is a file", [file("a"), file("a/b")]),
    ("a parent that leads nowhere", [symlink("a", "nowhere"), file("a/b")]),
    ("a link loop", [symlink("a", "b"), symlink("b", "a"), file("a/x")]),
    ("forty links", [directory("l0"), *(symlink(f"l{n + 1}", f"l{n}") for n in range(42)), file("l40/x")]),
    ("one more", [directory("l0"), *(symlink(f"l{n + 1}", f"l{n}") for n in range(42)), file("l41/x")]),
    ("links through links", [file("u/l/x"), symlink("v", "u/./l/.."), symlink("w", "/v//l"), file("w/y")]),
    ("an empty link", [symlink("a", "")]),
    ("a long name in the middle", [file("a/" + "n" * 256 + "/b")]),
    ("a long path", [file("/".join(["d" * 200] * 18))]),
    ("too long a path", [file("/".join(["d" * 200] * 22))]),
    ("a long link", [symlink("a", "x" * 4095), symlink("b", "y" * 4096)]),
    ("a long whiteout", [file(".wh." + "n" * 256)]),
    ("whiteouts", [file(".wh.a"), directory("a"), file(".wh.b"), file("b"), file(".wh.c"), file("c/d")]),
    ("a whiteout and a link of its name", [file(".wh.a"), symlink("a", "b"), file(".wh.d"), file("d")]),
    ("a bad whiteout", [file(".wh.")]),
    ("a root with a mode", [directory("./", mode=0o711, uid=3, gid=4)]),
    ("an opaque root", [file(".wh..wh..opq")]),
    ("a bad device", [file("d", type=tarfile.CHRTYPE, devmajor=1 << 12, devminor=0)]),
    ("a parent replaced by a link", [file("a/x"), directory("t"), symlink("a", "t"), file("a/y")]),
    ("nothing", []),
]  # fmt: skip


@pytest.mark.parametrize("members", [row[1] for row in ODD], ids=[row[0] for row in ODD])
def test_odd_layers_look_the_same(tmp_path: Path, members: list[Member]) -> None:
    check(tmp_path, tar(*members))


@pytest.mark.parametrize("cut", [100, 512, 700, 1536])
def test_a_cut_layer_is_the_same_error(tmp_path: Path, cut: int) -> None:
    check(tmp_path, tar(file("a", b"x" * 1000), file("b"))[:cut])


def with_xattrs(type: bytes, **xattrs: bytes) -> bytes:
    entry = Entry(b"it", type)
    entry.mode, entry.linkname = 0o755, b"x" if type == SYMLINK else b""
    entry.devmajor = 1 if type == CHARACTER else 0
    entry.xattrs = {name.replace("_", ".").encode(): value for name, value in xattrs.items()}
    return header(entry) + END


@pytest.mark.parametrize("type", [REGULAR, SYMLINK, CHARACTER, b"5"])
def test_attributes_are_those_the_kernel_takes(tmp_path: Path, type: bytes) -> None:
    plain = {"user_a": b"1", "user_bc": b"", "trusted_x": b"\0\1", "security_capability": CAPABILITY}
    hidden = {"trusted_overlay_opaque": b"y", "user_overlay_redirect": b"/etc"}
    check(tmp_path, with_xattrs(type, **plain, **hidden))
    check(tmp_path / "bad", with_xattrs(type, security_capability=b"junk", user_a=b"5" * 700))


@pytest.mark.parametrize(
    "data",
    [
        with_xattrs(REGULAR, system_posix_acl_access=b"x"),
        with_xattrs(REGULAR, user_big=b"x" * 5000),
        with_xattrs(REGULAR, security_capability=b"\0\0\0\3" + bytes(20)),
    ],
)
def test_what_an_index_cannot_show_is_said(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(Unindexable):
        index([data])


def test_data_is_found_however_the_stream_is_cut(tmp_path: Path) -> None:
    data = tar(file("a", b"1" * 700), file("b", b"2" * 1024), file("c", b"3"))
    forms = Forms(tmp_path, data)
    pieces = [data[start : start + 333] for start in range(0, len(data), 333)]
    forms.index.write_bytes(index(pieces).image(len(data)))
    lower = erofs.lower(str(forms.index), str(forms.tar))
    assert [content(lower, name) for name in "abc"] == [b"1" * 700, b"2" * 1024, b"3"]


def test_the_same_tar_gives_the_same_index(tmp_path: Path) -> None:
    data = tar(file("b"), file("a", b"x"), directory("c"))
    assert index([data]).image(len(data)) == index([data]).image(len(data))


def test_an_empty_layer_can_be_mounted(tmp_path: Path) -> None:
    (tmp_path / "index").write_bytes(empty_image())
    (tmp_path / "tar").write_bytes(bytes(512))
    assert with_mount(str(tmp_path / "index"), str(tmp_path / "tar"), os.listdir) == []


PARTS = st.sampled_from(["a", "b", "c", "d"])
PATHS = st.lists(PARTS, min_size=1, max_size=3).map("/".join)
TARGETS = st.lists(st.sampled_from(["a", "b", "c", "..", "", "."]), min_size=1, max_size=4).map("/".join)
TIMES = st.integers(0, 1 << 33)
XATTRS = st.dictionaries(
    st.sampled_from(["SCHILY.xattr.user.a", "SCHILY.xattr.user.bb", "SCHILY.xattr.trusted.c"]),
    st.text("xyz", max_size=9),
)
MODES = st.integers(0, 0o7777)
MEMBERS = st.one_of(
    st.builds(lambda p, c, m, t: file(p, c, mode=m, mtime=t), PATHS, st.binary(max_size=3), MODES, TIMES),
    st.builds(lambda p, x: file(p, pax_headers=x), PATHS, XATTRS),
    st.builds(lambda p, x: directory(p, pax_headers=x), PATHS, XATTRS),
    st.builds(lambda p, m, t: directory(p, mode=m, mtime=t, uid=t % 9), PATHS, MODES, TIMES),
    st.builds(symlink, PATHS, TARGETS),
    st.builds(hardlink, PATHS, PATHS),
    st.builds(lambda p: file("/".join([*p.split("/")[:-1], ".wh." + p.split("/")[-1]])), PATHS),
    st.builds(lambda p: file(p + "/.wh..wh..opq"), PATHS),
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(members=st.lists(MEMBERS, max_size=14))
def test_random_layers_look_the_same(tmp_path_factory: pytest.TempPathFactory, members: list[Member]) -> None:
    check(tmp_path_factory.mktemp("layer"), tar(*members), kernel=len(members) % 4 == 0)
