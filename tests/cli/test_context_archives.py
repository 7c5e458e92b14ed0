"""context export and import: the archive holds all of a context, and a strange one is refused whole."""

from __future__ import annotations

import io
import json
import sys
import tarfile
import zipfile

import pytest

from sampan.cli.context import store
from sampan.cli.main import run

META = {"Name": "one", "Metadata": {"Description": "d"}, "Endpoints": {"docker": {"Host": "tcp://h:1"}}}


@pytest.fixture
def context(tmp_path, capfd, monkeypatch):
    monkeypatch.chdir(tmp_path)
    store.save(str(tmp_path / ".docker"), "one", META, {"ca": b"CA", "key": b"KEY"})

    def call(*args):
        code = run(["context", *args], {"HOME": str(tmp_path)})
        sys.stdout.flush()
        return code, *capfd.readouterr()

    return call


def tar(**files):
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as archive:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return target.getvalue()


def test_what_is_exported_can_be_imported(context, tmp_path):
    assert context("export", "one") == (0, "", 'Written file "one.dockercontext"\n')
    assert (tmp_path / "one.dockercontext").stat().st_mode & 0o777 == 0o600
    assert context("import", "two", "one.dockercontext")[:2] == (0, "two\n")
    assert store.load(str(tmp_path / ".docker"), "two") == {**META, "Name": "two"}
    assert store.tls_data(str(tmp_path / ".docker"), "two") == {"ca": b"CA", "key": b"KEY"}


def test_nothing_is_overwritten(context, tmp_path):
    (tmp_path / "there").write_text("mine")
    assert context("export", "one", "there") == (1, "", "open there: file exists\n")
    (tmp_path / "a.tar").write_bytes(tar(**{"meta.json": json.dumps(META).encode()}))
    assert context("import", "one", "a.tar") == (1, "", 'context "one" already exists\n')


def test_zip_archives_are_read(context, tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("meta.json", json.dumps(META))
    assert context("import", "two", "a.zip")[0] == 0


REFUSED = [
    (b"x", "unexpected EOF"),
    (b"", "invalid context: no metadata found"),
    (tar(other=b"x"), "other: unexpected context file"),
    (tar(**{"meta.json": b"{"}), "unexpected end of JSON input"),
    (tar(**{"meta.json": b"[]"}), "invalid context: "),
    (tar(**{"meta.json": b'{"Endpoints":{}}', "tls/docker/../../x": b""}), "unexpected path format"),
    (tar(**{"meta.json": b'{"Endpoints":{}}', "tls/docker/..": b""}), "unexpected context file"),
    (b"PK\x03\x04garbage", "invalid context: "),
]


@pytest.mark.parametrize(("data", "message"), REFUSED, ids=[message for _, message in REFUSED])
def test_strange_archives_are_refused_whole(context, tmp_path, data, message):
    (tmp_path / "a").write_bytes(data)
    code, out, err = context("import", "two", "a")
    assert (code, out) == (1, "") and message in err
    assert not store.exists(str(tmp_path / ".docker"), "two")
