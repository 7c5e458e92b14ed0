"""A registry in memory that can be told to misbehave, and remembers what it was asked."""

import asyncio
import gzip
import hashlib
import io
import json
import tarfile
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from sampan.specs.oci.image import CONFIG, INDEX, LAYER_GZIP, MANIFEST

Hook = Callable[[web.Request], Awaitable[web.StreamResponse | None]]


def digest_of(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def tar_of(**files: bytes) -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return data.getvalue()


def error(status: int, code: str, message: str, **headers: str) -> web.Response:
    return web.json_response({"errors": [{"code": code, "message": message}]}, status=status, headers=headers)


@dataclass
class FakeRegistry:
    """`hook` answers before anything else when it returns an answer."""

    port: int = 0
    blobs: dict[str, bytes] = field(default_factory=dict)
    manifests: dict[tuple[str, str], tuple[str, bytes]] = field(default_factory=dict)
    uploads: dict[str, bytearray] = field(default_factory=dict)
    hook: Hook | None = None
    requests: list[tuple[str, str]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    sent: Counter[str] = field(default_factory=Counter)  # bytes of each blob
    owners: dict[str, set[str]] = field(default_factory=dict)  # blob -> repositories that have it

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    def count(self, method: str, part: str = "") -> int:
        return sum(1 for verb, path in self.requests if verb == method and part in path)

    # Content

    def blob(self, data: bytes, name: str = "app") -> dict[str, Any]:
        digest = digest_of(data)
        self.blobs[digest] = data
        self.owners.setdefault(digest, set()).add(name)
        return {"digest": digest, "size": len(data)}

    def manifest(self, name: str, tag: str, document: dict[str, Any] | bytes, media_type: str) -> str:
        data = document if isinstance(document, bytes) else json.dumps(document).encode()
        digest = digest_of(data)
        self.manifests[name, tag] = self.manifests[name, digest] = (media_type, data)
        return digest

    def image(
        self,
        name: str,
        tag: str,
        *tars: bytes,
        compress: Callable[[bytes], bytes] = lambda data: gzip.compress(data, 1, mtime=0),
        media_type: str = LAYER_GZIP,
        architecture: str = "amd64",
        **changes: Any,
    ) -> str:
        """An image of these layers; `changes` replace fields of its manifest. Returns its digest."""
        config = {
            "architecture": architecture,
            "os": "linux",
            "config": {"Cmd": ["/a"]},
            "rootfs": {"type": "layers", "diff_ids": [digest_of(tar) for tar in tars]},
        }
        layers = [{"mediaType": media_type, **self.blob(compress(tar), name)} for tar in tars]
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {"mediaType": CONFIG, **self.blob(json.dumps(config).encode(), name)},
            "layers": layers,
        } | changes
        return self.manifest(name, tag, manifest, MANIFEST)

    def index(self, name: str, tag: str, **platforms: str) -> str:
        """An index: `linux_arm64="sha256:..."` names a manifest of this repository."""
        found = []
        for platform, digest in platforms.items():
            os, architecture, *variant = platform.split("_")
            where = {"os": os, "architecture": architecture} | ({"variant": variant[0]} if variant else {})
            size = len(self.manifests[name, digest][1])
            found.append({"mediaType": MANIFEST, "digest": digest, "size": size, "platform": where})
        return self.manifest(name, tag, {"schemaVersion": 2, "mediaType": INDEX, "manifests": found}, INDEX)

    # Serving

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.requests.append((request.method, request.path_qs))
        self.headers.append(dict(request.headers))
        if self.hook is not None and (answer := await self.hook(request)) is not None:
            return answer
        if not request.path.startswith("/v2/"):
            return web.Response(status=404)
        rest = request.path.removeprefix("/v2/")
        if not rest:
            return web.json_response({})
        for part, handler in (
            ("/manifests/", self._manifest),
            ("/blobs/uploads/", self._upload),
            ("/blobs/", self._blob),
            ("/tags/", self._tags),
        ):
            name, found, last = rest.partition(part)
            if found:
                return await handler(request, name, last)
        return error(404, "NAME_UNKNOWN", "no such thing")

    async def _manifest(self, request: web.Request, name: str, reference: str) -> web.StreamResponse:
        if request.method == "PUT":
            data = await request.read()
            digest = self.manifest(name, reference, data, request.headers["Content-Type"])
            return web.Response(status=201, headers={"Docker-Content-Digest": digest})
        found = self.manifests.get((name, reference))
        if found is None:
            return error(404, "MANIFEST_UNKNOWN", "manifest unknown")
        headers = {"Content-Type": found[0], "Docker-Content-Digest": digest_of(found[1])}
        return web.Response(body=found[1], headers=headers)

    async def _blob(self, request: web.Request, name: str, digest: str) -> web.StreamResponse:
        data = self.blobs.get(digest)
        if data is None or name not in self.owners.get(digest, ()):
            return error(404, "BLOB_UNKNOWN", "blob unknown to registry")
        start, status, headers = 0, 200, {}
        if asked := request.headers.get("Range"):
            start, status = int(asked.removeprefix("bytes=").rstrip("-")), 206
            headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
        if request.method == "GET":
            self.sent[digest] += len(data) - start
        return web.Response(body=data[start:], status=status, headers=headers)

    async def _tags(self, request: web.Request, name: str, _: str) -> web.StreamResponse:
        tags = sorted(tag for owner, tag in self.manifests if owner == name and ":" not in tag)
        if not tags:
            return error(404, "NAME_UNKNOWN", "repository name not known to registry")
        last, count = request.query.get("last", ""), int(request.query.get("n", "2"))
        page = [tag for tag in tags if tag > last][: min(count, 2)]
        headers = {}
        if page and page[-1] != tags[-1]:
            headers["Link"] = f'</v2/{name}/tags/list?n={count}&last={page[-1]}>; rel="next"'
        return web.json_response({"name": name, "tags": page}, headers=headers)

    async def _upload(self, request: web.Request, name: str, id: str) -> web.StreamResponse:
        if request.method == "POST":
            digest, source = request.query.get("mount", ""), request.query.get("from", "")
            if source in self.owners.get(digest, ()):
                self.owners[digest].add(name)
                return web.Response(status=201)
            id = f"u{len(self.uploads)}"
            self.uploads[id] = bytearray()
            return web.Response(status=202, headers={"Location": f"/v2/{name}/blobs/uploads/{id}?state=1"})
        data = self.uploads[id]
        data += await request.read()
        if request.method == "PATCH":
            return web.Response(status=202, headers={"Location": f"/v2/{name}/blobs/uploads/{id}?state=2"})
        if request.method == "DELETE":
            return web.Response(status=204)
        if digest_of(bytes(data)) != request.query["digest"]:
            return error(400, "DIGEST_INVALID", "provided digest did not match uploaded content")
        self.blob(bytes(data), name)
        return web.Response(status=201)


@asynccontextmanager
async def serving(registry: FakeRegistry, **options: Any) -> AsyncIterator[FakeRegistry]:
    application = web.Application(client_max_size=1 << 30)
    application.router.add_route("*", "/{path:.*}", registry.answer)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=1, handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, **options)
    await site.start()
    registry.port = runner.addresses[0][1]
    try:
        yield registry
    finally:
        await runner.cleanup()


async def cut_after(request: web.Request, data: bytes, count: int, start: int = 0) -> web.StreamResponse:
    """Begin to send `data` from `start`, and hang up after `count` bytes."""
    status = 206 if start else 200
    response = web.StreamResponse(status=status, headers={"Content-Length": str(len(data) - start)})
    if start:
        response.headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
    await response.prepare(request)
    await response.write(data[start : start + count])
    await asyncio.sleep(0)
    assert request.transport is not None
    request.transport.close()
    return response
