"""Pulling against a registry that behaves, and against one that does not. What fails leaves nothing."""

import asyncio
import gzip
import json
import random
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import zstandard
from aiohttp import web

from sampan.engine.images.pull import Pull, nearest, parse
from sampan.engine.images.transfer import Limits
from sampan.errors import Denied, Failed, Invalid, NotFound, SampanError
from sampan.http.bearer import Credentials
from sampan.images.registry.hosts import Hosts
from sampan.specs.oci.image import DOCKER_MANIFEST, LAYER, LAYER_ZSTD
from sampan.specs.oci.platform import Platform
from tests.engine.images.conftest import Bench, reopen
from tests.support.fakeregistry import FakeRegistry, cut_after, digest_of, error, serving, tar_of
from tests.support.poll import until_async

pytestmark = pytest.mark.root
NOISE = random.Random(1).randbytes(3 << 20)


@pytest.fixture
async def registry(bench: Bench) -> AsyncIterator[FakeRegistry]:
    bench.images.remote.downloads.configure(Limits(3, 3, delay=0.01))
    async with serving(FakeRegistry()) as registry:
        yield registry


async def pull(bench: Bench, name: str, platform: Platform | None = None, **credentials: str) -> list[str]:
    """The statuses of the progress lines, those of layers with their ID."""
    lines: list[dict[str, Any]] = []
    image, _, tag = name.partition("#")
    what = Pull(parse(image, tag), platform, Credentials(**credentials))
    await bench.images.remote.pull(what, lines.append)
    bench.lines = lines
    return [line["status"] for line in lines if "progress" not in line]


async def refused(bench: Bench, name: str, kind: type[SampanError] = SampanError, **options: Any) -> str:
    """The message of a pull that fails and leaves no image, layer or blob."""
    with pytest.raises(kind) as caught:
        await pull(bench, name, **options)
    assert bench.images.all() == []
    assert bench.on_disk()[:2] == (0, 0)
    return str(caught.value)


def forget_partials(bench: Bench) -> None:
    for path in (bench.root / "data/content/ingest").iterdir():
        path.unlink()


async def test_a_pull_brings_manifest_config_and_layers_as_they_are(
    bench: Bench, registry: FakeRegistry
) -> None:
    digest = registry.image("lib/app", "1", tar_of(a=b"1"), tar_of(b=b"2"))
    layers = json.loads(registry.manifests["lib/app", "1"][1])["layers"]
    short = [layer["digest"][7:19] for layer in layers]
    name = f"{registry.host}/lib/app"
    statuses = await pull(bench, f"{name}#1")
    assert statuses[0] == "Pulling from lib/app"
    assert statuses[-2:] == [f"Digest: {digest}", f"Status: Downloaded newer image for {name}:1"]
    for id in short:
        of_layer = [line["status"] for line in bench.lines if line.get("id") == id]
        assert [status for status in dict.fromkeys(of_layer) if status != "Waiting"] == [
            "Pulling fs layer", "Downloading", "Verifying Checksum", "Download complete", "Extracting",
            "Pull complete",
        ]  # fmt: skip
    image = bench.images.get(f"{name}:1")
    assert (image.repo_tags, image.repo_digests) == ([f"{name}:1"], [f"{name}@{digest}"])
    blobs = bench.images.store.blobs
    assert blobs.read(digest) == registry.manifests["lib/app", "1"][1]
    assert [blobs.read(layer["digest"]) for layer in layers] == [registry.blobs[i["digest"]] for i in layers]
    assert bench.on_disk() == (2, 4, 0)
    assert ("pull", name) in bench.actions()


async def test_a_second_pull_asks_for_the_digest_only(bench: Bench, registry: FakeRegistry) -> None:
    registry.image("app", "1", tar_of(a=b"1"))
    await pull(bench, f"{registry.host}/app#1")
    registry.requests.clear()
    statuses = await pull(bench, f"{registry.host}/app#1")
    assert statuses[-1] == f"Status: Image is up to date for {registry.host}/app:1"
    assert registry.requests == [("HEAD", "/v2/app/manifests/1")]


async def test_a_moved_tag_leaves_the_old_image_without_it(bench: Bench, registry: FakeRegistry) -> None:
    first = registry.image("app", "1", tar_of(a=b"1"))
    await pull(bench, f"{registry.host}/app#1")
    registry.image("app", "1", tar_of(a=b"1"), tar_of(b=b"2"))
    statuses = await pull(bench, f"{registry.host}/app#1")
    assert "Already exists" in statuses and statuses[-1].startswith("Status: Downloaded newer image")
    old = bench.images.get(f"{registry.host}/app@{first}")
    assert old.repo_tags == []


FORMS: list[tuple[str, Callable[[bytes], bytes], str]] = [
    ("gzip", lambda data: gzip.compress(data, 6), "application/vnd.docker.image.rootfs.diff.tar.gzip"),
    ("zstd", zstandard.compress, LAYER_ZSTD),
    (
        "zstd without its size",
        lambda data: zstandard.ZstdCompressor().compressobj().compress(data) or b"",
        "",
    ),
    ("plain", lambda data: data, LAYER),
    ("two gzip members", lambda data: gzip.compress(data[:700]) + gzip.compress(data[700:]), ""),
]


def streamed(data: bytes) -> bytes:
    encoder = zstandard.ZstdCompressor().compressobj()
    return encoder.compress(data) + encoder.flush()


FORMS[2] = ("zstd without its size", streamed, LAYER_ZSTD)


@pytest.mark.parametrize(("form", "compress", "media_type"), FORMS)
async def test_layers_come_in_every_form(
    bench: Bench, registry: FakeRegistry, form: str, compress: Callable[[bytes], bytes], media_type: str
) -> None:
    registry.image("app", "1", tar_of(f=NOISE[:5000]), compress=compress, media_type=media_type)
    await pull(bench, f"{registry.host}/app#1")
    image = bench.images.get(f"{registry.host}/app:1")
    assert image.size == 5000
    assert b"".join([piece async for piece in bench.images.save([image.id])]).count(NOISE[:512]) == 1


async def test_an_index_gives_the_platform_asked_for(bench: Bench, registry: FakeRegistry) -> None:
    amd = registry.image("app", "amd", tar_of(a=b"amd"))
    arm = registry.image("app", "arm", tar_of(a=b"arm"), architecture="arm64")
    index = registry.index("app", "1", linux_amd64=amd, linux_arm64_v8=arm)
    statuses = await pull(bench, f"{registry.host}/app#1", Platform("linux", "arm64", "v8"))
    assert f"Digest: {index}" in statuses
    image = bench.images.get(f"{registry.host}/app:1")
    assert image.config["architecture"] == "arm64" and image.repo_digests == [f"{registry.host}/app@{index}"]
    await pull(bench, f"{registry.host}/app#1", Platform("linux", "amd64"))
    assert bench.images.get(f"{registry.host}/app:1").config["architecture"] == "amd64"
    with pytest.raises(Failed, match=r"^no matching manifest for linux/s390x in the manifest list entries$"):
        await pull(bench, f"{registry.host}/app#1", Platform("linux", "s390x"))
    with pytest.raises(NotFound, match=r"wanted linux/arm64, actual: linux/amd64$"):
        await pull(bench, f"{registry.host}/app#amd", Platform("linux", "arm64"))


async def test_all_tags(bench: Bench, registry: FakeRegistry) -> None:
    for tag in ("1", "2", "3", "a", "b"):
        registry.image("app", tag, tar_of(a=tag.encode()))
    await pull(bench, f"{registry.host}/app")
    assert len(bench.images.all()) == 5
    assert registry.count("GET", "tags/list") == 3, "page by page"


async def test_by_digest(bench: Bench, registry: FakeRegistry) -> None:
    digest = registry.image("app", "1", tar_of(a=b"1"))
    statuses = await pull(bench, f"{registry.host}/app#{digest}")
    assert statuses[-1] == f"Status: Downloaded newer image for {registry.host}/app@{digest}"
    assert bench.images.get(f"{registry.host}/app@{digest}").repo_tags == []


async def test_an_artifact_is_kept_as_it_is(bench: Bench, registry: FakeRegistry) -> None:
    chart = {"mediaType": "application/vnd.cncf.helm.chart.content.v1.tar+gzip", **registry.blob(b"chart")}
    config = {"mediaType": "application/vnd.cncf.helm.config.v1+json", **registry.blob(b"{}")}
    document = {"schemaVersion": 2, "config": config, "layers": [chart]}
    digest = registry.manifest("app", "1", document, "application/vnd.oci.image.manifest.v1+json")
    await pull(bench, f"{registry.host}/app#1")
    assert bench.images.all() == [] and bench.on_disk()[1] == 3
    bench = await reopen(bench)
    try:
        blobs = bench.images.store.blobs
        assert blobs.read(digest) == json.dumps(document).encode() and blobs.read(chart["digest"]) == b"chart"
        reference = parse(f"{registry.host}/app", "1")
        removed = bench.images.remove(reference.familiar)
        assert removed[0] == {"Untagged": reference.familiar} and len(removed) == 4
        assert bench.on_disk()[1] == 0
    finally:
        await bench.images.stop()
        bench.store.close()


# Cuts


async def test_a_cut_download_goes_on_where_it_was_cut(bench: Bench, registry: FakeRegistry) -> None:
    registry.image("app", "1", tar_of(f=NOISE), compress=lambda data: data, media_type=LAYER)
    starts: list[int] = []

    async def hook(request: web.Request) -> web.StreamResponse | None:
        digest = request.path.rpartition("/")[2]
        if request.method != "GET" or "/blobs/" not in request.path or len(registry.blobs[digest]) < 1 << 20:
            return None
        start = int(request.headers.get("Range", "bytes=0-").removeprefix("bytes=").rstrip("-"))
        starts.append(start)
        return await cut_after(request, registry.blobs[digest], 1_000_000, start) if len(starts) < 3 else None

    registry.hook = hook
    await pull(bench, f"{registry.host}/app#1")
    assert len(starts) == 3 and starts[0] == 0
    assert starts[1] >= 0.99 * 1_000_000 and starts[2] >= starts[1] + 0.99 * 1_000_000


async def test_a_restarted_daemon_fetches_only_the_rest(bench: Bench, registry: FakeRegistry) -> None:
    registry.image("app", "1", tar_of(f=NOISE), compress=lambda data: data, media_type=LAYER)
    layer = json.loads(registry.manifests["app", "1"][1])["layers"][0]["digest"]
    half = asyncio.Event()

    async def hook(request: web.Request) -> web.StreamResponse | None:
        if request.path.endswith(layer) and "Range" not in request.headers:
            response = web.StreamResponse(headers={"Content-Length": str(len(registry.blobs[layer]))})
            await response.prepare(request)
            await response.write(registry.blobs[layer][: 2 << 20])
            half.set()
            await asyncio.sleep(60)
        return None

    registry.hook = hook
    task = asyncio.create_task(pull(bench, f"{registry.host}/app#1"))
    await half.wait()
    partial = bench.root / f"data/content/ingest/{layer.removeprefix('sha256:')}.partial"
    await until_async(lambda: partial.exists() and partial.stat().st_size >= (2 << 20) * 0.97, "half is here")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    bench = await reopen(bench)
    try:
        registry.requests.clear()
        await pull(bench, f"{registry.host}/app#1")
        assert (
            registry.sent[layer] <= len(registry.blobs[layer]) - (2 << 20) + len(registry.blobs[layer]) // 100
        )
        assert bench.on_disk() == (1, 3, 0)
    finally:
        await bench.images.stop()
        bench.store.close()


async def test_a_wrong_partial_file_is_thrown_away(bench: Bench, registry: FakeRegistry) -> None:
    registry.image("app", "1", tar_of(f=NOISE[:100_000]))
    layer = json.loads(registry.manifests["app", "1"][1])["layers"][0]["digest"]
    partial = bench.root / f"data/content/ingest/{layer.removeprefix('sha256:')}.partial"
    partial.write_bytes(b"not what it says")
    await pull(bench, f"{registry.host}/app#1")
    assert bench.on_disk() == (1, 3, 0)


async def test_a_server_without_ranges_is_read_from_the_start(bench: Bench, registry: FakeRegistry) -> None:
    registry.image("app", "1", tar_of(f=NOISE), compress=lambda data: data, media_type=LAYER)
    calls = 0

    async def hook(request: web.Request) -> web.StreamResponse | None:
        nonlocal calls
        data = registry.blobs.get(request.path.rpartition("/")[2], b"")
        if request.method != "GET" or len(data) < 1 << 20:
            return None
        calls += 1
        return await cut_after(request, data, 1_500_000) if calls == 1 else web.Response(body=data)

    registry.hook = hook
    await pull(bench, f"{registry.host}/app#1")
    assert calls == 2


async def test_attempts_end(bench: Bench, registry: FakeRegistry) -> None:
    registry.image("app", "1", tar_of(f=b"x"))

    async def hook(request: web.Request) -> web.StreamResponse | None:
        if "/blobs/" in request.path and registry.count("GET", "/blobs/") > 1:
            return web.Response(status=503)
        return None

    registry.hook = hook
    message = await refused(bench, f"{registry.host}/app#1")
    assert message == "received unexpected HTTP status: 503 Service Unavailable"
    assert registry.count("GET", "/blobs/") == 1 + 3


# Sharing


async def test_two_pulls_share_the_work(bench: Bench, registry: FakeRegistry) -> None:
    registry.image("app", "1", tar_of(f=NOISE))
    registry.image("other", "1", tar_of(f=NOISE), tar_of(g=b"2"))
    await asyncio.gather(*(pull(bench, f"{registry.host}/{name}#1") for name in ("app", "app", "other")))
    layer = json.loads(registry.manifests["app", "1"][1])["layers"][0]["digest"]
    assert registry.sent[layer] == len(registry.blobs[layer])
    assert len(bench.images.all()) == 2


async def test_a_cancelled_pull_does_not_stop_the_other(bench: Bench, registry: FakeRegistry) -> None:
    registry.image("app", "1", tar_of(f=NOISE))
    go, waiting = asyncio.Event(), asyncio.Event()

    async def hook(request: web.Request) -> web.StreamResponse | None:
        if request.method == "GET" and "/blobs/" in request.path and registry.count("GET", "/blobs/") > 2:
            waiting.set()
            await go.wait()
        return None

    registry.hook = hook
    first = asyncio.create_task(pull(bench, f"{registry.host}/app#1"))
    second = asyncio.create_task(pull(bench, f"{registry.host}/app#1"))
    await waiting.wait()
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    go.set()
    assert (await second)[-1].startswith("Status: Downloaded newer image")


async def test_a_cancelled_pull_leaves_only_what_can_be_gone_on_from(
    bench: Bench, registry: FakeRegistry
) -> None:
    registry.image("app", "1", tar_of(f=NOISE))
    started = asyncio.Event()

    async def hook(request: web.Request) -> web.StreamResponse | None:
        if request.method == "GET" and "/blobs/" in request.path and registry.count("GET", "/blobs/") == 2:
            started.set()
            await asyncio.sleep(60)
        return None

    registry.hook = hook
    task = asyncio.create_task(pull(bench, f"{registry.host}/app#1"))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert bench.on_disk() == (0, 0, 0)


def promising(registry: FakeRegistry, size: int) -> str:
    """An image whose one layer never ends; its digest."""
    registry.image("app", "1", tar_of(f=NOISE))
    media_type, data = registry.manifests["app", "1"]
    document = json.loads(data)
    layer = document["layers"][0]
    layer["size"] = size
    registry.manifest("app", "1", document, media_type)

    async def hook(request: web.Request) -> web.StreamResponse | None:
        if request.method != "GET" or not request.path.endswith(layer["digest"]):
            return None
        response = web.StreamResponse()
        await response.prepare(request)
        with suppress(ConnectionError):
            while True:
                await response.write(NOISE)
        return response

    registry.hook = hook
    return str(layer["digest"])


async def test_what_cannot_fit_is_not_begun(bench: Bench, registry: FakeRegistry) -> None:
    layer = promising(registry, 10**15)
    assert "no space left on device" in await refused(bench, f"{registry.host}/app#1", Failed)
    assert registry.count("GET", layer) == 0
    assert bench.on_disk() == (0, 0, 0)


async def test_a_download_ends_before_the_disk_does(
    bench: Bench, registry: FakeRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    layer = promising(registry, 64 << 20)
    sizes = []
    partial = bench.root / f"data/content/ingest/{layer.removeprefix('sha256:')}.partial"
    whole = 100 << 20

    def spare(directory: Path) -> int:
        """Others write at the same time: twice as much is gone."""
        sizes.append(partial.stat().st_size if partial.exists() else 0)
        return max(0, whole - 2 * sizes[-1])

    monkeypatch.setattr("sampan.images.space.spare", spare)
    assert "no space left on device" in await refused(bench, f"{registry.host}/app#1", Failed)
    assert 0 < max(sizes) <= whole * 2 // 3
    assert bench.on_disk() == (0, 0, 0)  # what took the disk is given back


async def test_what_came_of_a_cancelled_pull_is_let_go_when_it_is_too_much(
    bench: Bench, registry: FakeRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sampan.images.blobs.KEEP_PARTIALS", 4 << 20)
    layer = promising(registry, 1 << 30)
    partial = bench.root / f"data/content/ingest/{layer.removeprefix('sha256:')}.partial"
    task = asyncio.create_task(pull(bench, f"{registry.host}/app#1"))
    await until_async(lambda: partial.exists() and partial.stat().st_size > 4 << 20, "too much is here")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert bench.on_disk() == (0, 0, 0)


async def test_many_pulls_come_and_go(bench: Bench, registry: FakeRegistry) -> None:
    """Whatever is cancelled when, those that stay get their images, and nothing half done is left."""
    chance = random.Random(7)
    tars = [tar_of(**{f"f{number}": NOISE[: 200_000 + number]}) for number in range(6)]
    for number in range(6):
        registry.image(f"app{number}", "1", *chance.sample(tars, 3))

    async def hook(request: web.Request) -> web.StreamResponse | None:
        await asyncio.sleep(chance.random() / 50)
        data = registry.blobs.get(request.path.rpartition("/")[2], b"")
        if request.method == "GET" and len(data) > 10_000 and chance.random() < 0.3:
            start = int(request.headers.get("Range", "bytes=0-").removeprefix("bytes=").rstrip("-"))
            return await cut_after(request, data, max(1, (len(data) - start) // 2), start)
        return None

    registry.hook = hook
    bench.images.remote.downloads.configure(Limits(3, 20, delay=0.001))
    tasks = [asyncio.create_task(pull(bench, f"{registry.host}/app{number % 6}#1")) for number in range(24)]
    kept = set(chance.sample(tasks, 10))
    for task in tasks:
        if task not in kept:
            await asyncio.sleep(chance.random() / 50)
            task.cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    wrong = [
        r for task, r in zip(tasks, results, strict=True) if isinstance(r, BaseException) and task in kept
    ]
    assert wrong == []
    assert bench.images.remote.downloads._jobs == {}
    for image in bench.images.all():
        assert b"".join([piece async for piece in bench.images.save([image.id])])
    for image in bench.images.all():
        bench.images.remove(image.id, force=True)
    forget_partials(bench)
    assert bench.on_disk() == (0, 0, 0)


# Lies


@pytest.mark.parametrize(
    ("lie", "message"),
    [
        ("another blob", "unexpected digest of a layer: expected {layer}, got {found}"),
        ("longer", "size validation failed: {layer} is {more} bytes long, its descriptor says {size}"),
        ("longer, unsaid", "size validation failed: {layer} is longer than {size} bytes"),
        ("shorter", "size validation failed: {layer} is {less} bytes long, its descriptor says {size}"),
        ("garbage", "unexpected digest of a layer: expected {layer}, got {found}"),
    ],
)
async def test_a_blob_that_is_not_what_was_promised(
    bench: Bench, registry: FakeRegistry, lie: str, message: str
) -> None:
    registry.image("app", "1", tar_of(f=NOISE[:50_000]))
    layer = json.loads(registry.manifests["app", "1"][1])["layers"][0]["digest"]
    data = registry.blobs[layer]
    wrong = {
        "another blob": gzip.compress(tar_of(f=NOISE[1:50_001]), 0)[: len(data)].ljust(len(data), b"\0"),
        "longer": data + b"x",
        "longer, unsaid": data + b"x",
        "shorter": data[:-1],
        "garbage": bytes(len(data)),
    }[lie]

    async def hook(request: web.Request) -> web.StreamResponse | None:
        if not request.path.endswith(layer):
            return None
        if lie != "longer, unsaid":
            return web.Response(body=wrong)
        response = web.StreamResponse()
        response.enable_chunked_encoding()
        await response.prepare(request)
        await response.write(wrong)
        return response

    registry.hook = hook
    shown = await refused(bench, f"{registry.host}/app#1")
    assert shown == message.format(
        layer=layer, found=digest_of(wrong), size=len(data), more=len(data) + 1, less=len(data) - 1
    )
    forget_partials(bench)


async def test_a_config_that_is_not_what_was_promised(bench: Bench, registry: FakeRegistry) -> None:
    registry.image("app", "1", tar_of(f=b"x"))
    config = json.loads(registry.manifests["app", "1"][1])["config"]["digest"]
    wrong = bytes(len(registry.blobs[config]))
    registry.blobs[config] = wrong
    assert await refused(bench, f"{registry.host}/app#1") == (
        f"unexpected digest: expected {config}, got {digest_of(wrong)}"
    )


async def test_layers_that_are_not_the_configs(bench: Bench, registry: FakeRegistry) -> None:
    registry.image("app", "1", tar_of(f=b"x"))
    registry.image("app", "2", tar_of(f=b"y"))
    one, two = (json.loads(registry.manifests["app", tag][1]) for tag in ("1", "2"))
    registry.manifest("app", "3", one | {"layers": two["layers"]}, one["mediaType"])
    registry.manifest("app", "4", one | {"layers": []}, one["mediaType"])
    assert "invalid diffID for layer: expected" in await refused(bench, f"{registry.host}/app#3")
    forget_partials(bench)
    assert await refused(bench, f"{registry.host}/app#4") == (
        "layers from manifest don't match image configuration"
    )


ONES = "sha256:" + "1" * 64


def _manifest(**changes: Any) -> dict[str, Any]:
    layer = {"mediaType": LAYER, "digest": "sha256:" + "0" * 64, "size": 3}
    config = {
        "mediaType": "application/vnd.oci.image.config.v1+json",
        "digest": "sha256:" + "1" * 64,
        "size": 2,
    }
    return {"schemaVersion": 2, "config": config, "layers": [layer]} | changes


def _layer(digest: str, size: int) -> dict[str, Any]:
    return _manifest(layers=[{"digest": digest, "size": size}])


ZEROS = "sha256:" + "0" * 64
OCI = "application/vnd.oci.image.manifest.v1+json"
AMD = Platform("linux", "amd64")
HOSTILE: list[tuple[str, Any, str, str]] = [
    ("a web page", b"<html>", "text/html", "unsupported manifest media type 'text/html'"),
    ("no JSON", b"{", OCI, "error unmarshalling content: "),
    ("not an object", b"[]", OCI, "error unmarshalling content: not an object"),
    ("schema 1", {"schemaVersion": 1}, OCI, "unsupported manifest schema version 1"),
    ("a path as digest", _layer("sha256:../../../etc/passwd", 1), OCI, "bad digest"),
    ("a long path as digest", _layer("sha256:" + "../" * 21 + "x", 1), OCI, "bad digest"),
    ("another algorithm", _layer("sha512:" + "0" * 128, 1), OCI, "bad digest"),
    ("a negative size", _layer(ZEROS, -1), OCI, "bad size"),
    ("a size of a petabyte", _layer(ZEROS, 1 << 50), OCI, "bad size"),
    ("a size that is true", _layer(ZEROS, True), OCI, "bad size"),
    ("a huge config", _manifest(config=_manifest()["config"] | {"size": 1 << 30}), OCI, "are allowed"),
    ("layers without end", _manifest(layers=_manifest()["layers"] * 1001), OCI, "bad layers"),
    ("image and index at once", _manifest(manifests=[]), OCI, "the manifest is ambiguous"),
    ("another type inside", _manifest(mediaType=DOCKER_MANIFEST), OCI, "the manifest calls itself"),
    ("four megabytes", b" " * ((4 << 20) + 1), OCI, "larger than 4194304 bytes"),
    ("nothing", b"", OCI, "error unmarshalling content"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("what", "document", "media_type", "message"), HOSTILE, ids=[row[0] for row in HOSTILE]
)
async def test_hostile_manifests(
    bench: Bench, registry: FakeRegistry, what: str, document: Any, media_type: str, message: str
) -> None:
    registry.manifest("app", "1", document, media_type)
    assert message in await refused(bench, f"{registry.host}/app#1")


async def test_a_manifest_that_is_not_the_digest_asked_for(bench: Bench, registry: FakeRegistry) -> None:
    digest = registry.image("app", "1", tar_of(a=b"1"))
    other = registry.image("app", "2", tar_of(a=b"2"))
    registry.manifests["app", digest] = registry.manifests["app", other]
    message = await refused(bench, f"{registry.host}/app#{digest}")
    assert message == f"manifest verification failed: expected {digest}, got {other}"


async def test_an_index_that_lies_about_a_size(bench: Bench, registry: FakeRegistry) -> None:
    digest = registry.image("app", "amd", tar_of(a=b"1"))
    registry.index("app", "1", linux_amd64=digest)
    index = json.loads(registry.manifests["app", "1"][1])
    index["manifests"][0]["size"] += 1
    registry.manifest("app", "1", index, index["mediaType"])
    assert "its descriptor says" in await refused(
        bench, f"{registry.host}/app#1", platform=Platform("linux", "amd64")
    )


async def test_an_index_in_itself(bench: Bench, registry: FakeRegistry) -> None:
    inner = registry.manifest(
        "app", "0", {"schemaVersion": 2, "manifests": []}, "application/vnd.oci.image.index.v1+json"
    )
    for _ in range(4):
        inner = registry.index("app", "1", linux_amd64=inner)
    assert "leads to other indexes" in await refused(
        bench, f"{registry.host}/app#1", platform=Platform("linux", "amd64")
    )


async def test_a_bomb_is_bounded(
    bench: Bench, registry: FakeRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sampan.engine.images.downloads.UNFOLD_LEAST", 1 << 20)
    bomb = tar_of(f=bytes(64 << 20))
    registry.image("app", "1", bomb, compress=zstandard.compress, media_type=LAYER_ZSTD)
    assert "the layer unfolds to more than" in await refused(bench, f"{registry.host}/app#1")
    forget_partials(bench)


@pytest.mark.parametrize("where", ["/manifests/", "/blobs/"])
async def test_a_server_that_drips(
    bench: Bench, registry: FakeRegistry, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    monkeypatch.setattr("sampan.http.transport.WHOLE", 0.3)
    monkeypatch.setattr("sampan.engine.images.transfer.STALL", 0.3)
    registry.image("app", "1", tar_of(f=NOISE[:5000]))

    async def hook(request: web.Request) -> web.StreamResponse | None:
        if where not in request.path or (where == "/blobs/" and registry.count("GET", where) < 2):
            return None
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(1000):
            await response.write(b"x")
            await asyncio.sleep(0.01)
        return response

    registry.hook = hook
    message = await refused(bench, f"{registry.host}/app#1")
    assert "in time" in message or "too slowly" in message
    forget_partials(bench)


async def test_headers_that_never_end(
    bench: Bench, registry: FakeRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sampan.http.transport.WHOLE", 0.3)

    open_connections: list[asyncio.StreamWriter] = []

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        open_connections.append(writer)
        writer.write(b"HTTP/1.1 200 OK\r\n")
        with suppress(ConnectionError):
            while not reader.at_eof():
                writer.write(b"X-A: b\r\n")
                await writer.drain()
                await asyncio.sleep(0.01)
        writer.close()
        open_connections.remove(writer)

    server = await asyncio.start_server(drip, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        assert "does not answer in time" in await refused(bench, f"127.0.0.1:{port}/app#1")
        await until_async(lambda: not open_connections, "the client has hung up")


async def redirect(location: str, request: web.Request) -> web.StreamResponse | None:
    return web.Response(status=307, headers={"Location": location}) if "/manifests/" in request.path else None


async def test_redirects_in_a_circle(bench: Bench, registry: FakeRegistry) -> None:
    registry.hook = lambda request: redirect(str(request.url), request)
    assert "stopped after 10 redirects" in await refused(bench, f"{registry.host}/app#1")


async def test_huge_headers(bench: Bench, registry: FakeRegistry) -> None:
    async def hook(request: web.Request) -> web.StreamResponse | None:
        return web.Response(headers={"X-Long": "x" * 100_000})

    registry.hook = hook
    assert "malformed HTTP response" in await refused(bench, f"{registry.host}/app#1")


async def test_a_redirect_takes_no_credentials_to_another_host(bench: Bench, registry: FakeRegistry) -> None:
    registry.image("app", "1", tar_of(a=b"1"))
    async with serving(FakeRegistry()) as other:
        other.blobs, other.owners = registry.blobs, registry.owners

        async def hook(request: web.Request) -> web.StreamResponse | None:
            if "Authorization" not in request.headers:
                return error(401, "UNAUTHORIZED", "authentication required", **{"WWW-Authenticate": "Basic"})
            if "/blobs/" in request.path:
                return web.Response(status=307, headers={"Location": f"http://{other.host}{request.path}"})
            return None

        registry.hook = hook
        await pull(bench, f"{registry.host}/app#1", username="me", password="secret")
        assert other.count("GET", "/blobs/") == 2
        assert not [headers for headers in other.headers if "Authorization" in headers]


# What Docker says


async def test_refusals_in_dockers_words(bench: Bench, registry: FakeRegistry) -> None:
    answers = {
        "denied": error(403, "DENIED", "requested access to the resource is denied"),
        "unknown": error(404, "NAME_UNKNOWN", "repository name not known to registry"),
        "many": error(429, "TOOMANYREQUESTS", "You have reached your pull rate limit."),
        "down": web.Response(status=500),
        "plain": web.Response(status=418, text="I am a teapot"),
    }

    async def hook(request: web.Request) -> web.StreamResponse | None:
        return next((answer for name, answer in answers.items() if f"/{name}/" in request.path), None)

    registry.hook = hook
    name = registry.host
    assert await refused(bench, f"{name}/denied#1", NotFound) == (
        f"pull access denied for {name}/denied, repository does not exist or may require 'docker login': "
        "denied: requested access to the resource is denied"
    )
    assert await refused(bench, f"{name}/unknown#1", NotFound) == (
        f"repository {name}/unknown not found: name unknown: repository name not known to registry"
    )
    assert await refused(bench, f"{name}/many#1") == (
        "toomanyrequests: You have reached your pull rate limit."
    )
    assert await refused(bench, f"{name}/down#1") == (
        "received unexpected HTTP status: 500 Internal Server Error"
    )
    assert await refused(bench, f"{name}/plain#1") == "unknown: I am a teapot"
    registry.hook = None
    for tag in ("1.36", "1.37", "latest"):
        registry.image("app", tag, tar_of(a=tag.encode()))
    assert await refused(bench, f"{name}/app#1.35", NotFound) == (
        f"manifest for {name}/app:1.35 not found: manifest unknown: manifest unknown "
        "(nearest tags: 1.37, 1.36)"
    )


async def test_a_registry_that_is_not_there(bench: Bench) -> None:
    message = await refused(bench, "127.0.0.1:9/debian#x")
    assert message.startswith(
        'Get "http://127.0.0.1:9/v2/": dial tcp 127.0.0.1:9: connect: connection refused ('
    )
    assert "sampan image bootstrap" in message


async def test_credentials_that_are_missing_or_wrong(bench: Bench, registry: FakeRegistry) -> None:
    async def hook(request: web.Request) -> web.StreamResponse | None:
        return error(
            401, "UNAUTHORIZED", "authentication required", **{"WWW-Authenticate": 'Basic realm="x"'}
        )

    registry.hook = hook
    assert await refused(bench, f"{registry.host}/app#1", Failed) == (
        f'Head "http://{registry.host}/v2/app/manifests/1": no basic auth credentials'
    )
    message = await refused(bench, f"{registry.host}/app#1", NotFound, username="a", password="b")
    assert "unauthorized: authentication required" in message


# Mirrors


async def test_a_mirror_is_asked_first_and_the_origin_last(
    bench: Bench, registry: FakeRegistry, tmp_path: Path
) -> None:
    async with serving(FakeRegistry()) as mirror, serving(FakeRegistry()) as empty:
        digest = mirror.image("app", "1", tar_of(a=b"1"))
        registry.image("app", "2", tar_of(a=b"2"))
        directory = tmp_path / "certs.d" / "_default"
        directory.mkdir(parents=True)
        (directory / "hosts.toml").write_text(
            f'[host."http://127.0.0.1:9"]\n[host."http://{empty.host}"]\n'
            f'[host."http://{mirror.host}"]\ncapabilities = ["pull"]\n'
        )
        bench.images.remote.registries.hosts = Hosts(directories=(tmp_path / "certs.d",))
        await pull(bench, f"{registry.host}/app#1", username="me", password="secret")
        assert bench.images.get(f"{registry.host}/app:1").repo_digests == [f"{registry.host}/app@{digest}"]
        assert registry.requests == []
        assert all(f"ns={registry.host.replace(':', '%3A')}" in path for _, path in mirror.requests)
        assert not [headers for headers in (*mirror.headers, *empty.headers) if "Authorization" in headers]
        await pull(bench, f"{registry.host}/app#2")
        assert registry.count("GET", "/manifests/2") == 1


async def test_a_blob_the_mirror_spoils_comes_from_the_origin(
    bench: Bench, registry: FakeRegistry, tmp_path: Path
) -> None:
    async with serving(FakeRegistry()) as mirror:
        registry.image("app", "1", tar_of(a=b"1"))
        mirror.manifests = dict(registry.manifests)
        (tmp_path / "hosts.toml").write_text(f'[registry."127.*".host."http://{mirror.host}"]\n')
        bench.images.remote.registries.hosts = Hosts(directories=(tmp_path,))
        await pull(bench, f"{registry.host}/app#1")
        assert mirror.count("GET", "/manifests/") == 1 and registry.count("GET", "/blobs/") == 2


async def test_hub_mirrors_of_daemon_json(bench: Bench, registry: FakeRegistry) -> None:
    registry.image("library/app", "latest", tar_of(a=b"1"))
    hosts = bench.images.remote.registries.hosts
    bench.images.remote.registries.hosts = replace(hosts, mirrors=(f"http://{registry.host}",))
    statuses = await pull(bench, "app#latest")
    assert statuses[0] == "Pulling from library/app"
    assert bench.images.get("app").repo_tags == ["app:latest"]


def test_what_may_be_pulled() -> None:
    assert str(parse("a", "")) == "docker.io/library/a"
    assert parse("a", "sha256:" + "0" * 64).digest
    with pytest.raises(Denied, match=r"^'scratch' is a reserved name$"):
        parse("scratch", "latest")
    with pytest.raises(Invalid):
        parse("A", "")


def test_the_nearest_tags() -> None:
    assert nearest("bookwrom", ["bookworm", "bullseye", "trixie"])[0] == "bookworm"
    assert nearest("zzz", ["1.0", "1.1"]) == ["1.1", "1.0"]
