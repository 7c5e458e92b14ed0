"""The cache as the API uses it: names, manifests, blobs, tags of other registries."""

import asyncio
import logging
import sqlite3
from collections.abc import Sequence
from urllib.parse import urlencode

import orjson
from aiohttp import web

from sampan.http.transport import limited
from sampan.registry.blobs import Blob, unknown
from sampan.registry.cache.config import UpstreamConfig
from sampan.registry.cache.fetch import Fetches
from sampan.registry.cache.tail import tail
from sampan.registry.cache.upstream import ACCEPT, Upstream
from sampan.registry.documents import MAX_MANIFEST
from sampan.registry.errors import ManifestUnknown, RegistryError, Unavailable
from sampan.registry.manifests import Manifest
from sampan.registry.manifests import unknown as manifest_unknown
from sampan.registry.metrics.measure import Metrics
from sampan.registry.names import Reference
from sampan.registry.registry import Registry
from sampan.tasks import Tasks

log = logging.getLogger("sampan.registry")
PATIENCE = 5.0  # seconds for which an upstream that failed is not asked again about the same tag
MAX_TAGS = 8 << 20


class Upstreams:
    def __init__(self, registry: Registry, configs: Sequence[UpstreamConfig], metrics: Metrics) -> None:
        """Raises Invalid for password files and authorities that cannot be read."""
        self._registry = registry
        self._metrics = metrics
        self._upstreams = [Upstream(config) for config in configs]
        self._fetches = Fetches(registry.layout, registry.database, registry.blobs, metrics)
        self._asking: dict[tuple[str, str], asyncio.Task[None]] = {}
        self._tasks = Tasks()
        self._failed: dict[tuple[str, str], float] = {}

    def find(self, name: str) -> Upstream | None:
        return next((upstream for upstream in self._upstreams if upstream.serves(name)), None)

    def serves(self, name: str) -> bool:
        return self.find(name) is not None

    def rename(self, name: str, namespace: str) -> str:
        """containerd's `?ns=docker.io` says which registry `name` is meant to be of."""
        whole = f"{namespace}/{name}"
        return whole if self.serves(whole) else name

    async def close(self) -> None:
        await self._fetches.close()
        await self._tasks.stop()
        for upstream in self._upstreams:
            await upstream.close()

    # Manifests

    async def manifest(self, name: str, reference: Reference) -> None:
        """Have the manifest here, and the tag no older than its time to live, if it can be had.

        Raises ManifestUnknown when the upstream says so, and what failed when nothing is here to serve.
        """
        upstream = self.find(name)
        if upstream is None:
            return
        here = self._here(name, reference)
        if here is not None and (reference.digest or self._is_fresh(upstream, name, str(reference))):
            self._metrics.cache("manifest", "hit")
            return
        try:
            await self._once(upstream, name, reference, here)
        except ManifestUnknown:
            raise
        except RegistryError as error:
            if here is None:
                self._metrics.cache("manifest", "failed")
                raise
            log.warning("serving %s:%s as it was: %s", name, reference, error)
            self._metrics.cache("manifest", "stale")
            self._failed[name, str(reference)] = self._registry.clock()

    def _here(self, name: str, reference: Reference) -> Manifest | None:
        try:
            return self._registry.manifests.find(name, reference)
        except ManifestUnknown:
            return None

    def _is_fresh(self, upstream: Upstream, name: str, tag: str) -> bool:
        now = self._registry.clock()
        if now - self._failed.get((name, tag), -PATIENCE) < PATIENCE:
            return True
        row = self._registry.read.execute(
            "SELECT checked FROM upstream_tags WHERE repository=? AND tag=?", (name, tag)
        ).fetchone()
        return row is not None and now - row[0] < upstream.config.ttl

    async def _once(self, upstream: Upstream, name: str, reference: Reference, here: Manifest | None) -> None:
        """Requests for the same manifest wait for one exchange with the upstream."""
        key = (name, str(reference))
        task = self._asking.get(key)
        if task is None:
            task = self._asking[key] = self._tasks.share(self._renew(upstream, name, reference, here))
            task.add_done_callback(lambda _: self._asking.pop(key, None))
        else:
            self._metrics.cache("manifest", "shared")
        await asyncio.shield(task)

    async def _renew(
        self, upstream: Upstream, name: str, reference: Reference, here: Manifest | None
    ) -> None:
        if here is None or not await self._unmoved(upstream, name, reference, here):
            await self._get(upstream, name, reference)
            self._metrics.cache("manifest", "miss")
        else:
            self._metrics.cache("manifest", "hit")
        if reference.tag:
            now = self._registry.clock()
            self._failed.pop((name, reference.tag), None)
            await self._registry.database.write(
                lambda db: _checked(db, name, reference.tag or "", now), durable=False
            )

    async def _unmoved(self, upstream: Upstream, name: str, reference: Reference, here: Manifest) -> bool:
        """HEAD costs the upstream little, and does not count against Docker Hub's limits."""
        headers = {"Accept": ACCEPT, "If-None-Match": f'"{here.digest}"'}
        async with upstream.request("HEAD", name, f"manifests/{reference}", headers) as response:
            if response.status == 404:
                raise manifest_unknown(name, reference)
            return response.status == 304 or response.headers.get("Docker-Content-Digest") == here.digest

    async def _get(self, upstream: Upstream, name: str, reference: Reference) -> None:
        async with upstream.request("GET", name, f"manifests/{reference}", {"Accept": ACCEPT}) as response:
            if response.status in (404, 416):
                raise manifest_unknown(name, reference)
            if response.status != 200:
                raise Unavailable(f"upstream of {name} answered {response.status}")
            kind = response.headers.get("Content-Type", "")
            body = await limited(response, MAX_MANIFEST)
            announced = response.headers.get("Docker-Content-Digest", "")
        try:
            stored = await self._registry.manifests.put(name, reference, kind, body, complete=False)
        except RegistryError as error:
            if error.status < 500 and error.code != "DENIED":
                raise Unavailable(f"upstream of {name} sent no valid manifest: {error.message}") from None
            raise
        if announced.startswith("sha256:") and announced != stored.digest:
            log.warning("upstream of %s announced %s and sent %s", name, announced, stored.digest)

    # Blobs

    async def blob(
        self, request: web.BaseRequest, name: str, digest: str, headers: dict[str, str]
    ) -> web.StreamResponse | None:
        """An answer for a blob that is not here, streamed while it comes in; None: it is here now.

        Raises BlobUnknown, and what keeps it from coming.
        """
        upstream = self.find(name)
        if upstream is None:
            raise unknown(name, digest)
        if await self._linked(upstream, name, digest):
            return None
        fetch, first = await self._fetches.join(name, digest, upstream)
        self._metrics.cache("blob", "miss" if first else "shared")
        try:
            return await tail(request, fetch, headers, self._registry.config.body_timeout)
        finally:
            fetch.release()

    async def head(self, name: str, digest: str) -> Blob | None:
        """Whether the upstream has a blob that is not here, and its size. Raises BlobUnknown, Unavailable."""
        upstream = self.find(name)
        if upstream is None:
            raise unknown(name, digest)
        size = await self._size(upstream, name, digest)
        return None if size is None else Blob(digest, size, self._registry.layout.blob(digest))

    async def _size(self, upstream: Upstream, name: str, digest: str) -> int | None:
        async with upstream.request("HEAD", name, f"blobs/{digest}") as response:
            if response.status != 200:
                raise unknown(name, digest)
            length = response.headers.get("Content-Length", "")
            return int(length) if length.isdigit() else None

    async def _linked(self, upstream: Upstream, name: str, digest: str) -> bool:
        """Another repository has brought it: enough that this one's upstream has it as well."""
        blobs = self._registry.blobs
        if not blobs.known(digest):
            return False
        await self._size(upstream, name, digest)

        def change(db: sqlite3.Connection) -> bool:
            row = db.execute("SELECT size FROM blobs WHERE digest=?", (digest,)).fetchone()
            if row is None or not blobs.known_in(db, digest):
                return False
            blobs.link(db, name, digest, row[0])
            return True

        self._metrics.cache("blob", "hit")
        return await self._registry.database.write(change)

    # Tags

    async def tags(self, name: str, n: int | None, last: str) -> tuple[list[str], bool] | None:
        """The upstream's page of tags, and whether there is another; None when it cannot be had."""
        upstream = self.find(name)
        if upstream is None:
            return None
        query = urlencode({**({} if n is None else {"n": n}), **({"last": last} if last else {})})
        try:
            async with upstream.request(
                "GET", name, f"tags/list?{query}" if query else "tags/list"
            ) as response:
                if response.status != 200:
                    return None
                document = orjson.loads(await limited(response, MAX_TAGS))
                found = document.get("tags") or []
                more = "next" in response.links
                return [tag for tag in found if isinstance(tag, str)], more
        except (RegistryError, orjson.JSONDecodeError, AttributeError) as error:
            log.warning("listing the tags of %s that are here: %s", name, error)
            return None


def _checked(db: sqlite3.Connection, name: str, tag: str, now: float) -> None:
    db.execute(
        "INSERT INTO upstream_tags (repository, tag, checked) VALUES (?, ?, ?)"
        " ON CONFLICT (repository, tag) DO UPDATE SET checked=excluded.checked",
        (name, tag, now),
    )
