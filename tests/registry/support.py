"""A registry in this process, on a port of its own; and small images to push to it."""

import hashlib
import io
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from sampan.http.app import bind_tcp
from sampan.registry.api.app import RegistryApi
from sampan.registry.config import Config
from sampan.registry.documents import OCI_INDEX, OCI_MANIFEST
from sampan.registry.events import Event
from sampan.registry.metrics.measure import Metrics
from sampan.registry.serve import build
from sampan.registry.workers.serving import Front


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        return str(self.json["errors"][0]["code"])


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


class Client:
    """Raw requests to one registry. Paths go out as they are."""

    def __init__(
        self, session: aiohttp.ClientSession, port: int, api: RegistryApi, events: list[Event]
    ) -> None:
        self._session = session
        self.port = port
        self.api = api
        self.registry = api.registry
        self.events = events

    async def __call__(self, method: str, path: str, data: Any = None, **headers: str) -> Answer:
        from yarl import URL

        named = {name.replace("_", "-"): value for name, value in headers.items()}
        url = URL(f"http://127.0.0.1:{self.port}{path}", encoded=True)
        async with self._session.request(
            method, url, data=data, headers=named, skip_auto_headers=("Content-Type",), allow_redirects=False
        ) as response:
            folded = {name.title(): value for name, value in response.headers.items()}
            return Answer(response.status, folded, await response.read())

    async def push_blob(self, name: str, data: bytes) -> str:
        digest = sha256(data)
        # aiohttp warns of large bytes.
        answer = await self("POST", f"/v2/{name}/blobs/uploads/?digest={digest}", io.BytesIO(data))
        assert answer.status == 201, answer.body
        return digest

    async def push_image(self, name: str, reference: str, *layers: bytes, **more: Any) -> str:
        """Blobs and manifest of a small image; returns the manifest's digest."""
        document = image(*layers, **more)
        for data in (CONFIG, *layers):
            await self.push_blob(name, data)
        answer = await self("PUT", f"/v2/{name}/manifests/{reference}", document, Content_Type=OCI_MANIFEST)
        assert answer.status == 201, answer.body
        return sha256(document)


CONFIG = b'{"architecture":"amd64","os":"linux"}'


def sha256(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def descriptor(data: bytes, media_type: str = "application/vnd.oci.image.layer.v1.tar") -> dict[str, Any]:
    return {"mediaType": media_type, "digest": sha256(data), "size": len(data)}


def image(*layers: bytes, **more: Any) -> bytes:
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": descriptor(CONFIG, "application/vnd.oci.image.config.v1+json"),
        "layers": [descriptor(layer) for layer in layers],
        **more,
    }
    return json.dumps(document).encode()


def index(*manifests: bytes, **more: Any) -> bytes:
    entries = [descriptor(manifest, OCI_MANIFEST) for manifest in manifests]
    document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries, **more}
    return json.dumps(document).encode()


@asynccontextmanager
async def serving(root: Path, clock: Clock | None = None, **settings: Any) -> AsyncIterator[Client]:
    config = Config(root=str(root), **settings).check()
    metrics = Metrics()
    api = build(config, metrics, clock or time.time)
    registry = api.registry
    events: list[Event] = []
    registry.events.listen(events.append)
    front = Front(api, metrics, None)
    sock = bind_tcp("127.0.0.1", 0)
    port = sock.getsockname()[1]
    front.listen(sock, None)
    try:
        async with aiohttp.ClientSession() as session:
            yield Client(session, port, api, events)
    finally:
        await front.stop(0.2)
        await api.stop()
