"""Writing into a client's content store. containerd api/services/content/v1, core/content/proxy"""

from collections.abc import AsyncIterator
from typing import Any

from sampan.errors import Failed
from sampan.http.grpc.call import ClientCall

STAT, WRITE, COMMIT = range(3)
CHUNK = 1 << 20  # a client takes messages of 4 MB


async def write(call: ClientCall, request: Any, digest: str, size: int, chunks: AsyncIterator[bytes]) -> None:
    """Every request has its answer. Raises GrpcError (ALREADY_EXISTS: it has the blob), Failed."""
    await _ask(call, request(action=STAT, ref=digest, total=size, expected=digest))
    offset = 0
    async for chunk in chunks:
        for at in range(0, len(chunk), CHUNK):
            piece = chunk[at : at + CHUNK]
            # Offset 0 makes the store forget what an earlier attempt has left.
            await _ask(call, request(action=WRITE, ref=digest, offset=offset, data=piece))
            offset += len(piece)
    if offset != size:
        raise Failed(f"blob {digest}: {offset} bytes instead of {size}")
    await _ask(call, request(action=COMMIT, ref=digest, total=size, expected=digest, offset=offset))
    await call.end()
    while await call.receive_raw():  # until its status
        pass


async def _ask(call: ClientCall, request: Any) -> None:
    await call.send(request)
    if await call.receive() is None:
        raise Failed("the client's content store ended too early")
