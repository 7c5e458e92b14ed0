"""All of an engine's dealings with registries, behind `Images`."""

from collections.abc import Callable, Mapping
from typing import Any

from sampan.db.sqlite import Store
from sampan.engine.daemon.config import DaemonConfig
from sampan.engine.images import queries as asking
from sampan.engine.images.artifacts import Artifacts
from sampan.engine.images.blobrecords import BlobRecords
from sampan.engine.images.downloads import Downloads
from sampan.engine.images.lines import Put
from sampan.engine.images.pull import Pull, Puller
from sampan.engine.images.push import Push, Pusher
from sampan.engine.images.registries import Registries
from sampan.engine.images.search import search
from sampan.engine.images.store import ImageStore
from sampan.engine.images.transfer import Limits
from sampan.http.bearer import Credentials
from sampan.specs.oci import platform as platforms
from sampan.specs.oci.reference import Reference

Emit = Callable[[str, str, str], None]  # action, image ID or name, name


class Remote:
    """`store` is shared with `Images`, which starts and stops this."""

    def __init__(self, config: DaemonConfig | None, rows: Store, store: ImageStore, emit: Emit) -> None:
        host = platforms.host()
        self.registries = Registries(config)
        self.records = BlobRecords(rows)
        self.downloads = Downloads(store, limits_of(config))
        self.artifacts = Artifacts(rows, store, self.downloads)
        self._store = store
        self._puller = Puller(
            store, self.registries, self.downloads, self.records, self.artifacts, emit, host
        )
        self._pusher = Pusher(store, self.registries, self.records, self.artifacts, emit)
        self.configure(config)

    def configure(self, config: DaemonConfig | None) -> None:
        """What starts from now on goes by these settings."""
        if config is None:
            return
        self.registries.configure(config)
        self.downloads.configure(limits_of(config))
        self._pusher.configure(
            config.max_concurrent_uploads, "zstd" if config.features.get("push-zstd") else "gzip"
        )

    def start(self) -> None:
        """Before the image store looks for what nobody needs."""
        self.artifacts.start()
        self.records.start(self._store.layers)

    async def stop(self) -> None:
        await self.downloads.stop()
        await self.registries.close()

    async def pull(self, what: Pull, put: Put) -> None:
        """Raises what the registry says, in Docker's words."""
        await self._puller.pull(what, put)

    async def push(self, what: Push, put: Put) -> None:
        """Raises what the registry says, in Docker's words."""
        await self._pusher.push(what, put)

    async def login(self, credentials: Credentials) -> str:
        """An identity token, or "". Raises Unauthorized, Failed, Unreachable."""
        return await asking.login(self.registries, credentials)

    async def distribution(self, reference: Reference, credentials: Credentials) -> dict[str, Any]:
        """GET /distribution/{name}/json. Raises NotFound, Unauthorized, Failed."""
        return await asking.distribution(self.registries, reference, credentials)

    async def tags(self, reference: Reference, credentials: Credentials) -> list[str]:
        """The tags of a repository. Raises NotFound, Failed."""
        return await asking.tags(self.registries, reference, credentials)

    async def search(
        self, term: str, limit: int, filters: Mapping[str, list[str]], credentials: Credentials
    ) -> list[dict[str, Any]]:
        """Rows of GET /images/search. Raises Invalid, Failed."""
        registries = self.registries
        return await search(registries.transport, registries.hosts, term, limit, filters, credentials)


def limits_of(config: DaemonConfig | None) -> Limits:
    if config is None:
        return Limits()
    return Limits(config.max_concurrent_downloads, config.max_download_attempts)
