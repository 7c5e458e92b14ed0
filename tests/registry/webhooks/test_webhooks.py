"""Notifications: Docker's format, in order, none lost to failures, kills, or an endpoint that is down."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiohttp import web

from sampan.errors import Invalid
from sampan.registry.events import Event, Source
from sampan.registry.metrics.measure import Metrics
from sampan.registry.settings import read
from sampan.registry.webhooks.config import Webhook
from sampan.registry.webhooks.deliver import Deliverer
from sampan.registry.webhooks.envelope import MEDIA_TYPE, document
from sampan.registry.webhooks.queue import pending
from tests.registry.process import free_port, registry_process
from tests.registry.support import serving, sha256


class Endpoint:
    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.failures = 0
        self.port = 0

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        self.headers.append(dict(request.headers))
        if self.failures:
            self.failures -= 1
            return web.Response(status=500)
        self.events += orjson.loads(await request.read())["events"]
        return web.Response(status=200)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    async def until(self, done: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            while not done():  # noqa: ASYNC110
                await asyncio.sleep(0.02)


@asynccontextmanager
async def listening(endpoint: Endpoint, port: int = 0) -> AsyncIterator[None]:
    runner = web.ServerRunner(web.Server(endpoint.handle), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    endpoint.port = runner.addresses[0][1]
    try:
        yield
    finally:
        await runner.cleanup()


@asynccontextmanager
async def delivering(client: Any) -> AsyncIterator[None]:
    registry = client.registry
    deliverer = Deliverer(registry.database, registry.config.webhook, Metrics(), registry.clock)
    task = asyncio.create_task(deliverer.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_pushes_pulls_and_deletes_are_told_in_order(tmp_path: Path) -> None:
    endpoint = Endpoint()
    async with listening(endpoint):
        hook = Webhook("ci", endpoint.url, (("Authorization", "Bearer x"),))
        async with serving(tmp_path / "root", webhook=(hook,)) as client, delivering(client):
            digest = await client.push_image("team/web", "1.0", b"layer")
            await client("GET", "/v2/team/web/manifests/1.0", User_Agent="puller/1")
            await client("DELETE", "/v2/team/web/manifests/1.0")
            await client("DELETE", f"/v2/team/web/manifests/{digest}")
            await endpoint.until(lambda: len(endpoint.events) >= 6)
            await endpoint.until(lambda: pending(client.registry.read) == {})
    actions = [(event["action"], event["target"].get("tag", "")) for event in endpoint.events]
    assert actions == [
        ("push", ""), ("push", ""), ("push", "1.0"), ("pull", "1.0"), ("delete", "1.0"), ("delete", ""),
    ]  # fmt: skip
    pull = endpoint.events[3]
    assert pull["target"]["digest"] == digest
    assert pull["target"]["url"].endswith(f"/v2/team/web/manifests/{digest}")
    assert pull["request"]["useragent"] == "puller/1"
    assert endpoint.headers[0]["Authorization"] == "Bearer x"
    assert endpoint.headers[0]["Content-Type"] == MEDIA_TYPE
    assert len({event["id"] for event in endpoint.events}) == 6


async def test_failures_are_tried_again_without_loss_or_disorder(tmp_path: Path) -> None:
    endpoint = Endpoint()
    endpoint.failures = 4
    async with listening(endpoint):
        hook = Webhook("ci", endpoint.url, threshold=2, backoff=0.1, actions=("push",))
        async with serving(tmp_path / "root", webhook=(hook,)) as client, delivering(client):
            digests = [await client.push_blob("a", bytes([number])) for number in range(20)]
            await endpoint.until(lambda: len(endpoint.events) >= 20)
    assert [event["target"]["digest"] for event in endpoint.events] == digests


async def test_an_endpoint_that_is_down_holds_up_no_other(tmp_path: Path) -> None:
    endpoint = Endpoint()
    async with listening(endpoint):
        hooks = (Webhook("down", f"http://127.0.0.1:{free_port()}/"), Webhook("up", endpoint.url))
        async with serving(tmp_path / "root", webhook=hooks) as client, delivering(client):
            await client.push_blob("a", b"x")
            await endpoint.until(lambda: len(endpoint.events) == 1)
            assert pending(client.registry.read)["down"] == 1


async def test_only_what_was_asked_for_is_queued(tmp_path: Path) -> None:
    hook = Webhook("ci", "http://127.0.0.1:1/", actions=("delete",), repository="ci/**")
    async with serving(tmp_path / "root", webhook=(hook,)) as client:
        for name in ("ci/a", "other"):
            digest = await client.push_blob(name, b"x")
            await client("DELETE", f"/v2/{name}/blobs/{digest}")
        assert pending(client.registry.read) == {"ci": 1}


async def test_what_was_acknowledged_is_told_after_a_kill(tmp_path: Path) -> None:
    port = free_port()
    config = tmp_path / "config.toml"
    config.write_text(f'[[webhook]]\nname = "ci"\nurl = "http://127.0.0.1:{port}/"\nbackoff = "100ms"\n')
    data = [b"%d" % number for number in range(30)]
    with ExitStack() as stack:
        process = registry_process(tmp_path / "r", "--config", str(config))
        served = await asyncio.to_thread(stack.enter_context, process)

        def push() -> None:
            for body in data:
                path = f"/v2/a/blobs/uploads/?digest={sha256(body)}"
                assert served.request("POST", path, body)[0] == 201
            served.kill()

        await asyncio.to_thread(push)
        endpoint = Endpoint()
        async with listening(endpoint, port):
            await asyncio.to_thread(served.start)
            await endpoint.until(lambda: len({event["id"] for event in endpoint.events}) >= 30)
        await asyncio.to_thread(stack.close)
    told = list(dict.fromkeys(event["target"]["digest"] for event in endpoint.events))
    assert told == [sha256(body) for body in data]


def test_dockers_format() -> None:
    source = Source("r1", "10.0.0.1", "reg:5000", "PUT", "docker/26", "ann", "/v2/a/b/manifests/1")
    event = Event("push", "manifest", "a/b", "sha256:1", "1", "m/t", 7, source=source, time=0.5, id="e1")
    assert document(event, scheme="https", address="0.0.0.0:5000", instance="i1") == {
        "id": "e1",
        "timestamp": "1970-01-01T00:00:00.500Z",
        "action": "push",
        "target": {
            "mediaType": "m/t",
            "size": 7,
            "length": 7,
            "digest": "sha256:1",
            "repository": "a/b",
            "url": "https://reg:5000/v2/a/b/manifests/sha256:1",
            "tag": "1",
        },
        "request": {
            "id": "r1",
            "addr": "10.0.0.1",
            "host": "reg:5000",
            "method": "PUT",
            "useragent": "docker/26",
        },
        "actor": {"name": "ann"},
        "source": {"addr": "0.0.0.0:5000", "instanceID": "i1"},
    }


WRONG = [
    {"name": "a", "url": "ftp://x"},
    {"name": "a", "url": "http://"},
    {"name": "a", "url": "http://x", "headers": {"A": "b\r\nC: d"}},
    {"name": "a", "url": "http://x", "actions": ["shout"]},
    {"url": "http://x"},
]


@pytest.mark.parametrize("table", WRONG)
def test_wrong_settings_are_refused(table: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        read(Webhook, table)
