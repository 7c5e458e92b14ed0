"""Clients that mean harm: what they push or ask must not cost others their registry."""

import errno
import io
import json
import os
import sqlite3
from pathlib import Path

import pytest

from sampan.registry.documents import OCI_INDEX, OCI_MANIFEST
from sampan.registry.repositories import BATCH, QuotaRule, catalog
from sampan.registry.web import data
from tests.registry.support import CONFIG, Client, descriptor, image, serving, sha256


async def put(client: Client, reference: str, document: bytes, kind: str = OCI_MANIFEST) -> None:
    answer = await client("PUT", f"/v2/a/manifests/{reference}", io.BytesIO(document), Content_Type=kind)
    assert answer.status == 201, answer.body


async def test_a_search_for_very_many_words(tmp_path: Path) -> None:
    async with serving(tmp_path) as client:
        await client.push_image("a", "x")
        for path in ("/v1/search?q=", "/?q="):
            assert (await client("GET", path + "+".join(["a"] * 2000))).status == 200


async def test_large_referrers_come_a_few_at_a_time(tmp_path: Path) -> None:
    """A thousand with the annotations of 4 MiB each would be an answer of 4 GiB."""
    async with serving(tmp_path) as client:
        await client.push_blob("a", CONFIG)
        subject = descriptor(b"subject", OCI_MANIFEST)
        pushed = [image(subject=subject, annotations={"x": str(n) + "y" * 1_500_000}) for n in range(8)]
        for document in pushed:
            await put(client, sha256(document), document)
        path, seen = f"/v2/a/referrers/{subject['digest']}", []
        while path:
            answer = await client("GET", path)
            assert len(answer.body) < 8 << 20
            seen += [item["digest"] for item in answer.json["manifests"]]
            path = answer.headers.get("Link", "").partition(">")[0].lstrip("<")
        assert seen == sorted(sha256(document) for document in pushed)
        page = await client("GET", "/ui/manifest/a/" + seen[0])
        assert page.status == 200


async def test_huge_manifests_are_listed_without_a_look_into_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []

    def as_object(content: bytes) -> dict[str, object]:
        read.append(len(content))
        return parse(content)

    parse = data.as_object
    monkeypatch.setattr(data, "as_object", as_object)
    async with serving(tmp_path) as client:
        await client.push_blob("a", CONFIG)
        huge = image(annotations={"x": "y" * 3_000_000})
        await put(client, "huge", huge)
        await put(client, "small", image())
        entries = [descriptor(image(), OCI_MANIFEST), *[descriptor(huge, OCI_MANIFEST)] * 50]
        index = json.dumps({"schemaVersion": 2, "manifests": entries}).encode()
        await put(client, "index", index, OCI_INDEX)
        page = await client("GET", "/ui/repository/a")
        assert page.status == 200
        for tag in ("huge", "small", "index"):
            assert f"/ui/manifest/a/{tag}".encode() in page.body
        assert sum(read) < 200_000


def test_a_catalog_of_what_one_may_not_see_costs_few_queries() -> None:
    db = sqlite3.connect(":memory:", isolation_level=None)
    db.execute("CREATE TABLE repositories (name TEXT)")
    db.executemany("INSERT INTO repositories VALUES (?)", [(f"r{n:05}",) for n in range(3 * BATCH)])
    asked: list[str] = []
    db.set_trace_callback(asked.append)
    assert catalog(db, 1, "", lambda name: False).items == []
    assert len(asked) <= 4
    page = catalog(db, 2, "", lambda name: name.endswith("999"))
    assert (page.items, page.last) == (["r00999", "r01999"], "r01999")
    assert catalog(db, 2, "r01999", lambda name: name.endswith("999")).items == ["r02999"]
    db.close()


ELSEWHERE = [
    ("another origin", {"Origin": "https://evil.example"}),
    ("no origin to tell", {"Origin": "null"}),
    ("no URL", {"Origin": "http://["}),
    ("a cross-site request", {"Sec_Fetch_Site": "cross-site"}),
]


@pytest.mark.parametrize("headers", [row[1] for row in ELSEWHERE], ids=[row[0] for row in ELSEWHERE])
async def test_another_sites_page_cannot_push(tmp_path: Path, headers: dict[str, str]) -> None:
    """A POST of text needs no preflight, and a browser adds the password that its user gave for the page."""
    async with serving(tmp_path) as client:
        path = f"/v2/a/blobs/uploads/?digest={sha256(b'x')}"
        refused = await client("POST", path, b"x", Content_Type="text/plain", **headers)
        assert (refused.status, refused.code) == (403, "DENIED")
        assert (await client("GET", "/v2/a/tags/list", **headers)).status == 404
        own = {"Origin": f"http://127.0.0.1:{client.port}", "Sec_Fetch_Site": "same-origin"}
        assert (await client("POST", path, b"x", **own)).status == 201


async def test_an_unfinished_upload_keeps_to_the_quota(tmp_path: Path) -> None:
    async with serving(tmp_path, quota=(QuotaRule("a", 1_000_000),)) as client:
        location = (await client("POST", "/v2/a/blobs/uploads/")).headers["Location"]
        assert (await client("PATCH", location, b"x" * 900_000)).status == 202
        assert (await client("PATCH", location, b"x" * 200_000)).code == "DENIED"
        assert int((await client("GET", location)).headers["Range"].partition("-")[2]) < 1_000_000
        path = "/v2/b/blobs/uploads/"
        other = (await client("POST", path)).headers["Location"]
        assert (await client("PATCH", other, io.BytesIO(b"x" * 1_100_000))).status == 202


async def test_a_blob_whose_file_cannot_be_opened_now_is_503(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(tmp_path) as client:
        digest = await client.push_blob("a", b"x" * 100_000)
        opened = os.open

        def refuse(path: object, *args: int, **more: int) -> int:
            if str(path).endswith(digest.partition(":")[2]):
                raise OSError(errno.EMFILE, "Too many open files")
            return opened(path, *args, **more)  # type: ignore[arg-type]

        with monkeypatch.context() as patch:
            patch.setattr("sampan.registry.sendfile.os.open", refuse)
            answer = await client("GET", f"/v2/a/blobs/{digest}")
        assert (answer.status, answer.code, answer.headers["Retry-After"]) == (503, "UNAVAILABLE", "1")
        assert (await client("GET", f"/v2/a/blobs/{digest}")).body == b"x" * 100_000
