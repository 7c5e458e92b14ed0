"""ADD of an archive: its members land below dest, whatever their names and links say."""

import io
import tarfile
from pathlib import Path

import pytest

from sampan.builder.execute.files import Taken
from sampan.builder.plan.graph import Copy
from sampan.builder.sources.scan import scan
from sampan.builder.sources.select import select
from sampan.errors import Failed
from tests.builder.execute.layering import Files, Layers, listing, make, tar_of

BASE: Files = {"opt/old": "old", "opt/dir/x": "x", "etc/passwd": "root", "opt/out": "-> /etc"}


def add(tmp_path: Path, archive: bytes, dest: str = "/opt/") -> dict[str, str]:
    layers = Layers(tmp_path)
    context = make(tmp_path / "context", {})
    (context / "a.tar").write_bytes(archive)
    tree = scan(context)
    action = Copy(input=0, sources=("a.tar",), dest=dest, unpack=True, chown="5")
    return listing(layers.step(layers.snapshot(BASE), [action], [Taken(tree, select(tree, action))]))


ARCHIVES: list[tuple[str, Files, dict[str, str]]] = [
    (
        "owners and modes are the archive's",
        {"n/f": "4750 3:4 text", "n/l": "-> f", "n/h": "= n/f"},
        {
            "opt/n": "0755 0:0 directory",
            "opt/n/f": "4750 3:4 text",
            "opt/n/h": "4750 3:4 = opt/n/f",
            "opt/n/l": "0777 0:0 -> f",
        },
    ),
    ("a directory that is there gets the archive's mode", {"dir": "700 1:1 directory"},
     {"opt/dir": "0700 1:1 directory"}),
    ("a file takes a directory's place", {"dir": "600 0:0 f"}, {"opt/dir": "0600 0:0 f"}),
    ("a directory takes a file's place", {"old": "700 0:0 directory", "old/f": "600 0:0 f"},
     {"opt/old": "0700 0:0 directory", "opt/old/.wh..wh..opq": "0700 0:0 ", "opt/old/f": "0600 0:0 f"}),
    ("a link of the image leads where it leads there", {"out/f": "600 0:0 f"}, {"etc/f": "0600 0:0 f"}),
    ("a link of the archive likewise", {"l": "-> dir", "l/f": "600 0:0 f"},
     {"opt/l": "0777 0:0 -> dir", "opt/dir/f": "0600 0:0 f"}),
    ("a hard link to a file of the image copies it", {"h": "= old"},
     {"opt/h": "0644 0:0 old", "opt/old": "0644 0:0 = opt/h"}),
]  # fmt: skip


@pytest.mark.parametrize(("sentence", "files", "expected"), ARCHIVES, ids=[row[0] for row in ARCHIVES])
def test_an_archive_is_unpacked(
    sentence: str, files: Files, expected: dict[str, str], tmp_path: Path
) -> None:
    made = add(tmp_path, tar_of(files))
    above = {"opt": "0755 0:0 directory", "etc": "0755 0:0 directory", "opt/dir": made.get("opt/dir", "")}
    found = {name: what for name, what in made.items() if name in expected or above.get(name) != what}
    assert found == expected, sentence


HOSTILE: list[tuple[Files, str]] = [
    ({"../../etc/passwd": "evil"}, "is outside of"),
    ({"a/../../../etc/passwd": "evil"}, "is outside of"),
    ({"l": "-> ../../../etc"}, "invalid symlink"),
    ({"h": "= ../etc/passwd"}, "invalid hardlink"),
    ({"h": "= nothing"}, "no such file or directory"),
]


@pytest.mark.parametrize(("files", "words"), HOSTILE, ids=[next(iter(row[0])) for row in HOSTILE])
def test_what_leads_out_is_refused(files: Files, words: str, tmp_path: Path) -> None:
    with pytest.raises(Failed, match=words):
        add(tmp_path, tar_of(files))


def test_a_truncated_archive_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Failed):
        add(tmp_path, tar_of({"a": "x" * 5000})[:2048])


def test_what_is_no_archive_is_copied(tmp_path: Path) -> None:
    assert add(tmp_path, b"text")["opt/a.tar"] == "0644 5:5 text"


def test_sparse_files_have_their_holes(tmp_path: Path) -> None:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w", format=tarfile.PAX_FORMAT) as archive:
        info = tarfile.TarInfo("s")
        body = b"2\n0\n3\n1000\n2\n"
        info.pax_headers = {
            "GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": "2000",
            "GNU.sparse.name": "s",
        }  # fmt: skip
        content = body.ljust(512, b"\0") + b"abcde"
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))
    found = add(tmp_path, data.getvalue())["opt/s"].split(" ", 2)[2]
    assert found == "abc" + "\0" * 997 + "de" + "\0" * 998
