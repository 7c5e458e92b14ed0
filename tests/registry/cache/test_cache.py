"""The pull-through cache, in front of another registry of ours and of upstreams that misbehave."""

import asyncio
import base64
import fcntl
import os
import ssl
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
import trustme
from aiohttp import web

from sampan.errors import Invalid
from sampan.registry.cache.config import UpstreamConfig
from sampan.registry.cache.fetch import sweep
from sampan.registry.documents import OCI_MANIFEST
from tests.registry.process import registry_process
from tests.registry.support import CONFIG, Client, Clock, image, serving, sha256

LAYER = bytes(range(256)) * 4096 * 4  # 4 MiB
NAME = "docker.io/library/alpine"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Origin:
    """A registry whose every answer a test may change."""

    def __init__(self) -> None:
        self.requests: Counter[str] = Counter()
        self.blobs = {sha256(LAYER): LAYER, sha256(CONFIG): CONFIG}
        self.manifest = image(LAYER)
        self.before: Handler | None = None
        self.gate = asyncio.Event()
        self.gate.set()
        self.port = 0

    async def asked(self) -> None:
        async with asyncio.timeout(20):
            while not self.requests["GET blob"]:  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def handle(self, request: web.Request) -> web.StreamResponse:
        kind = (
            "blob" if "/blobs/" in request.path else "manifest" if "/manifests/" in request.path else "other"
        )
        self.requests[f"{request.method} {kind}"] += 1
        if self.before is not None:
            try:
                return await self.before(request)
            except NotImplementedError:
                pass
        last = request.path.rpartition("/")[2]
        if kind == "manifest":
            if last not in ("latest", sha256(self.manifest)):
                return web.Response(status=404)
            headers = {"Docker-Content-Digest": sha256(self.manifest), "Content-Type": OCI_MANIFEST}
            return web.Response(body=self.manifest, headers=headers)
        if kind == "blob" and last in self.blobs:
            data = self.blobs[last]
            response = web.StreamResponse(headers={"Content-Length": str(len(data))})
            if request.http_range.start:
                data = data[request.http_range.start :]
                start, total = request.http_range.start, len(self.blobs[last])
                response.set_status(206)
                response.headers["Content-Range"] = f"bytes {start}-{total - 1}/{total}"
                response.headers["Content-Length"] = str(len(data))
            await response.prepare(request)
            if request.method == "GET":
                await response.write(data[: len(data) // 2])
                await self.gate.wait()
                await response.write(data[len(data) // 2 :])
            return response
        return web.Response(status=404)


@asynccontextmanager
async def running(origin: Origin, port: int = 0, tls: ssl.SSLContext | None = None) -> AsyncIterator[None]:
    runner = web.ServerRunner(web.Server(origin.handle), shutdown_timeout=0.1)  # type: ignore[arg-type]
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port, ssl_context=tls)
    await site.start()
    origin.port = runner.addresses[0][1]
    try:
        yield
    finally:
        await runner.cleanup()


@pytest.fixture
async def origin() -> AsyncIterator[Origin]:
    origin = Origin()
    async with running(origin):
        yield origin


def upstream(url: str, **more: object) -> tuple[UpstreamConfig, ...]:
    return (UpstreamConfig("docker.io/**", url, **more),)  # type: ignore[arg-type]


@pytest.fixture
async def cache(tmp_path: Path, origin: Origin) -> AsyncIterator[Client]:
    async with serving(tmp_path / "root", Clock(), upstream=upstream(origin.url)) as client:
        yield client


def set_clock(client: Client, seconds: float) -> None:
    clock = client.registry.clock
    assert isinstance(clock, Clock)
    clock.now += seconds


async def test_an_image_comes_from_upstream_once(cache: Client, origin: Origin) -> None:
    for _ in range(2):
        answer = await cache("GET", f"/v2/{NAME}/manifests/latest")
        assert (answer.status, answer.body) == (200, origin.manifest)
        assert answer.headers["Docker-Content-Digest"] == sha256(origin.manifest)
        for digest, data in origin.blobs.items():
            assert (await cache("GET", f"/v2/{NAME}/blobs/{digest}")).body == data
    assert origin.requests == {"GET manifest": 1, "GET blob": 2}


async def test_containerds_form_names_the_same_repository(cache: Client, origin: Origin) -> None:
    await cache("GET", f"/v2/{NAME}/manifests/latest")
    answer = await cache("GET", "/v2/library/alpine/manifests/latest?ns=docker.io")
    assert (answer.status, answer.body) == (200, origin.manifest)
    assert origin.requests["GET manifest"] == 1
    assert (await cache("GET", "/v2/library/alpine/manifests/latest?ns=quay.io")).status == 404


async def test_a_hundred_cold_pulls_make_one_request(cache: Client, origin: Origin) -> None:
    origin.gate.clear()
    path = f"/v2/{NAME}/blobs/{sha256(LAYER)}"
    pulls = [asyncio.create_task(cache("GET", path)) for _ in range(100)]
    await origin.asked()
    origin.gate.set()
    answers = await asyncio.gather(*pulls)
    assert all(answer.status == 200 and answer.body == LAYER for answer in answers)
    assert origin.requests == {"GET blob": 1}


async def test_bytes_go_out_while_they_come_in(cache: Client, origin: Origin) -> None:
    origin.gate.clear()
    async with aiohttp.ClientSession() as session:
        url = f"http://127.0.0.1:{cache.port}/v2/{NAME}/blobs/{sha256(LAYER)}"
        async with session.get(url) as response:
            assert response.headers["Content-Length"] == str(len(LAYER))
            half = await response.content.readexactly(len(LAYER) // 2)
            origin.gate.set()
            assert half + await response.content.read() == LAYER


async def test_a_part_of_a_cold_blob(cache: Client, origin: Origin) -> None:
    answer = await cache("GET", f"/v2/{NAME}/blobs/{sha256(LAYER)}", Range="bytes=1000000-1000009")
    assert (answer.status, answer.body) == (206, LAYER[1000000:1000010])


@pytest.mark.parametrize("wrong", [LAYER[:-1] + b"!", b"!" + LAYER[1:]], ids=["at the end", "at the start"])
async def test_a_wrong_blob_is_never_whole_and_not_kept(cache: Client, origin: Origin, wrong: bytes) -> None:
    digest = sha256(LAYER)
    origin.blobs[digest] = wrong
    path = f"/v2/{NAME}/blobs/{digest}"
    with pytest.raises(aiohttp.ClientPayloadError):
        await cache("GET", path)
    assert not cache.registry.layout.blob(digest).exists()
    assert list((cache.registry.layout.fetches).iterdir()) == []
    origin.blobs[digest] = LAYER
    assert (await cache("GET", path)).body == LAYER


async def test_a_broken_download_goes_on_where_it_stopped(cache: Client, origin: Origin) -> None:
    starts: list[int] = []

    async def cut(request: web.Request) -> web.StreamResponse:
        starts.append(request.http_range.start or 0)
        if len(starts) > 1:
            raise NotImplementedError
        response = web.StreamResponse(headers={"Content-Length": str(len(LAYER))})
        await response.prepare(request)
        await response.write(LAYER[:1_000_000])
        await asyncio.sleep(0.1)
        assert request.transport is not None
        request.transport.abort()
        return response

    origin.before = cut
    assert (await cache("GET", f"/v2/{NAME}/blobs/{sha256(LAYER)}")).body == LAYER
    assert len(starts) == 2 and 500_000 < starts[1] <= 1_000_000


async def test_tags_are_compared_again_after_their_time(cache: Client, origin: Origin) -> None:
    path = f"/v2/{NAME}/manifests/latest"
    await cache("GET", path)
    set_clock(cache, 601)
    assert (await cache("GET", path)).body == origin.manifest
    assert origin.requests == {"GET manifest": 1, "HEAD manifest": 1}
    origin.manifest = image(LAYER, annotations={"new": "yes"})
    assert (await cache("GET", path)).body != origin.manifest
    set_clock(cache, 601)
    assert (await cache("GET", path)).body == origin.manifest


async def test_what_is_here_is_served_while_the_upstream_is_down(tmp_path: Path) -> None:
    origin = Origin()
    async with running(origin):
        config = upstream(origin.url)
        async with serving(tmp_path / "root", Clock(), upstream=config) as client:
            await client("GET", f"/v2/{NAME}/manifests/latest")
            await client("GET", f"/v2/{NAME}/blobs/{sha256(CONFIG)}")
    async with serving(tmp_path / "root", Clock(), upstream=config) as client:
        set_clock(client, 3600)
        assert (await client("GET", f"/v2/{NAME}/manifests/latest")).body == origin.manifest
        assert (await client("GET", f"/v2/{NAME}/blobs/{sha256(CONFIG)}")).body == CONFIG
        assert (await client("GET", f"/v2/{NAME}/tags/list")).json["tags"] == ["latest"]
        missing = await client("GET", f"/v2/{NAME}/blobs/{sha256(LAYER)}")
        assert (missing.status, missing.code) == (503, "UNAVAILABLE")
        assert (await client("GET", f"/v2/{NAME}/manifests/other")).status == 503


async def test_what_upstream_does_not_have_is_unknown(cache: Client) -> None:
    nowhere = "sha256:" + "0" * 64
    manifest = await cache("GET", f"/v2/{NAME}/manifests/nope")
    assert (manifest.status, manifest.code) == (404, "MANIFEST_UNKNOWN")
    blob = await cache("GET", f"/v2/{NAME}/blobs/{nowhere}")
    assert (blob.status, blob.code) == (404, "BLOB_UNKNOWN")
    assert (await cache("HEAD", f"/v2/{NAME}/blobs/{nowhere}")).status == 404


async def test_head_of_a_cold_blob_tells_its_size_and_fetches_nothing(cache: Client, origin: Origin) -> None:
    answer = await cache("HEAD", f"/v2/{NAME}/blobs/{sha256(LAYER)}")
    assert (answer.status, answer.headers["Content-Length"]) == (200, str(len(LAYER)))
    assert origin.requests == {"HEAD blob": 1}


async def test_own_repositories_beside_the_cached_ones(cache: Client, origin: Origin) -> None:
    await cache.push_image("own/thing", "1", b"layer")
    assert (await cache("GET", "/v2/own/thing/manifests/1")).status == 200
    refused = await cache("POST", f"/v2/{NAME}/blobs/uploads/")
    assert (refused.status, refused.code) == (405, "UNSUPPORTED")
    assert not origin.requests


async def test_a_blob_another_repository_brought_is_not_fetched_again(cache: Client, origin: Origin) -> None:
    await cache("GET", f"/v2/{NAME}/blobs/{sha256(LAYER)}")
    answer = await cache("GET", f"/v2/docker.io/other/image/blobs/{sha256(LAYER)}")
    assert answer.body == LAYER
    assert origin.requests == {"GET blob": 1, "HEAD blob": 1}


async def test_the_upstream_gets_our_credentials_by_token(tmp_path: Path, origin: Origin) -> None:
    asked: list[tuple[str, str]] = []

    async def guarded(request: web.Request) -> web.StreamResponse:
        given = request.headers.get("Authorization", "")
        if request.path == "/token":
            asked.append((given, request.query["scope"]))
            return web.json_response({"token": "t0", "expires_in": 300})
        if given == "Bearer t0":
            raise NotImplementedError
        challenge = f'Bearer realm="{origin.url}/token",service="s"'
        return web.Response(status=401, headers={"WWW-Authenticate": challenge})

    origin.before = guarded
    config = upstream(origin.url, username="me", password="word")
    async with serving(tmp_path / "root", upstream=config) as client:
        answers = await asyncio.gather(
            *(client("GET", f"/v2/{NAME}/blobs/{digest}") for digest in origin.blobs)
        )
        assert [answer.status for answer in answers] == [200, 200]
    basic = "Basic " + base64.b64encode(b"me:word").decode()
    assert set(asked) == {(basic, "repository:library/alpine:pull")}


async def test_a_refused_login_is_said_and_not_retried(tmp_path: Path, origin: Origin) -> None:
    async def closed(request: web.Request) -> web.StreamResponse:
        return web.Response(status=401, headers={"WWW-Authenticate": 'Basic realm="x"'})

    origin.before = closed
    async with serving(tmp_path / "root", upstream=upstream(origin.url)) as client:
        answer = await client("GET", f"/v2/{NAME}/manifests/latest")
        assert (answer.status, answer.code) == (403, "DENIED")
    assert origin.requests["GET manifest"] <= 2


async def test_nothing_is_sent_where_a_redirect_leaves_tls(tmp_path: Path, origin: Origin) -> None:
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    secure = Origin()

    async def elsewhere(request: web.Request) -> web.StreamResponse:
        raise web.HTTPTemporaryRedirect(f"{origin.url}{request.path}")

    secure.before = elsewhere
    async with running(secure, tls=context):
        configured = upstream(f"https://127.0.0.1:{secure.port}", ca=str(tmp_path / "ca.pem"))
        async with serving(tmp_path / "root", upstream=configured) as client:
            answer = await client("GET", f"/v2/{NAME}/manifests/latest")
    assert answer.status == 503
    assert f"redirects to 127.0.0.1:{origin.port} without TLS" in answer.body.decode()
    assert secure.requests and not origin.requests


async def test_workers_share_one_download_and_a_killed_one_is_replaced(
    tmp_path: Path, origin: Origin
) -> None:
    """Three registries on one root stand for workers; the one that downloads gives up in the middle."""
    origin.gate.clear()
    config = upstream(origin.url)
    path = f"/v2/{NAME}/blobs/{sha256(LAYER)}"
    async with serving(tmp_path / "root", upstream=config) as second:
        async with serving(tmp_path / "root", upstream=config) as third:
            async with serving(tmp_path / "root", upstream=config) as first:
                lost = asyncio.create_task(first("GET", path))
                await origin.asked()
                pulls = [asyncio.create_task(client("GET", path)) for client in (second, third) * 20]
                await asyncio.sleep(0.3)
                assert origin.requests["GET blob"] == 1
                await first.api.upstreams.close()  # type: ignore[union-attr]
                with pytest.raises(aiohttp.ClientError):
                    await lost
            origin.gate.set()
            answers = await asyncio.gather(*pulls)
            assert all(answer.body == LAYER for answer in answers)
    assert origin.requests == {"GET blob": 2}


async def test_processes_share_one_download(tmp_path: Path, origin: Origin) -> None:
    config = tmp_path / "config.toml"
    config.write_text(f'[[upstream]]\nrepository = "docker.io/**"\nurl = "{origin.url}"\n')
    origin.gate.clear()
    stack = ExitStack()
    process = registry_process(tmp_path / "r", "--config", str(config))
    served = await asyncio.to_thread(stack.enter_context, process)
    try:
        url = f"http://{served.address}/v2/{NAME}/blobs/{sha256(LAYER)}"

        async def pull() -> bytes:
            async with aiohttp.ClientSession() as session, session.get(url) as response:
                return await response.read()

        pulls = [asyncio.create_task(pull()) for _ in range(100)]
        await origin.asked()
        await asyncio.sleep(0.3)
        origin.gate.set()
        assert all(body == LAYER for body in await asyncio.gather(*pulls))
        assert origin.requests == {"GET blob": 1}
    finally:
        await asyncio.to_thread(stack.close)


NAMES = [
    ("docker.io/**", "https://r.example", "docker.io/library/x", ("https://r.example", "library/x")),
    ("mirror/gcr/**", "https://g.example/", "mirror/gcr/a/b", ("https://g.example", "a/b")),
    ("{ghcr.io,quay.io}/**", "https://{host}", "quay.io/a/b", ("https://quay.io", "a/b")),
    ("**", "https://all.example", "a/b", ("https://all.example", "a/b")),
]


@pytest.mark.parametrize(("repository", "url", "name", "wanted"), NAMES)
def test_names_there(repository: str, url: str, name: str, wanted: tuple[str, str]) -> None:
    assert UpstreamConfig(repository, url).remote(name) == wanted


@pytest.mark.parametrize(
    ("repository", "url"),
    [("a/**", "ftp://x"), ("a/**", "https://"), ("**", "https://{host}"), ("*.io/**", "https://{host}")],
)
def test_urls_are_checked(repository: str, url: str) -> None:
    with pytest.raises(Invalid):
        UpstreamConfig(repository, url).check()


async def test_downloads_nobody_goes_on_with_are_swept(cache: Client) -> None:
    layout, database = cache.registry.layout, cache.registry.database
    for name, age in (("old", 100), ("new", 0), ("held", 100)):
        (layout.fetches / name).write_bytes(b"x")
        os.utime(layout.fetches / name, (1000 - age, 1000 - age))
    with (layout.fetches / "held").open("rb+") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert await sweep(layout, database, 950) == 1
    assert sorted(path.name for path in layout.fetches.iterdir()) == ["held", "new"]


async def test_a_blob_larger_than_the_disk_is_refused_and_leaves_nothing(
    origin: Origin, cache: Client
) -> None:
    async def boundless(request: web.Request) -> web.StreamResponse:
        if "/blobs/" not in request.path:
            raise NotImplementedError
        response = web.StreamResponse(headers={"Content-Length": str(10**15)})
        await response.prepare(request)
        await response.write(b"x" * 100_000)
        await origin.gate.wait()
        return response

    origin.gate.clear()
    origin.before = boundless
    answer = await cache("GET", f"/v2/{NAME}/blobs/{sha256(LAYER)}")
    origin.gate.set()
    assert answer.status == 507
    assert list(cache.registry.layout.fetches.iterdir()) == []
