"""What this server itself asks extension servers for: whether they answer, and their documents."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

import aiohttp
from yarl import URL

from sampan.kube.access.user import User
from sampan.kube.api.dialfailures import reason
from sampan.kube.api.forwardedheaders import identity
from sampan.kube.api.peers import Peer, Peers

AGGREGATOR = User("system:kube-aggregator", groups=("system:masters",))
WITHIN = 5.0  # seconds for the whole of an answer
LARGEST = 4 << 20  # bytes of a document
LATE = "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"


class NoAnswer(Exception):
    """In Go's words."""


@dataclass(frozen=True)
class Document:
    status: int
    media: str
    tag: str
    body: bytes


async def ask(
    peers: Peers, peer: Peer, path: str, headers: Mapping[str, str], *, body: bool = True
) -> Document:
    """Raises NoAnswer. Without `body`, only its status counts."""
    try:
        async with (
            asyncio.timeout(WITHIN),
            peers.session().get(
                URL(peer.url(path), encoded=True),
                headers={**headers, **identity(AGGREGATOR)},
                ssl=peer.context,
                server_hostname=peer.name,
                allow_redirects=False,
            ) as response,
        ):
            data = await _limited(response) if body else b""
            media, tag = response.headers.get("Content-Type", ""), response.headers.get("ETag", "")
            if not body:
                response.close()
            return Document(response.status, media, tag, data)
    except TimeoutError:
        raise NoAnswer(LATE) from None
    except (aiohttp.ClientError, aiohttp.http_exceptions.HttpProcessingError, OSError, ValueError) as error:
        raise NoAnswer(reason(error)) from None


async def _limited(response: aiohttp.ClientResponse) -> bytes:
    data = bytearray()
    async for part in response.content.iter_any():
        data += part
        if len(data) > LARGEST:
            response.close()
            raise NoAnswer(f"the answer is longer than {LARGEST} bytes")
    return bytes(data)
