"""The specification's endpoints, request by request: OCI Distribution Specification 1.1, end-1 to end-13."""

import hashlib
import io
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sampan.registry.documents import DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST
from tests.registry.support import CONFIG, Client, descriptor, image, index, serving, sha256

LAYER = b"layer" * 1000
HUGE = io.BytesIO(b" " * (4 << 20) + b"{}")
NOWHERE = "sha256:" + "0" * 64


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[Client]:
    async with serving(tmp_path / "root") as client:
        yield client


async def test_version_is_answered(client: Client) -> None:
    answer = await client("GET", "/v2/")
    assert (answer.status, answer.json) == (200, {})
    assert answer.headers["Docker-Distribution-Api-Version"] == "registry/2.0"


REFUSALS = [
    # what it is, method, path, body, headers, status, code
    ("no such blob", "GET", f"/v2/a/blobs/{NOWHERE}", None, {}, 404, "BLOB_UNKNOWN"),
    ("a digest that is none", "GET", "/v2/a/blobs/sha256:abc", None, {}, 400, "DIGEST_INVALID"),
    ("an unknown algorithm", "GET", f"/v2/a/blobs/md5:{'0' * 32}", None, {}, 400, "DIGEST_INVALID"),
    ("an upper-case name", "GET", f"/v2/Abc/blobs/{NOWHERE}", None, {}, 400, "NAME_INVALID"),
    ("dots up in a name", "GET", f"/v2/a/../../etc/blobs/{NOWHERE}", None, {}, 400, "NAME_INVALID"),
    ("encoded dots up", "GET", f"/v2/a/%2e%2e/b/blobs/{NOWHERE}", None, {}, 400, "NAME_INVALID"),
    ("an encoded slash in a digest", "GET", "/v2/a/blobs/..%2f..%2fetc", None, {}, 400, "DIGEST_INVALID"),
    ("an empty component", "GET", f"/v2/a//b/blobs/{NOWHERE}", None, {}, 400, "NAME_INVALID"),
    ("a name too long", "GET", f"/v2/{'a' * 256}/tags/list", None, {}, 400, "NAME_INVALID"),
    ("no such manifest", "GET", "/v2/a/manifests/latest", None, {}, 404, "MANIFEST_UNKNOWN"),
    ("a tag that cannot be", "GET", "/v2/a/manifests/.x", None, {}, 404, "MANIFEST_UNKNOWN"),
    ("a push to a tag that cannot be", "PUT", "/v2/a/manifests/.x", b"{}", {}, 400, "MANIFEST_INVALID"),
    ("a manifest that is no JSON", "PUT", "/v2/a/manifests/x", b"{", {}, 400, "MANIFEST_INVALID"),
    ("a manifest that is no object", "PUT", "/v2/a/manifests/x", b"[]", {}, 400, "MANIFEST_INVALID"),
    ("a manifest of schema 1", "PUT", "/v2/a/manifests/x", b'{"schemaVersion":1}', {}, 400,
     "MANIFEST_INVALID"),
    ("a manifest too large", "PUT", "/v2/a/manifests/x", HUGE, {}, 413, "MANIFEST_INVALID"),
    ("a manifest whose blobs are missing", "PUT", "/v2/a/manifests/x", image(LAYER),
     {"Content_Type": OCI_MANIFEST}, 404, "MANIFEST_BLOB_UNKNOWN"),
    ("another media type than the manifest's", "PUT", "/v2/a/manifests/x", image(),
     {"Content_Type": DOCKER_MANIFEST}, 400, "MANIFEST_INVALID"),
    ("another digest than the manifest's", "PUT", f"/v2/a/manifests/{NOWHERE}", image(),
     {"Content_Type": OCI_MANIFEST}, 400, "DIGEST_INVALID"),
    ("an index without its manifests", "PUT", "/v2/a/manifests/x", index(image()),
     {"Content_Type": OCI_INDEX}, 404, "MANIFEST_BLOB_UNKNOWN"),
    ("tags of no repository", "GET", "/v2/a/tags/list", None, {}, 404, "NAME_UNKNOWN"),
    ("a page size that is none", "GET", "/v2/_catalog?n=-1", None, {}, 400, "PAGINATION_NUMBER_INVALID"),
    ("a delete of no blob", "DELETE", f"/v2/a/blobs/{NOWHERE}", None, {}, 404, "BLOB_UNKNOWN"),
    ("a delete of no manifest", "DELETE", f"/v2/a/manifests/{NOWHERE}", None, {}, 404, "MANIFEST_UNKNOWN"),
    ("a delete of no tag", "DELETE", "/v2/a/manifests/x", None, {}, 404, "MANIFEST_UNKNOWN"),
    ("no such upload", "GET", "/v2/a/blobs/uploads/123e4567-e89b-12d3-a456-426614174000", None, {}, 404,
     "BLOB_UPLOAD_UNKNOWN"),
    ("an upload's id that is a path", "PATCH", "/v2/a/blobs/uploads/..%2f..%2fregistry.db", b"x", {}, 404,
     "BLOB_UPLOAD_UNKNOWN"),
    ("a whole blob with a wrong digest", "POST", f"/v2/a/blobs/uploads/?digest={NOWHERE}", b"x", {}, 400,
     "DIGEST_INVALID"),
    ("a mount of no digest", "POST", "/v2/a/blobs/uploads/?mount=x&from=b", None, {}, 400, "DIGEST_INVALID"),
    ("a method there is not", "POST", f"/v2/a/blobs/{NOWHERE}", None, {}, 405, "UNSUPPORTED"),
    ("a path there is not", "GET", "/v2/a/nothing", None, {}, 404, "UNSUPPORTED"),
    ("referrers of what is no digest", "GET", "/v2/a/referrers/x", None, {}, 400, "DIGEST_INVALID"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("method", "path", "body", "headers", "status", "code"),
    [row[1:] for row in REFUSALS],
    ids=[row[0] for row in REFUSALS],
)
async def test_refusals_have_the_specified_code_and_change_nothing(
    client: Client,
    method: str,
    path: str,
    body: object,
    headers: dict[str, str],
    status: int,
    code: str,
) -> None:
    answer = await client(method, path, body, **headers)
    assert (answer.status, answer.code) == (status, code)
    assert answer.headers["Content-Type"] == "application/json"
    assert set(answer.json["errors"][0]) <= {"code", "message", "detail"}
    assert (await client("GET", "/v2/_catalog")).json == {"repositories": []}
    assert list(client.registry.layout.uploads.iterdir()) == []
    assert client.events == []


async def test_blob_in_one_post(client: Client) -> None:
    digest = sha256(LAYER)
    answer = await client("POST", f"/v2/a/b/blobs/uploads/?digest={digest}", LAYER)
    assert answer.status == 201
    assert answer.headers["Location"] == f"/v2/a/b/blobs/{digest}"
    assert answer.headers["Docker-Content-Digest"] == digest
    found = await client("GET", f"/v2/a/b/blobs/{digest}")
    assert (found.status, found.body) == (200, LAYER)
    assert found.headers["Docker-Content-Digest"] == digest
    head = await client("HEAD", f"/v2/a/b/blobs/{digest.replace(':', '%3A')}")
    assert (head.status, head.headers["Content-Length"], head.body) == (200, str(len(LAYER)), b"")
    assert (await client("HEAD", f"/v2/other/blobs/{digest}")).status == 404


async def test_blob_by_post_then_put(client: Client) -> None:
    begun = await client("POST", "/v2/a/blobs/uploads/")
    assert begun.status == 202
    assert begun.headers["Docker-Upload-Uuid"] in begun.headers["Location"]
    answer = await client("PUT", f"{begun.headers['Location']}?digest={sha256(LAYER)}", LAYER)
    assert answer.status == 201
    assert (await client("GET", f"/v2/a/blobs/{sha256(LAYER)}")).body == LAYER
    assert (await client("GET", begun.headers["Location"])).code == "BLOB_UPLOAD_UNKNOWN"
    assert list(client.registry.layout.uploads.iterdir()) == []


async def test_chunks_in_order_with_their_ranges(client: Client) -> None:
    location = (await client("POST", "/v2/a/blobs/uploads/")).headers["Location"]
    first = await client("PATCH", location, LAYER[:2000], Content_Range="0-1999")
    assert (first.status, first.headers["Range"]) == (202, "0-1999")
    wrong = await client("PATCH", location, LAYER[3000:], Content_Range=f"3000-{len(LAYER) - 1}")
    assert (wrong.status, wrong.headers["Range"]) == (416, "0-1999")
    assert wrong.headers["Location"] == location
    repeated = await client("PATCH", location, LAYER[:2000], Content_Range="0-1999")
    assert repeated.status == 416
    status = await client("GET", location)
    assert (status.status, status.headers["Range"]) == (204, "0-1999")
    second = await client("PATCH", location, LAYER[2000:3000], Content_Range="2000-2999")
    assert second.headers["Range"] == "0-2999"
    last = await client(
        "PUT", f"{location}?digest={sha256(LAYER)}", LAYER[3000:], Content_Range=f"3000-{len(LAYER) - 1}"
    )
    assert last.status == 201
    assert (await client("GET", f"/v2/a/blobs/{sha256(LAYER)}")).body == LAYER


@pytest.mark.parametrize(
    ("given", "status"),
    [("x", 400), ("5-1", 416), ("0-9", 416), ("bytes 0-4/*", 202), ("bytes=0-4", 202)],
)
async def test_content_range_is_checked_before_a_byte_is_taken(
    client: Client, given: str, status: int
) -> None:
    location = (await client("POST", "/v2/a/blobs/uploads/")).headers["Location"]
    assert (await client("PATCH", location, b"hello", Content_Range=given)).status == status
    expected = "0-4" if status == 202 else "0-0"
    assert (await client("GET", location)).headers["Range"] == expected


async def test_streamed_patch_without_range_as_docker_does(client: Client) -> None:
    async def stream() -> AsyncIterator[bytes]:
        for start in range(0, len(LAYER), 700):
            yield LAYER[start : start + 700]

    location = (await client("POST", "/v2/a/blobs/uploads/")).headers["Location"]
    assert (await client("PATCH", location, stream())).headers["Range"] == f"0-{len(LAYER) - 1}"
    assert (await client("PUT", f"{location}?digest={sha256(LAYER)}")).status == 201


async def test_an_empty_blob_can_be_pushed(client: Client) -> None:
    location = (await client("POST", "/v2/a/blobs/uploads/")).headers["Location"]
    assert (await client("PUT", f"{location}?digest={sha256(b'')}")).status == 201
    found = await client("GET", f"/v2/a/blobs/{sha256(b'')}")
    assert (found.status, found.body) == (200, b"")


async def test_wrong_digest_ends_the_upload_and_leaves_nothing(client: Client) -> None:
    location = (await client("POST", "/v2/a/blobs/uploads/")).headers["Location"]
    answer = await client("PUT", f"{location}?digest={NOWHERE}", LAYER)
    assert (answer.status, answer.code) == (400, "DIGEST_INVALID")
    assert answer.json["errors"][0]["detail"] == {"provided": NOWHERE, "computed": sha256(LAYER)}
    assert (await client("GET", location)).status == 404
    assert list(client.registry.layout.uploads.iterdir()) == []


async def test_an_upload_belongs_to_its_repository(client: Client) -> None:
    location = (await client("POST", "/v2/a/blobs/uploads/")).headers["Location"]
    assert (await client("GET", location.replace("/v2/a/", "/v2/b/"))).code == "BLOB_UPLOAD_UNKNOWN"


async def test_cancelled_upload_is_gone(client: Client) -> None:
    location = (await client("POST", "/v2/a/blobs/uploads/")).headers["Location"]
    await client("PATCH", location, b"x")
    assert (await client("DELETE", location)).status == 204
    assert (await client("PATCH", location, b"x")).code == "BLOB_UPLOAD_UNKNOWN"
    assert list(client.registry.layout.uploads.iterdir()) == []


async def test_sha512_blob_and_manifest(client: Client) -> None:
    digest = f"sha512:{hashlib.sha512(LAYER).hexdigest()}"
    assert (await client("POST", f"/v2/a/blobs/uploads/?digest={digest}", LAYER)).status == 201
    assert (await client("GET", f"/v2/a/blobs/{digest}")).body == LAYER
    location = (await client("POST", "/v2/b/blobs/uploads/")).headers["Location"]
    await client("PATCH", location, LAYER)
    assert (await client("PUT", f"{location}?digest={digest}")).status == 201
    document = index()
    name = f"sha512:{hashlib.sha512(document).hexdigest()}"
    pushed = await client("PUT", f"/v2/a/manifests/{name}", document, Content_Type=OCI_INDEX)
    assert (pushed.status, pushed.headers["Docker-Content-Digest"]) == (201, name)
    assert (await client("GET", f"/v2/a/manifests/{name}")).body == document


async def test_mount_from_another_repository_and_its_fallback(client: Client) -> None:
    digest = await client.push_blob("from/here", LAYER)
    mounted = await client("POST", f"/v2/to/blobs/uploads/?mount={digest}&from=from/here")
    assert (mounted.status, mounted.headers["Location"]) == (201, f"/v2/to/blobs/{digest}")
    assert (await client("GET", f"/v2/to/blobs/{digest}")).body == LAYER
    for query in (f"mount={digest}&from=nowhere", f"mount={NOWHERE}&from=from/here", f"mount={digest}"):
        fallback = await client("POST", f"/v2/more/blobs/uploads/?{query}")
        assert (fallback.status, "/uploads/" in fallback.headers["Location"]) == (202, True)
    assert [event.action for event in client.events] == ["push", "mount", "pull"]


RANGES = [
    ("bytes=0-9", 206, LAYER[:10], f"bytes 0-9/{len(LAYER)}"),
    ("bytes=100-", 206, LAYER[100:], f"bytes 100-{len(LAYER) - 1}/{len(LAYER)}"),
    ("bytes=-7", 206, LAYER[-7:], f"bytes {len(LAYER) - 7}-{len(LAYER) - 1}/{len(LAYER)}"),
    (f"bytes={len(LAYER)}-", 416, None, f"bytes */{len(LAYER)}"),
]


@pytest.mark.parametrize(("asked", "status", "body", "content_range"), RANGES)
async def test_ranges_of_a_blob(
    client: Client, asked: str, status: int, body: bytes | None, content_range: str
) -> None:
    digest = await client.push_blob("a", LAYER)
    answer = await client("GET", f"/v2/a/blobs/{digest}", Range=asked)
    assert (answer.status, answer.headers["Content-Range"]) == (status, content_range)
    assert body is None or answer.body == body


async def test_manifest_by_tag_and_by_digest(client: Client) -> None:
    digest = await client.push_image("a", "v1", LAYER)
    for reference in ("v1", digest):
        got = await client("GET", f"/v2/a/manifests/{reference}")
        assert (got.status, got.body) == (200, image(LAYER))
        assert got.headers["Content-Type"] == OCI_MANIFEST
        assert got.headers["Docker-Content-Digest"] == digest
        head = await client("HEAD", f"/v2/a/manifests/{reference}")
        assert (head.status, head.headers["Content-Length"]) == (200, str(len(image(LAYER))))
        assert head.headers["Docker-Content-Digest"] == digest


@pytest.mark.parametrize(
    ("document", "content_type", "stored_as"),
    [
        (image(), OCI_MANIFEST, OCI_MANIFEST),
        (image(mediaType=None), OCI_MANIFEST, OCI_MANIFEST),
        (image(mediaType=DOCKER_MANIFEST), DOCKER_MANIFEST, DOCKER_MANIFEST),
        (index(), OCI_INDEX, OCI_INDEX),
        (index(mediaType=DOCKER_LIST), DOCKER_LIST, DOCKER_LIST),
        (index(mediaType=DOCKER_LIST), f"{DOCKER_LIST}; charset=utf-8", DOCKER_LIST),
        (index(mediaType=None), "", OCI_INDEX),
    ],
)
async def test_every_kind_of_manifest_is_kept_byte_for_byte(
    client: Client, document: bytes, content_type: str, stored_as: str
) -> None:
    await client.push_blob("a", CONFIG)
    headers = {"Content_Type": content_type} if content_type else {}
    assert (await client("PUT", "/v2/a/manifests/x", document, **headers)).status == 201
    got = await client("GET", "/v2/a/manifests/x")
    assert (got.body, got.headers["Content-Type"]) == (document, stored_as)


async def test_a_tag_moves_and_the_old_manifest_stays(client: Client) -> None:
    old = await client.push_image("a", "v1", b"old")
    new = await client.push_image("a", "v1", b"new")
    assert (await client("HEAD", "/v2/a/manifests/v1")).headers["Docker-Content-Digest"] == new
    assert (await client("GET", f"/v2/a/manifests/{old}")).status == 200


async def test_index_keeps_its_manifests(client: Client) -> None:
    child = await client.push_image("a", "child", LAYER)
    document = index(image(LAYER))
    assert (await client("PUT", "/v2/a/manifests/all", document, Content_Type=OCI_INDEX)).status == 201
    refused = await client("DELETE", f"/v2/a/manifests/{child}")
    assert (refused.status, refused.code) == (405, "UNSUPPORTED")
    assert (await client("DELETE", f"/v2/a/manifests/{sha256(document)}")).status == 202
    assert (await client("DELETE", f"/v2/a/manifests/{child}")).status == 202


async def test_deletes_of_tag_manifest_and_blob(client: Client) -> None:
    digest = await client.push_image("a", "v1", LAYER)
    await client.push_image("a", "v2", LAYER)
    used = await client("DELETE", f"/v2/a/blobs/{sha256(LAYER)}")
    assert (used.status, used.code) == (405, "UNSUPPORTED")
    assert (await client("DELETE", "/v2/a/manifests/v1")).status == 202
    assert (await client("GET", "/v2/a/tags/list")).json["tags"] == ["v2"]
    assert (await client("GET", f"/v2/a/manifests/{digest}")).status == 200
    assert (await client("DELETE", f"/v2/a/manifests/{digest}")).status == 202
    assert (await client("GET", "/v2/a/manifests/v2")).status == 404
    assert (await client("GET", "/v2/a/tags/list")).json == {"name": "a", "tags": []}
    assert (await client("DELETE", f"/v2/a/blobs/{sha256(LAYER)}")).status == 202
    assert (await client("GET", f"/v2/a/blobs/{sha256(LAYER)}")).status == 404
    assert [event.kind for event in client.events if event.action == "delete"] == ["tag", "manifest", "blob"]


async def test_tags_come_in_pages_in_lexical_order(client: Client) -> None:
    for tag in ("b", "a", "C", "c10", "c9"):
        await client.push_image("a", tag)
    everything = await client("GET", "/v2/a/tags/list")
    assert everything.json == {"name": "a", "tags": ["C", "a", "b", "c10", "c9"]}
    assert "Link" not in everything.headers
    found: list[str] = []
    path = "/v2/a/tags/list?n=2"
    while path:
        page = await client("GET", path)
        found += page.json["tags"]
        path = page.headers.get("Link", "").partition(">")[0].removeprefix("<")
    assert found == ["C", "a", "b", "c10", "c9"]
    assert (await client("GET", "/v2/a/tags/list?n=0")).json["tags"] == []
    assert (await client("GET", "/v2/a/tags/list?last=b")).json["tags"] == ["c10", "c9"]


async def test_catalog_comes_in_pages(client: Client) -> None:
    for name in ("z", "a/b", "m"):
        await client.push_image(name, "x")
    first = await client("GET", "/v2/_catalog?n=2")
    assert first.json == {"repositories": ["a/b", "m"]}
    assert first.headers["Link"] == '</v2/_catalog?n=2&last=m>; rel="next"'
    second = await client("GET", "/v2/_catalog?n=2&last=m")
    assert (second.json, second.headers.get("Link")) == ({"repositories": ["z"]}, None)


async def test_referrers_with_filter_and_absent_subject(client: Client) -> None:
    subject = sha256(image(LAYER))
    about = {"mediaType": OCI_MANIFEST, "digest": subject, "size": len(image(LAYER))}
    empty = await client("GET", f"/v2/a/referrers/{subject}")
    assert (empty.status, empty.json["manifests"]) == (200, [])
    assert empty.headers["Content-Type"] == OCI_INDEX
    await client.push_blob("a", CONFIG)
    signature = image(subject=about, artifactType="sig/x", annotations={"who": "me"})
    pushed = await client("PUT", f"/v2/a/manifests/{sha256(signature)}", signature, Content_Type=OCI_MANIFEST)
    assert (pushed.status, pushed.headers["Oci-Subject"]) == (201, subject)
    bill = index(subject=about, artifactType="sbom/y")
    await client("PUT", f"/v2/a/manifests/{sha256(bill)}", bill, Content_Type=OCI_INDEX)
    plain = image(subject=about)
    await client("PUT", f"/v2/a/manifests/{sha256(plain)}", plain, Content_Type=OCI_MANIFEST)
    await client.push_image("a", "subject", LAYER)
    found = (await client("GET", f"/v2/a/referrers/{subject}")).json["manifests"]
    config_type = "application/vnd.oci.image.config.v1+json"
    assert {item["digest"]: item.get("artifactType") for item in found} == {
        sha256(signature): "sig/x", sha256(bill): "sbom/y", sha256(plain): config_type
    }  # fmt: skip
    filtered = await client("GET", f"/v2/a/referrers/{subject}?artifactType=sig/x")
    assert filtered.headers["Oci-Filters-Applied"] == "artifactType"
    assert filtered.json["manifests"] == [
        {
            "mediaType": OCI_MANIFEST, "digest": sha256(signature), "size": len(signature),
            "artifactType": "sig/x", "annotations": {"who": "me"},
        }
    ]  # fmt: skip
    await client("DELETE", f"/v2/a/manifests/{sha256(signature)}")
    assert len((await client("GET", f"/v2/a/referrers/{subject}")).json["manifests"]) == 2


async def test_foreign_layers_need_not_be_pushed(client: Client) -> None:
    await client.push_blob("a", CONFIG)
    layer = descriptor(b"windows", "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip")
    document = image(layers=[{**layer, "urls": ["https://example.com/layer"]}])
    assert (await client("PUT", "/v2/a/manifests/x", document, Content_Type=OCI_MANIFEST)).status == 201


async def test_cache_manifests_may_name_layers_in_an_index(client: Client) -> None:
    """BuildKit's registry cache: an index whose entries are blobs."""
    await client.push_blob("a", LAYER)
    document = index(manifests=[descriptor(LAYER)])
    assert (await client("PUT", "/v2/a/manifests/cache", document, Content_Type=OCI_INDEX)).status == 201


async def test_docker_search(client: Client) -> None:
    await client.push_image("team/app", "v1")
    await client.push_image("team/application", "v1")
    await client.push_image("other", "v1")
    assert (await client("GET", "/v1/_ping")).status == 200
    found = (await client("GET", "/v1/search?q=app&n=25")).json
    assert [item["name"] for item in found["results"]] == ["team/app", "team/application"]
    assert (found["num_results"], found["query"]) == (2, "app")


async def test_health_and_readiness(client: Client) -> None:
    assert (await client("GET", "/healthz")).status == 200
    assert (await client("GET", "/readyz")).json == {
        "status": "ok", "checks": {"database": "ok", "storage": "ok"}
    }  # fmt: skip


async def test_read_only_and_undeletable_registries(tmp_path: Path) -> None:
    async with serving(tmp_path, read_only=True) as client:
        assert (await client("POST", "/v2/a/blobs/uploads/")).code == "DENIED"
        assert (await client("GET", "/v2/_catalog")).status == 200
    async with serving(tmp_path, allow_delete=False) as client:
        await client.push_image("a", "x")
        assert (await client("DELETE", "/v2/a/manifests/x")).code == "UNSUPPORTED"
