"""cp: what its two paths mean, and that a hostile archive stays where it belongs."""

from __future__ import annotations

import io
import os
import tarfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sampan.cli.container.cp import split_argument
from sampan.cli.copying import paths
from sampan.cli.copying.pack import pack
from sampan.cli.copying.paths import Info, Rename, place
from sampan.cli.copying.unpack import ChunkReader, unpack
from sampan.cli.errors import CliError


@pytest.mark.parametrize(
    ("argument", "container", "path"),
    [
        ("c:/x", "c", "/x"),
        ("c:x", "c", "x"),
        ("c:", "c", ""),
        ("/a:b", "", "/a:b"),
        ("./a:b", "", "./a:b"),
        ("plain", "", "plain"),
        ("-", "", "-"),
    ],
)
def test_which_side_is_the_container(argument, container, path):
    assert split_argument(argument) == (container, path)


FILE, DIRECTORY = Info("/s/f", True, False), Info("/s/d", True, True)
CONTENT = Info("/s/d/.", True, True)


@pytest.mark.parametrize(
    ("source", "destination", "where", "old", "new"),
    [
        (FILE, Info("/t", True, True), "/t", None, None),
        (FILE, Info("/t/x", True, False), "/t", "f", "x"),
        (FILE, Info("/t/x"), "/t", "f", "x"),
        (DIRECTORY, Info("/t", True, True), "/t", None, None),
        (DIRECTORY, Info("/t/x"), "/t", "d", "x"),
        (DIRECTORY, Info("/t/x/"), "/t", "d", "x"),
        (CONTENT, Info("/t", True, True), "/t", None, None),
        (CONTENT, Info("/t/x"), "/t", ".", "x"),
        (Info("/", True, True), Info("/t/x"), "/t", "", "x"),
        (Info("/s/f", True, False, "link"), Info("/t/x"), "/t", "link", "x"),
    ],
)
def test_where_a_copy_goes(source, destination, where, old, new):
    directory, rename = place(source, destination)
    assert directory == where
    assert (rename.old, rename.new) == (old, new) if rename else old is None


@pytest.mark.parametrize(
    ("source", "destination", "message"),
    [
        (DIRECTORY, Info("/t/x", True, False), "cannot copy directory"),
        (FILE, Info("/t/x/"), "no such directory"),
        (FILE, Info("/t/x/."), "no such directory"),
    ],
)
def test_copies_that_make_no_sense(source, destination, message):
    with pytest.raises(CliError, match=message):
        place(source, destination)


@pytest.fixture
def tree(tmp_path):
    root = tmp_path / "src"
    (root / "sub").mkdir(parents=True)
    (root / "f").write_bytes(b"hello")
    os.link(root / "f", root / "hard")
    (root / "sub" / "g").write_bytes(b"x" * 3000)
    (root / "soft").symlink_to("f")
    os.mkfifo(root / "pipe")
    os.chmod(root / "f", 0o4755)
    os.chmod(root / "sub", 0o750)
    for name in ("f", "sub"):
        os.utime(root / name, (1000, 1000))
    return root


def names_of(chunks):
    with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as archive:
        return [member.name for member in archive]


def test_a_tree_survives_packing_and_unpacking(tree, tmp_path):
    target = tmp_path / "dst"
    target.mkdir()
    unpack(ChunkReader(pack(str(tree), [])), str(target), [Rename("src", "copy")])
    copy = target / "copy"
    assert sorted(os.listdir(copy)) == ["f", "hard", "pipe", "soft", "sub"]
    assert (copy / "f").read_bytes() == b"hello"
    assert (copy / "sub" / "g").read_bytes() == b"x" * 3000
    assert os.readlink(copy / "soft") == "f"
    assert os.stat(copy / "f").st_ino == os.stat(copy / "hard").st_ino
    assert os.stat(copy / "f").st_mode & 0o7777 == 0o4755
    assert os.stat(copy / "sub").st_mode & 0o7777 == 0o750
    assert os.stat(copy / "sub").st_mtime == os.stat(copy / "f").st_mtime == 1000


def test_the_names_in_an_archive(tree):
    assert names_of(pack(str(tree / "f"), [])) == ["f"]
    assert names_of(pack(str(tree / "f"), [Rename("f", "g")])) == ["g"]
    assert names_of(pack(str(tree) + "/.", []))[0] == "."
    assert "sub/g" in names_of(pack(str(tree) + "/.", []))
    assert "src/sub/g" in names_of(pack(str(tree) + "/", []))


def archive(*members):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, kind, text in members:
            info = tarfile.TarInfo(name)
            info.type = kind
            if kind in (tarfile.SYMTYPE, tarfile.LNKTYPE):
                info.linkname = text
                tar.addfile(info)
            else:
                data = text.encode()
                info.size = len(data) if kind == tarfile.REGTYPE else 0
                tar.addfile(info, io.BytesIO(data))
    return [out.getvalue()]


@pytest.mark.parametrize(
    "members",
    [
        [("../evil", tarfile.REGTYPE, "x")],
        [("a/../../evil", tarfile.REGTYPE, "x")],
        [("link", tarfile.SYMTYPE, ".."), ("link/evil", tarfile.REGTYPE, "x")],
        [("link", tarfile.SYMTYPE, "/"), ("link/tmp/evil", tarfile.REGTYPE, "x")],
        [("hard", tarfile.LNKTYPE, "../secret"), ("hard", tarfile.REGTYPE, "x")],
        [("up", tarfile.SYMTYPE, ".."), ("hard", tarfile.LNKTYPE, "up/secret")],
    ],
)
def test_an_archive_cannot_reach_outside(tmp_path, members):
    (tmp_path / "secret").write_text("mine")
    inside = tmp_path / "inside"
    inside.mkdir()
    with pytest.raises(CliError):
        unpack(ChunkReader(archive(*members)), str(inside), [])
    assert (tmp_path / "secret").read_text() == "mine"
    assert os.stat(tmp_path / "secret").st_nlink == 1
    assert not (tmp_path / "evil").exists()


def test_a_symlink_is_replaced_not_followed(tmp_path):
    (tmp_path / "secret").write_text("mine")
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "f").symlink_to("../secret")
    unpack(ChunkReader(archive(("f", tarfile.REGTYPE, "x"))), str(inside), [])
    assert (inside / "f").read_text() == "x" and not (inside / "f").is_symlink()
    assert (tmp_path / "secret").read_text() == "mine"


def test_kinds_do_not_replace_each_other(tmp_path):
    (tmp_path / "d").mkdir()
    (tmp_path / "f").write_text("x")
    with pytest.raises(CliError, match="cannot overwrite directory"):
        unpack(ChunkReader(archive(("d", tarfile.REGTYPE, "x"))), str(tmp_path), [])
    with pytest.raises(CliError, match="cannot overwrite non-directory"):
        unpack(ChunkReader(archive(("f", tarfile.DIRTYPE, ""))), str(tmp_path), [])


@settings(deadline=None)
@given(st.binary(max_size=2000))
def test_garbage_is_an_error_or_nothing(data):
    import tempfile

    with tempfile.TemporaryDirectory() as directory:
        try:
            unpack(ChunkReader([data]), directory, [])
        except CliError:
            pass


def test_local_paths(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "d").mkdir()
    (tmp_path / "f").write_text("x")
    (tmp_path / "l").symlink_to("d")
    (tmp_path / "broken").symlink_to("later")
    assert paths.absolute("d/") == f"{tmp_path}/d/"
    assert paths.absolute(".") == f"{tmp_path}/."
    assert paths.local_source("l", follow=False).is_dir is False
    followed = paths.local_source("l", follow=True)
    assert (followed.is_dir, followed.rebase, followed.path) == (True, "l", f"{tmp_path}/d")
    assert paths.local_destination("broken").path == f"{tmp_path}/later"
    assert paths.local_destination("l").is_dir
    with pytest.raises(CliError, match="no such file or directory"):
        paths.local_source("nope", follow=False)
    with pytest.raises(CliError, match="does not exist"):
        paths.check_output(f"{tmp_path}/nope/x")
