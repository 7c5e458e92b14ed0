"""Answering with a blob that is still arriving."""

import asyncio
import os

from aiohttp import web

from sampan.registry.cache.fetch import Fetch
from sampan.registry.ranges import Span, span

PIECE = 256 << 10


class TailResponse(web.StreamResponse):
    """Counts what it sent, for the access log."""

    sent = 0


async def tail(
    request: web.BaseRequest, fetch: Fetch, headers: dict[str, str], patience: float
) -> web.StreamResponse:
    """Stream the blob as it comes. Raises what stopped the fetch before the first byte.

    The connection is cut when something does later, when the digest turns out wrong, or when the client takes
    nothing for `patience` seconds.
    """
    while not fetch.started:
        await fetch.change()
    if fetch.error is not None:
        raise fetch.error
    response = TailResponse(headers=headers)
    response.content_type = "application/octet-stream"
    wanted = None
    if fetch.total is not None:
        wanted = span(request.headers.get("Range", ""), fetch.total)
        response.content_length = wanted.length
        if wanted.partial:
            response.set_status(206)
            response.headers["Content-Range"] = wanted.content_range(fetch.total)
    await response.prepare(request)
    await _send(request, response, fetch, wanted, patience)
    await response.write_eof()
    return response


async def _send(
    request: web.BaseRequest, response: TailResponse, fetch: Fetch, wanted: Span | None, patience: float
) -> None:
    """`wanted` is None for a blob whose size nobody knows yet: all of it, in chunks."""
    start = at = wanted.start if wanted else 0
    while True:
        end = wanted.end if wanted else (fetch.offset if fetch.verified else None)
        if end is not None and at >= end:
            return
        ready = fetch.readable if end is None else min(fetch.readable, end)
        if at < ready:
            data = os.pread(fetch.descriptor, min(PIECE, ready - at), at)
            try:
                async with asyncio.timeout(patience):
                    await response.write(data)
            except TimeoutError:
                raise ConnectionResetError("client is not reading") from None
            at += len(data)
            response.sent = at - start
        elif fetch.error is not None:
            if request.transport is not None:
                request.transport.abort()
            raise ConnectionResetError(fetch.error.message)
        elif fetch.verified:
            await asyncio.sleep(0)  # verified since we looked
        else:
            await fetch.change()
