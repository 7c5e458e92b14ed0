"""Layers seen from outside, in both forms."""

import os
import stat
from contextlib import closing
from pathlib import Path

import pytest

from sampan.errors import Failed
from sampan.images.erofs import index
from sampan.images.pack import diff_tar
from sampan.linux import erofs
from sampan.storage.indexes import Index
from sampan.storage.layerfiles import has_name, open_layer


@pytest.fixture(params=["directory", "erofs"])
def lower(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    fs = tmp_path / "fs"
    (fs / "etc/deep").mkdir(parents=True)
    (fs / "etc/file").write_text("text")
    (fs / "link").symlink_to("etc")
    for number in range(300):
        (fs / "etc/deep" / f"{number:0200}").write_text("")
    if request.param == "directory":
        return str(fs)
    data = b"".join(diff_tar(str(fs)))
    (tmp_path / "index").write_bytes(index([data]).image(len(data)))
    return erofs.lower(str(tmp_path / "index"), str(tmp_path / "tar"))


def test_names_are_found_and_links_not_followed(lower: str) -> None:
    assert has_name(lower, "etc") and has_name(lower, "link") and not has_name(lower, "et")
    with closing(open_layer(lower)) as layer:
        link, etc = layer.child(layer.root, b"link"), layer.child(layer.root, b"etc")
        assert link and link.is_link and link.target == b"etc"
        assert etc and (found := layer.child(etc, b"file")) and stat.S_ISREG(found.mode)
        assert found.uid == os.getuid() and layer.child(etc, b"x") is None
        deep = layer.child(etc, b"deep")
        assert deep and layer.child(deep, f"{299:0200}".encode()) and not layer.child(deep, b"300")


@pytest.mark.parametrize("lower", ["/nowhere/fs", "erofs:/nowhere/index.erofs:/nowhere/layer.tar"])
def test_a_layer_that_is_gone_is_told(lower: str) -> None:
    with pytest.raises(Failed, match=r"read the layer /nowhere.*: No such file or directory"):
        has_name(lower, "etc")


@pytest.mark.parametrize("data", [b"", b"x" * 100, bytes(4096)])
def test_what_is_no_index_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "index"
    path.write_bytes(data)
    with pytest.raises(Failed):
        Index(str(path))
