"""Several layers as one."""

import io
import tarfile
from functools import partial
from pathlib import Path

import pytest

from sampan.builder.export.squash import squash

# name -> content; "dir/" directories; "=x" a further name of x; "->x" a symbolic link
Files = dict[str, str]


def tar(files: Files) -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name.rstrip("/"))
            body = content.encode()
            if name.endswith("/"):
                info.type, info.mode = tarfile.DIRTYPE, int(content or "755", 8)
                body = b""
            elif content.startswith("="):
                info.type, info.linkname, body = tarfile.LNKTYPE, content[1:], b""
            elif content.startswith("->"):
                info.type, info.linkname, body = tarfile.SYMTYPE, content[2:], b""
            info.size = len(body)
            archive.addfile(info, io.BytesIO(body))
    return data.getvalue()


def listing(data: bytes) -> Files:
    found: Files = {}
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        for entry in archive:
            if entry.isdir():
                found[entry.name + "/"] = f"{entry.mode:o}"
            elif entry.islnk():
                found[entry.name] = f"={entry.linkname}"
            elif entry.issym():
                found[entry.name] = f"->{entry.linkname}"
            else:
                file = archive.extractfile(entry)
                found[entry.name] = file.read().decode() if file else ""
    return found


CASES: list[tuple[str, list[Files], list[Files], Files]] = [
    ("a later file wins", [], [{"a": "1", "b": "2"}, {"a": "3"}], {"a": "3", "b": "2"}),
    ("a file that came and went", [{"base": "x"}], [{"a": "1"}, {".wh.a": ""}], {}),
    ("a file of the base that went", [{"d/": "", "d/x": "1"}], [{"d/.wh.x": ""}], {"d/.wh.x": ""}),
    ("a file that came back", [{"x": "1"}], [{".wh.x": ""}, {"x": "2"}], {"x": "2"}),
    ("a directory that went", [], [{"d/": "", "d/a": "1", "e": "2"}, {".wh.d": ""}], {"e": "2"}),
    ("a directory of the base replaced by an empty one", [{"d/": "", "d/x": "1"}],
     [{".wh.d": ""}, {"d/": "700"}], {"d/": "700", "d/.wh..wh..opq": ""}),
    ("an opaque directory", [{"d/": "", "d/x": "1"}],
     [{"d/": "", "d/a": "1"}, {"d/": "", "d/.wh..wh..opq": "", "d/b": "2"}],
     {"d/": "755", "d/.wh..wh..opq": "", "d/b": "2"}),
    ("a mode that changed", [], [{"d/": "700", "d/a": "1"}, {"d/": "755"}], {"d/": "755", "d/a": "1"}),
    ("a directory replaced by a file", [], [{"d/": "", "d/a": "1"}, {"d": "file"}], {"d": "file"}),
    ("hard links", [], [{"a": "1", "b": "=a", "c": "=a"}, {".wh.a": ""}], {"b": "1", "c": "=b"}),
    ("hard links of which one changed", [], [{"a": "1", "b": "=a"}, {"a": "2"}], {"a": "2", "b": "1"}),
    ("symbolic links", [], [{"l": "->x"}, {"m": "->y"}], {"l": "->x", "m": "->y"}),
    ("three layers", [{"x": "0"}],
     [{"a": "1"}, {"a": "2", ".wh.x": ""}, {".wh.a": "", "x": "3"}], {"x": "3"}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("below", "layers", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_one_layer_does_what_several_did(
    tmp_path: Path, below: list[Files], layers: list[Files], expected: Files
) -> None:
    paths = []
    for number, files in enumerate(layers):
        path = tmp_path / f"{number}.tar"
        path.write_bytes(tar(files))
        paths.append(path)
    tars = [partial(iter, [tar(files)]) for files in below]
    assert listing(b"".join(squash(tars, paths))) == expected
