import asyncio
import gzip
import hashlib
import os
import stat
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from aiohttp import web

from sampan.builder.options import BuildOptions
from sampan.builder.plan.graph import HttpSource, LocalSource
from sampan.builder.sources.http import file_name, shown
from sampan.builder.sources.sources import Sources
from sampan.builder.trees import HostRoot, Tree
from sampan.errors import Failed, Invalid, SampanError
from sampan.http.transport import Proxies
from sampan.paths import Paths
from tests.builder.sources.requesters import Memory
from tests.builder.sources.test_sources import tar

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Server:
    """Answers with what `answer` says, and remembers what it was asked."""

    def __init__(self) -> None:
        self.url = ""
        self.requests: list[web.Request] = []
        self.answer: Handler

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        return await self.answer(request)


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    made = Server()
    app = web.Application()
    app.router.add_get("/{path:.*}", made.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield made
    await runner.cleanup()


@pytest.fixture
async def sources(tmp_path: Path) -> Sources:
    made = Sources(Paths(tmp_path / "data", tmp_path / "exec"), Proxies())
    await made.start()
    return made


def says(body: bytes, status: int = 200, **headers: str) -> Handler:
    async def answer(request: web.Request) -> web.StreamResponse:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if "ETag" in named and request.headers.get("If-None-Match") == named["ETag"]:
            return web.Response(status=304, headers=named)
        return web.Response(body=body, status=status, headers=named)

    return answer


async def fetch(
    sources: Sources, url: str, requester: Memory | None = None, **values: str
) -> tuple[Tree, bytes]:
    async with sources.open(BuildOptions(), requester or Memory()) as build:
        tree = await build.tree(HttpSource(url=url, **values))
        assert isinstance(tree.root, HostRoot)
        [name] = [name for name in tree.entries if name]
        found = os.stat(Path(tree.root.path) / name)
        entry = tree.entries[name]
        assert (stat.S_IMODE(found.st_mode), found.st_mtime_ns) == (0o600, entry.mtime_ns)
        return tree, (Path(tree.root.path) / name).read_bytes()


async def test_a_file_is_private_and_as_old_as_the_server_says(sources: Sources, server: Server) -> None:
    server.answer = says(b"hello", Last_Modified="Wed, 21 Oct 2015 07:28:00 GMT")
    tree, data = await fetch(sources, f"{server.url}/a/b.txt?x=1")
    assert data == b"hello"
    assert tree.entries["b.txt"][:6] == (
        stat.S_IFREG | 0o600,
        0,
        0,
        5,
        1445412480 * 10**9,
        hashlib.sha256(b"hello").hexdigest(),
    )


async def test_what_did_not_change_is_not_sent_again(sources: Sources, server: Server) -> None:
    server.answer = says(b"one", ETag='"1"')
    first, _ = await fetch(sources, server.url + "/f")
    second, data = await fetch(sources, server.url + "/f")
    assert first == second and data == b"one"
    assert server.requests[1].headers["If-None-Match"] == '"1"'
    server.answer = says(b"two", ETag='"2"')
    third, data = await fetch(sources, server.url + "/f")
    assert data == b"two" and third.entries["f"] != first.entries["f"]
    # The old version is gone once nobody uses it.
    assert len(list(await asyncio.to_thread(_versions, sources))) == 1


def _versions(sources: Sources) -> list[Path]:
    return [path for path in sources.paths.build_http.glob("*/*") if path.is_dir()]


async def test_a_server_that_ignores_the_question_is_believed_its_tag(
    sources: Sources, server: Server
) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(body=b"x", headers={"ETag": 'W/"1"'})

    server.answer = answer
    assert (await fetch(sources, server.url + "/f"))[0] == (await fetch(sources, server.url + "/f"))[0]


async def test_a_checksum_is_held_and_needs_no_question(sources: Sources, server: Server) -> None:
    server.answer = says(b"hello")
    right = "sha256:" + hashlib.sha256(b"hello").hexdigest()
    await fetch(sources, server.url + "/f", checksum=right)
    await fetch(sources, server.url + "/f", checksum=right)
    assert len(server.requests) == 1
    with pytest.raises(Failed, match=r"digest mismatch sha256:2cf2.*: sha256:00"):
        await fetch(sources, server.url + "/f", checksum="sha256:" + "00" * 32)


async def test_compression_of_the_wire_is_taken_off(sources: Sources, server: Server) -> None:
    server.answer = says(gzip.compress(b"hello"), Content_Encoding="gzip")
    assert (await fetch(sources, server.url + "/f"))[1] == b"hello"


async def test_secrets_open_doors_and_stay_on_their_host(sources: Sources, server: Server) -> None:
    server.answer = says(b"x")
    await fetch(sources, server.url + "/f", Memory(secrets={"HTTP_AUTH_TOKEN_127.0.0.1": b"t\n"}))
    assert server.requests[0].headers["Authorization"] == "Bearer t"

    async def elsewhere(request: web.Request) -> web.StreamResponse:
        if request.path == "/g":
            raise web.HTTPFound(server.url.replace("127.0.0.1", "localhost") + "/h")
        return web.Response(body=b"y")

    server.answer = elsewhere
    secret = Memory(secrets={"HTTP_AUTH_HEADER_127.0.0.1": b"basic x"})
    assert (await fetch(sources, server.url + "/g", secret))[1] == b"y"
    assert server.requests[1].headers["Authorization"] == "basic x"
    assert "Authorization" not in server.requests[2].headers


@pytest.mark.parametrize("status", [400, 404, 500])
async def test_errors_are_told(sources: Sources, server: Server, status: int) -> None:
    server.answer = says(b"no", status)
    with pytest.raises(Failed, match=f"invalid response status {status}"):
        await fetch(sources, server.url + "/f")
    assert await sources.disk_usage() == []


@pytest.mark.parametrize("url", ["http://", "http://127.0.0.1:1/f", "http://[::1/f"])
async def test_servers_that_are_none(sources: Sources, url: str) -> None:
    with pytest.raises(SampanError):
        await fetch(sources, url)


async def test_a_cut_download_leaves_nothing(sources: Sources, server: Server) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "1000"})
        await response.prepare(request)
        await response.write(b"x")
        assert request.transport is not None
        request.transport.close()
        return response

    server.answer = answer
    with pytest.raises(Failed, match="unexpected EOF"):
        await fetch(sources, server.url + "/f")
    assert await sources.disk_usage() == []


async def test_a_cancelled_download_leaves_nothing(sources: Sources, server: Server) -> None:
    begun = asyncio.Event()

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"x")
        begun.set()
        await asyncio.sleep(3600)
        return response

    server.answer = answer
    task = asyncio.create_task(fetch(sources, server.url + "/f"))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 5)
    assert await sources.disk_usage() == []


async def test_usage_and_prune(sources: Sources, server: Server) -> None:
    server.answer = says(b"hello")
    async with sources.open(BuildOptions(), Memory()) as build:
        await build.tree(HttpSource(url=server.url + "/f"))
        [(id, size, _)] = await sources.disk_usage()
        assert id.startswith("http:") and size == 5
        assert await sources.prune([id]) == 0  # it is in use
    assert await sources.prune([id]) == 5 and await sources.disk_usage() == []


async def test_a_context_from_a_url(sources: Sources, server: Server) -> None:
    server.answer = says(gzip.compress(tar(("d/Dockerfile", b"0", b"FROM x", ""), ("d/a", b"0", b"", ""))))
    url = server.url + "/c.tgz"
    options = BuildOptions(context=url, dockerfile_source=url, subdir="d")
    async with sources.open(options, Memory()) as build:
        assert (await build.dockerfile()).data == b"FROM x"
        assert list((await build.tree(LocalSource(name="context"))).entries) == ["", "Dockerfile", "a"]


async def test_a_dockerfile_from_a_url(sources: Sources, server: Server) -> None:
    server.answer = says(b"FROM x\n")
    async with sources.open(
        BuildOptions(context=server.url, dockerfile_source=server.url), Memory()
    ) as build:
        assert (await build.dockerfile()).data == b"FROM x\n"


async def test_a_named_context_from_a_url_is_one_file(sources: Sources, server: Server) -> None:
    server.answer = says(b"x")
    async with sources.open(BuildOptions(contexts={"n": server.url + "/f"}), Memory()) as build:
        assert list((await build.tree(LocalSource(name="n"))).entries) == ["", "context"]


async def test_what_is_no_context_is_refused(sources: Sources) -> None:
    async with sources.open(BuildOptions(contexts={"n": "ftp://x"}), Memory()) as build:
        with pytest.raises(Invalid, match="unsupported context source ftp"):
            await build.tree(LocalSource(name="n"))


@pytest.mark.parametrize(
    ("url", "told", "disposition", "name"),
    [
        ("http://h/a/b", "", "", "b"),
        ("http://h/a%20b?q=/x", "", "", "a b"),
        ("http://h/b", "c", 'attachment; filename="d"', "c"),
        ("http://h/b", "", 'attachment; filename="x/../../d"', "d"),
        ("http://h/b", "", 'attachment; filename="x/"', "b"),
        ("http://h/", "", "", "download"),
        ("http://h", "", 'attachment; filename=".."', "download"),
        ("http://h/%2e%2e", "", "", "download"),
        ("http://h/b", "a/b", "", "a_b"),
    ],
)
def test_names_of_files(url: str, told: str, disposition: str, name: str) -> None:
    assert file_name(url, told, disposition) == name


def test_passwords_are_not_shown() -> None:
    assert shown("https://u:secret@h/x") == "https://u:xxxxx@h/x"
    assert shown("https://token@h/x") == "https://xxxxx@h/x"
