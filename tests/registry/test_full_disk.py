"""A full disk: pushes are refused, /readyz says so, what frees room works, what is there stays."""

import json
import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from sampan.linux.mount import mount, unmount
from sampan.registry.documents import OCI_MANIFEST
from tests.registry.process import Served, registry_process
from tests.registry.support import CONFIG, image, sha256
from tests.support.poll import until

pytestmark = pytest.mark.root  # a small disk: tmpfs
CONFIGURATION = """
[collect]
interval = "1s"
grace = "0s"
[[webhook]]
name = "ci"
url = "http://127.0.0.1:1/"
"""
SMALL = b"small" * 100


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    root = tmp_path / "root"
    root.mkdir()
    mount("tmpfs", str(root), "tmpfs", 0, "size=16m")
    (tmp_path / "config.toml").write_text(CONFIGURATION)
    try:
        with registry_process(tmp_path, "--config", str(tmp_path / "config.toml")) as served:
            yield served
    finally:
        unmount(str(root))


def push_blob(served: Served, data: bytes) -> tuple[int, bytes]:
    status, _, body = served.request("POST", f"/v2/x/blobs/uploads/?digest={sha256(data)}", data)
    return status, body


def push(served: Served, tag: str, layer: bytes) -> None:
    for data in (CONFIG, layer):
        assert push_blob(served, data)[0] == 201
    body = image(layer)
    assert served.request("PUT", f"/v2/x/manifests/{tag}", body, Content_Type=OCI_MANIFEST)[0] == 201


def fill(served: Served) -> Path:
    """Another program takes all there is."""
    path = served.root / "foreign"
    with path.open("wb", buffering=0) as file:
        for size in (1 << 16, 1 << 12, 1):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                continue
    assert os.statvfs(served.root).f_bavail == 0
    return path


def is_ready(served: Served) -> bool:
    return served.request("GET", "/readyz")[0] == 200


def test_deletes_work_when_others_have_filled_the_disk(served: Served) -> None:
    for tag in ("a", "b", "c"):
        push(served, tag, tag.encode() * 1000)
    push_blob(served, b"loose")
    location = served.request("POST", "/v2/x/blobs/uploads/")[1]["Location"]
    until(lambda: (served.root / "reserve").exists(), "the reserve is held")
    assert is_ready(served)
    foreign = fill(served)
    assert not is_ready(served)
    assert push_blob(served, SMALL)[0] == 507
    assert served.request("POST", "/v2/x/blobs/uploads/")[0] == 507
    body = image(b"a" * 1000, annotations={"x": "y"})
    assert served.request("PUT", "/v2/x/manifests/d", body, Content_Type=OCI_MANIFEST)[0] == 507
    assert served.request("GET", "/v2/x/manifests/a")[0] == 200
    digest = sha256(image(b"b" * 1000))
    for path, good in (
        ("/v2/x/manifests/a", 202),
        (f"/v2/x/manifests/{digest}", 202),
        (f"/v2/x/blobs/{sha256(b'loose')}", 202),
        (location, 204),
    ):
        assert served.request("DELETE", path)[0] == good, path
    assert delete_by_page(served, "/ui/delete/x/c") == 303
    assert served.request("GET", "/v2/x/tags/list")[2] == b'{"name":"x","tags":[]}\n'
    assert events(served).count("delete") == 4
    assert not is_ready(served), "what was given up for deletes is not for pushes"
    assert push_blob(served, SMALL)[0] == 507
    foreign.unlink()
    until(lambda: is_ready(served), "there is room again")
    push(served, "d", b"again")
    until(lambda: (served.root / "reserve").exists(), "the reserve is held again")


def delete_by_page(served: Served, path: str) -> int:
    _, headers, body = served.request("GET", path)
    token = re.search(rb'name="token" value="([^"]+)"', body)
    assert token is not None
    form = {
        "Cookie": headers["Set-Cookie"].partition(";")[0],
        "Content_Type": "application/x-www-form-urlencoded",
    }
    return served.request("POST", path, b"token=" + token[1], **form)[0]


def events(served: Served) -> list[str]:
    with closing(sqlite3.connect(served.root / "registry.db")) as db:
        rows = db.execute("SELECT event FROM notifications").fetchall()
    return [json.loads(row[0])["action"] for row in rows]


def test_a_registry_starts_on_a_full_disk_and_garbage_goes(served: Served) -> None:
    layer = b"l" * 100_000
    push(served, "a", layer)
    served.kill()
    fill(served)
    served.start()
    assert served.request("GET", f"/v2/x/blobs/{sha256(layer)}")[2] == layer
    assert served.request("DELETE", f"/v2/x/manifests/{sha256(image(layer))}")[0] == 202
    hexadecimal = sha256(layer).partition(":")[2]
    file = served.root / "blobs/sha256" / hexadecimal[:2] / hexadecimal
    until(lambda: not file.exists(), "the collector has removed the layer")


def test_pushes_stop_before_the_disk_is_full(served: Served) -> None:
    """One that says how long it is, at once; one that does not, when it gets there."""
    push(served, "a", SMALL)
    until(lambda: (served.root / "reserve").exists(), "the reserve is held")
    large = bytes(20 << 20)
    status, body = push_blob(served, large)
    assert status == 507 and "20971520 bytes do not fit" in json.loads(body)["errors"][0]["message"]
    location = served.request("POST", "/v2/x/blobs/uploads/")[1]["Location"]
    status, _, body = served.request("PATCH", location, iter([bytes(1 << 20)] * 20))  # type: ignore[arg-type]
    assert status == 507 and "disk is full" in json.loads(body)["errors"][0]["message"]
    left = os.statvfs(served.root)
    assert left.f_bavail * left.f_frsize > 512 << 10, "some is left for the database"
    assert not is_ready(served)
    assert served.request("DELETE", location)[0] == 204
    assert is_ready(served)
    assert list((served.root / "uploads").iterdir()) == []
    assert served.request("GET", f"/v2/x/blobs/{sha256(SMALL)}")[2] == SMALL
    push(served, "b", b"again" * 100)
