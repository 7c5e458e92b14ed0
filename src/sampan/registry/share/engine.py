"""The engine of this machine, over its socket: its images, and handing it what was pushed."""

from dataclasses import dataclass
from typing import Any

import aiohttp

from sampan.registry.errors import Unavailable

TIMEOUT = aiohttp.ClientTimeout(total=600, sock_connect=5)  # adopting unpacks the layers


@dataclass(frozen=True)
class Offer:
    """An image the engine has: its manifest, and where its blobs' files are."""

    repository: str
    tag: str
    digest: str
    media_type: str
    manifest: bytes
    files: dict[str, str]


class EngineClient:
    def __init__(self, path: str, address: str) -> None:
        """`address`: this registry's HOST:PORT, by which the engine names what was pushed here."""
        self._path = path
        self._address = address
        self._session: aiohttp.ClientSession | None = None

    async def offers(self, repository: str = "") -> list[Offer]:
        """Raises Unavailable."""
        query = {"registry": self._address, "repository": repository}
        found = await self._request("GET", params=query)
        return [
            Offer(
                item["Repository"],
                item["Tag"],
                item["Digest"],
                item["MediaType"],
                item["Manifest"].encode(),
                item["Blobs"],
            )
            for item in found["Images"]
        ]

    async def adopt(self, repository: str, tag: str, manifest: bytes, files: dict[str, str]) -> None:
        """Have the engine make it an image. Raises Unavailable, with the engine's reason."""
        name = f"{self._address}/{repository}:{tag}"
        await self._request("POST", json={"Name": name, "Manifest": manifest.decode(), "Blobs": files})

    async def _request(self, method: str, **options: Any) -> Any:
        if self._session is None:
            connector = aiohttp.UnixConnector(self._path)
            self._session = aiohttp.ClientSession(connector=connector, timeout=TIMEOUT)
        try:
            async with self._session.request(
                method, "http://engine/sampan/images/shared", **options
            ) as response:
                document = await response.json(content_type=None)
                if response.status != 200:
                    raise Unavailable(f"the engine on {self._path} says: {document.get('message')}")
                return document
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise Unavailable(f"the engine on {self._path} does not answer: {error}") from None

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
