"""Pushing: only what is missing, the very bytes that were pulled, compressed on the way when need be."""

import gzip
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import zstandard
from aiohttp import web

from sampan.engine.images.pull import Pull, parse
from sampan.engine.images.push import Push
from sampan.engine.images.transfer import Limits
from sampan.errors import NotFound, SampanError
from sampan.specs.oci.image import DOCKER_MANIFEST, LAYER, LAYER_ZSTD, MANIFEST
from sampan.specs.oci.reference import parse as parse_reference
from tests.engine.images.conftest import Bench, reopen
from tests.support.fakeregistry import FakeRegistry, digest_of, error, serving, tar_of

pytestmark = pytest.mark.root


@pytest.fixture
async def registry(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FakeRegistry]:
    bench.images.remote.downloads.configure(Limits(3, 3, delay=0.01))
    monkeypatch.setattr("sampan.engine.images.upload.DELAY", 0.01)
    async with serving(FakeRegistry()) as registry:
        yield registry


async def push(bench: Bench, name: str) -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = []
    await bench.images.remote.push(Push(parse_reference(name)), lines.append)
    return lines


def statuses(lines: list[dict[str, Any]]) -> list[str]:
    return [line["status"] for line in lines if "status" in line and "progress" not in line]


def manifest_in(registry: FakeRegistry, name: str, tag: str) -> tuple[str, dict[str, Any]]:
    media_type, data = registry.manifests[name, tag]
    return media_type, json.loads(data)


async def test_an_image_made_here_is_compressed_on_the_way(bench: Bench, registry: FakeRegistry) -> None:
    name = f"{registry.host}/app:1"
    image = await bench.add(name, f="hello")
    lines = await push(bench, name)
    media_type, manifest = manifest_in(registry, "app", "1")
    digest = digest_of(registry.manifests["app", "1"][1])
    assert statuses(lines) == [
        f"The push refers to repository [{registry.host}/app]",
        "Preparing",
        "Pushed",
        f"1: digest: {digest} size: {len(registry.manifests['app', '1'][1])}",
    ]
    assert lines[-1]["aux"] == {"Tag": "1", "Digest": digest, "Size": len(registry.manifests["app", "1"][1])}
    assert media_type == manifest["mediaType"] == DOCKER_MANIFEST
    assert manifest["config"]["digest"] == image.id
    tar = gzip.decompress(registry.blobs[manifest["layers"][0]["digest"]])
    assert digest_of(tar) == image.diff_ids[0]
    assert bench.images.get(name).repo_digests == [f"{registry.host}/app@{digest}"]
    assert ("push", f"{registry.host}/app") in bench.actions()


async def test_a_second_push_sends_nothing(bench: Bench, registry: FakeRegistry) -> None:
    name = f"{registry.host}/app:1"
    await bench.add(name, f="hello")
    await push(bench, name)
    first = registry.manifests["app", "1"]
    registry.requests.clear()
    bench = await reopen(bench)
    try:
        assert "Layer already exists" in statuses(await push(bench, name))
    finally:
        await bench.images.stop()
        bench.store.close()
    assert registry.manifests["app", "1"] == first
    assert [method for method, _ in registry.requests if method in ("POST", "PATCH")] == []
    assert registry.count("PUT") == 1, "the manifest, for its tag"


async def test_zstd_when_asked_for(bench: Bench, registry: FakeRegistry) -> None:
    bench.images.remote._pusher.configure(5, "zstd")
    name = f"{registry.host}/app:1"
    image = await bench.add(name, f="hello")
    await push(bench, name)
    media_type, manifest = manifest_in(registry, "app", "1")
    assert media_type == MANIFEST and manifest["layers"][0]["mediaType"] == LAYER_ZSTD
    tar = (
        zstandard.ZstdDecompressor()
        .decompressobj()
        .decompress(registry.blobs[manifest["layers"][0]["digest"]])
    )
    assert digest_of(tar) == image.diff_ids[0]


@pytest.mark.parametrize("form", ["gzip", "zstd", "plain"])
async def test_what_was_pulled_is_pushed_byte_for_byte(
    bench: Bench, registry: FakeRegistry, form: str
) -> None:
    compress, media_type = {
        "gzip": (lambda data: gzip.compress(data, 9), "application/vnd.docker.image.rootfs.diff.tar.gzip"),
        "zstd": (zstandard.compress, LAYER_ZSTD),
        "plain": (bytes, LAYER),
    }[form]
    digest = registry.image(
        "a", "1", tar_of(f=b"1"), tar_of(g=b"2"), compress=compress, media_type=media_type
    )
    await bench.images.remote.pull(Pull(parse(f"{registry.host}/a", "1")), lambda line: None)
    async with serving(FakeRegistry()) as other:
        bench.images.tag(bench.images.get(f"{registry.host}/a:1"), parse_reference(f"{other.host}/b/c:2"))
        await push(bench, f"{other.host}/b/c:2")
        assert other.manifests["b/c", "2"] == registry.manifests["a", "1"]
        assert other.blobs == registry.blobs
        assert digest_of(other.manifests["b/c", "2"][1]) == digest


async def test_a_repository_beside_has_it_mounted(bench: Bench, registry: FakeRegistry) -> None:
    registry.image("a", "1", tar_of(f=b"1"))
    await bench.images.remote.pull(Pull(parse(f"{registry.host}/a", "1")), lambda line: None)
    bench.images.tag(bench.images.get(f"{registry.host}/a:1"), parse_reference(f"{registry.host}/b:1"))
    lines = await push(bench, f"{registry.host}/b:1")
    assert "Mounted from a" in statuses(lines)
    assert registry.manifests["b", "1"] == registry.manifests["a", "1"]


async def test_a_refused_mount_is_an_upload(bench: Bench, registry: FakeRegistry) -> None:
    registry.image("a", "1", tar_of(f=b"1"))
    await bench.images.remote.pull(Pull(parse(f"{registry.host}/a", "1")), lambda line: None)
    bench.images.tag(bench.images.get(f"{registry.host}/a:1"), parse_reference(f"{registry.host}/b:1"))
    for owners in registry.owners.values():
        owners.discard("a")
    assert "Pushed" in statuses(await push(bench, f"{registry.host}/b:1"))
    assert registry.count("DELETE") == 1, "the upload the registry offered instead"


async def test_all_tags(bench: Bench, registry: FakeRegistry) -> None:
    image = await bench.add(f"{registry.host}/app:1", f="x")
    bench.images.tag(image, parse_reference(f"{registry.host}/app:2"))
    await push(bench, f"{registry.host}/app")
    assert registry.manifests["app", "1"] == registry.manifests["app", "2"]


async def test_an_artifact_goes_out_as_it_came_in(bench: Bench, registry: FakeRegistry) -> None:
    chart = {"mediaType": "application/vnd.cncf.helm.chart.content.v1.tar+gzip", **registry.blob(b"chart")}
    config = {"mediaType": "application/vnd.cncf.helm.config.v1+json", **registry.blob(b"{}")}
    document = {"schemaVersion": 2, "config": config, "layers": [chart], "annotations": {"a": "b"}}
    registry.manifest("app", "1", document, MANIFEST)
    await bench.images.remote.pull(Pull(parse(f"{registry.host}/app", "1")), lambda line: None)
    registry.blobs.clear()
    registry.owners.clear()
    before = registry.manifests.pop(("app", "1"))
    await push(bench, f"{registry.host}/app:1")
    assert registry.manifests["app", "1"] == before and chart["digest"] in registry.blobs
    bench.images.remote.artifacts.remove(parse_reference(f"{registry.host}/app:1"))


async def test_a_busy_registry_is_asked_again(bench: Bench, registry: FakeRegistry) -> None:
    async def hook(request: web.Request) -> web.StreamResponse | None:
        if request.method == "POST" and registry.count("POST") < 3:
            return web.Response(status=503)
        return None

    registry.hook = hook
    await bench.add(f"{registry.host}/app:1", f="x")
    assert "Pushed" in statuses(await push(bench, f"{registry.host}/app:1"))


async def test_refusals(bench: Bench, registry: FakeRegistry) -> None:
    with pytest.raises(NotFound, match=r"^An image does not exist locally with the tag: nope$"):
        await push(bench, "nope:1")
    await bench.add(f"{registry.host}/app:1", f="x")

    async def hook(request: web.Request) -> web.StreamResponse | None:
        if request.method == "POST":
            return error(403, "DENIED", "requested access to the resource is denied")
        return None

    registry.hook = hook
    with pytest.raises(SampanError, match=r"^denied: requested access to the resource is denied$"):
        await push(bench, f"{registry.host}/app:1")
    assert registry.count("POST") == 1, "not asked again"


async def test_the_manifest_of_an_image_made_here_names_the_blobs_that_are_here(bench: Bench) -> None:
    image = await bench.add("app", f="x")
    media_type, data = bench.images.manifest_of(image)
    manifest = json.loads(data)
    assert media_type == MANIFEST and manifest["layers"][0]["mediaType"] == LAYER
    blobs = bench.images.store.blobs
    assert all(
        blobs.size(item["digest"]) == item["size"] for item in (manifest["config"], *manifest["layers"])
    )
    assert bench.images.manifest_of(image) == (media_type, data)
