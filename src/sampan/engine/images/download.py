"""`docker import URL`: the tar comes from a web server."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from sampan.engine.images import progress
from sampan.engine.images.progress import Send
from sampan.errors import Failed, Invalid
from sampan.http.transport import reason

if TYPE_CHECKING:
    import aiohttp

TIMEOUT = 30.0  # seconds to connect, and between two pieces
REPORT = 4 << 20  # bytes between two progress lines


def full_url(source: str) -> str:
    """As a person types it: http:// where there is no scheme. Raises Invalid."""
    url = source if "://" in source else f"http://{source}"
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Invalid(f"invalid URL to import from: {source}")
    return url


def shown(source: str) -> str:
    """The URL without a password in it. Raises Invalid."""
    parts = urlsplit(full_url(source))
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


@asynccontextmanager
async def opened(source: str, send: Send) -> AsyncIterator[AsyncIterator[bytes]]:
    """The body of the URL's answer. Raises Failed when the server does not answer, or not with a file."""
    import aiohttp

    url = full_url(source)
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=TIMEOUT, sock_read=TIMEOUT)
    try:
        async with aiohttp.ClientSession(timeout=timeout, trust_env=True, auto_decompress=False) as session:
            async with session.get(url) as answer:
                if answer.status >= 400:
                    text = (await answer.text())[:200].strip()
                    raise Failed(
                        f"failed to GET {shown(source)} with status {answer.status} {answer.reason}: {text}"
                    )
                yield _body(answer, send)
    except (aiohttp.ClientError, TimeoutError) as error:
        raise Failed(f'Get "{shown(source)}": {reason(error)}') from error


async def _body(answer: "aiohttp.ClientResponse", send: Send) -> AsyncIterator[bytes]:
    total, current, reported = answer.content_length or 0, 0, 0
    async for chunk in answer.content.iter_any():
        current += len(chunk)
        if total and current - reported >= REPORT:
            reported = current
            await send(progress.progress("Importing", "", current, total))
        yield chunk
