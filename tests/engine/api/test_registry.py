"""What the API asks of registries, over HTTP: login, search, inspect, tags; TLS and who is trusted."""

import asyncio
import base64
import json
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest
import trustme
from aiohttp import web

from sampan.engine.api import images, registry
from sampan.http.app import Api, ApiVersions, Server, bind_unix
from sampan.images.registry.hosts import Hosts
from tests.engine.images.conftest import Bench
from tests.support.fakeregistry import FakeRegistry, error, serving, tar_of
from tests.support.poll import until_async

pytestmark = pytest.mark.root
EMPTY = {"X-Registry-Auth": "e30="}


@dataclass
class Door:
    session: aiohttp.ClientSession
    bench: Bench

    async def __call__(self, method: str, path: str, **options: Any) -> tuple[int, Any]:
        answer = await self.session.request(method, f"http://d{path}", **options)
        text = await answer.text()
        try:
            return answer.status, json.loads(text)
        except json.JSONDecodeError:
            return answer.status, [json.loads(line) for line in text.splitlines()]

    async def login(self, **document: str) -> tuple[int, Any]:
        return await self("POST", "/auth", json=document)


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Door]:
    bench = Bench.open(tmp_path)
    await bench.images.start()
    engine: Any = SimpleNamespace(images=bench.images)
    routes = [*images.routes(engine), *registry.routes(engine)]
    server = Server(Api(routes, ApiVersions((1, 51), (1, 24))))
    await server.listen(bind_unix(str(tmp_path / "sock")))
    connector = aiohttp.UnixConnector(str(tmp_path / "sock"))
    async with aiohttp.ClientSession(connector=connector) as session:
        yield Door(session, bench)
    await server.stop()
    await bench.images.stop()
    bench.store.close()


@pytest.fixture
async def fake() -> AsyncIterator[FakeRegistry]:
    async with serving(FakeRegistry()) as found:
        yield found


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


async def test_login_with_basic_authentication(door: Door, fake: FakeRegistry) -> None:
    async def hook(request: web.Request) -> web.StreamResponse | None:
        if request.headers.get("Authorization") == basic("me:right"):
            return None
        return error(
            401, "UNAUTHORIZED", "authentication required", **{"WWW-Authenticate": 'Basic realm="x"'}
        )

    fake.hook = hook
    where = {"serveraddress": fake.host}
    assert await door.login(username="me", password="right", **where) == (
        200,
        {"IdentityToken": "", "Status": "Login Succeeded"},
    )
    url = f"http://{fake.host}/v2/"
    status, answer = await door.login(username="me", password="wrong", **where)
    assert (status, answer["message"]) == (
        401,
        f"login attempt to {url} failed with status: 401 Unauthorized",
    )
    status, answer = await door.login(**where)
    assert (status, answer["message"]) == (500, f'Get "{url}": no basic auth credentials')


async def test_login_with_tokens(door: Door, fake: FakeRegistry) -> None:
    async def hook(request: web.Request) -> web.StreamResponse | None:
        if request.path == "/token":
            if request.headers.get("Authorization") != basic("me:right"):
                return web.json_response({}, status=401)
            return web.json_response({"token": "t", "refresh_token": "identity"})
        if request.headers.get("Authorization") == "Bearer t":
            return None
        challenge = f'Bearer realm="http://{fake.host}/token",service="s"'
        return error(401, "UNAUTHORIZED", "authentication required", **{"WWW-Authenticate": challenge})

    fake.hook = hook
    status, answer = await door.login(username="me", password="right", serveraddress=f"http://{fake.host}")
    assert (status, answer["IdentityToken"]) == (200, "identity")
    status, answer = await door.login(username="me", password="wrong", serveraddress=fake.host)
    assert status == 401 and answer["message"].endswith("unauthorized: incorrect username or password")
    fake.image("app", "1", tar_of(a=b"1"))
    header = base64.urlsafe_b64encode(json.dumps({"username": "me", "password": "right"}).encode()).decode()
    _, lines = await door(
        "POST", f"/images/create?fromImage={fake.host}/app&tag=1", headers={"X-Registry-Auth": header}
    )
    assert lines[-1] == {"status": f"Status: Downloaded newer image for {fake.host}/app:1"}


async def test_logins_that_say_nothing(door: Door) -> None:
    assert await door("POST", "/auth", data=b"") == (500, {"message": "EOF"})
    assert await door("POST", "/auth", data=b"{") == (500, {"message": "unexpected EOF"})


async def test_inspect_and_tags(door: Door, fake: FakeRegistry) -> None:
    amd = fake.image("app", "amd", tar_of(a=b"1"))
    index = fake.index("app", "1", linux_amd64=amd)
    status, answer = await door("GET", f"/distribution/{fake.host}/app:1/json")
    assert status == 200 and answer["Platforms"] == [{"os": "linux", "architecture": "amd64"}]
    assert answer["Descriptor"]["digest"] == index
    status, answer = await door("GET", f"/distribution/{fake.host}/app:amd/json")
    assert answer["Descriptor"]["digest"] == amd
    assert answer["Platforms"] == [{"architecture": "amd64", "os": "linux"}]
    assert await door("GET", f"/distribution/{fake.host}/app:no/json") == (
        404,
        {"message": "manifest unknown: manifest unknown"},
    )
    assert await door("GET", f"/sampan/images/tags?name={fake.host}/app") == (
        200,
        {"Name": f"{fake.host}/app", "Tags": ["1", "amd"]},
    )


async def test_search(door: Door, fake: FakeRegistry) -> None:
    found = [
        {"name": "a", "star_count": 5, "is_official": True, "description": "A"},
        {"name": "b", "star_count": 1},
    ]

    async def hook(request: web.Request) -> web.StreamResponse | None:
        if request.path == "/v1/search":
            assert dict(request.query) == {"q": "term", "n": "7"}
            return web.json_response({"results": found})
        return None

    fake.hook = hook
    status, rows = await door("GET", f"/images/search?term={fake.host}/term&limit=7")
    assert status == 200 and [row["name"] for row in rows] == ["a", "b"]
    assert rows[0] == {
        "star_count": 5, "is_official": True, "name": "a", "is_automated": False, "description": "A",
    }  # fmt: skip
    filters = json.dumps({"stars": ["2"], "is-official": ["true"]})
    params = {"term": f"{fake.host}/term", "limit": "7", "filters": filters}
    assert len((await door("GET", "/images/search", params=params))[1]) == 1


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("term=x&limit=101", "limit 101 is outside the range of [1, 100]"),
        ("term=x&limit=y", 'strconv.Atoi: parsing "y": invalid syntax'),
        ('term=x&filters={"x":["y"]}', "invalid filter 'x'"),
        (
            'term=x&filters={"stars":["y"]}',
            "invalid filter 'stars=y': strconv.Atoi: parsing \"y\": invalid syntax",
        ),
        ('term=x&filters={"is-official":["y"]}', "invalid filter 'is-official=[y]'"),
    ],
)
async def test_bad_searches(door: Door, query: str, message: str) -> None:
    assert await door("GET", f"/images/search?{query}") == (400, {"message": message})


async def test_a_client_that_leaves_ends_its_pull(door: Door, fake: FakeRegistry) -> None:
    fake.image("app", "1", tar_of(a=b"1"))
    started, gone = asyncio.Event(), asyncio.Event()

    async def hook(request: web.Request) -> web.StreamResponse | None:
        if request.method == "GET" and "/blobs/" in request.path and fake.count("GET", "/blobs/") == 2:
            started.set()
            try:
                await asyncio.sleep(60)
            finally:
                gone.set()
        return None

    fake.hook = hook
    answer = await door.session.post(f"http://d/images/create?fromImage={fake.host}/app&tag=1")
    await started.wait()
    answer.close()
    await until_async(lambda: not door.bench.images.remote.downloads._jobs, "the pull has ended")
    assert door.bench.on_disk() == (0, 0, 0)


async def test_certificates_of_a_private_authority(door: Door, tmp_path: Path) -> None:
    authority, other = trustme.CA(), trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
    other.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    client = other.issue_cert("client@example.invalid")
    async with serving(FakeRegistry(), ssl_context=context) as fake:
        fake.image("app", "1", tar_of(a=b"1"))
        pull = f"/images/create?fromImage={fake.host}/app&tag=1"
        assert (await door("POST", pull))[0] == 500, "no client certificate"
        directory = tmp_path / "certs.d" / fake.host
        directory.mkdir(parents=True)
        authority.cert_pem.write_to_path(str(directory / "ca.crt"))
        client.private_key_pem.write_to_path(str(directory / "client.key"))
        client.cert_chain_pems[0].write_to_path(str(directory / "client.cert"))
        door.bench.images.remote.registries.hosts = Hosts(directories=(tmp_path / "certs.d",))
        _, lines = await door("POST", pull)
        assert lines[-1]["status"].startswith("Status: Downloaded newer image")


async def test_an_unknown_authority_is_refused(door: Door, tmp_path: Path) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    async with serving(FakeRegistry(), ssl_context=context) as fake:
        file = tmp_path / "certs.d" / fake.host / "hosts.toml"
        file.parent.mkdir(parents=True)
        file.write_text(f'server = "https://{fake.host}"')
        door.bench.images.remote.registries.hosts = Hosts(directories=(tmp_path / "certs.d",))
        status, answer = await door("POST", f"/images/create?fromImage={fake.host}/app&tag=1")
        assert status == 500 and "failed to verify certificate" in answer["message"]
        assert fake.requests == []
        authority.cert_pem.write_to_path(str(file.with_name("ca.pem")))
        file.write_text(f'server = "https://{fake.host}"\nca = "ca.pem"')
        status, answer = await door("POST", f"/images/create?fromImage={fake.host}/app&tag=1")
        assert status == 404


async def test_a_registry_with_tls_sends_nobody_to_one_without(door: Door, tmp_path: Path) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    async with serving(FakeRegistry(), ssl_context=context) as fake, serving(FakeRegistry()) as plain:
        file = tmp_path / "certs.d" / fake.host / "hosts.toml"
        file.parent.mkdir(parents=True)
        authority.cert_pem.write_to_path(str(file.with_name("ca.pem")))
        file.write_text(f'server = "https://{fake.host}"\nca = "ca.pem"')
        door.bench.images.remote.registries.hosts = Hosts(directories=(tmp_path / "certs.d",))

        async def hook(request: web.Request) -> web.StreamResponse | None:
            return web.Response(status=307, headers={"Location": f"http://{plain.host}{request.path}"})

        fake.hook = hook
        _, answer = await door("POST", f"/images/create?fromImage={fake.host}/app&tag=1")
        assert answer["message"].endswith(f"redirects to {plain.host} without TLS")
        assert plain.requests == []


async def test_a_registry_without_tls_that_should_have_it(
    door: Door, fake: FakeRegistry, tmp_path: Path
) -> None:
    file = tmp_path / "certs.d" / fake.host / "hosts.toml"
    file.parent.mkdir(parents=True)
    file.write_text(f'server = "https://{fake.host}"')
    door.bench.images.remote.registries.hosts = Hosts(directories=(tmp_path / "certs.d",))
    _, answer = await door("POST", f"/images/create?fromImage={fake.host}/app&tag=1")
    assert answer["message"].startswith(
        f'Get "https://{fake.host}/v2/": http: server gave HTTP response to HTTPS client'
    )
