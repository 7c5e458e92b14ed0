"""/decisions?uid=UID: why controllers and the scheduler left an object as it is.

No part of Kubernetes' API; what `sampan explain` reads. It tells of other objects (nodes, quotas, budgets),
so it is for those who may read this path: cluster administrators, unless a role grants it.
"""

import asyncio

from aiohttp import web

from sampan.kube.api.roots import Answer
from sampan.specs.kubernetes import status

PATH = "/decisions"
PATIENCE = 5.0  # seconds


def answering(socket: str) -> Answer:
    """`socket` is where the controllers' process listens."""

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        uid = request.query.get("uid", "")
        if not uid or not uid.isascii() or not uid.isprintable() or len(uid) > 200:
            raise status.bad_request("the query must say which object: uid=UID")
        try:
            told = await asyncio.wait_for(_ask(socket, uid), PATIENCE)
        except (OSError, TimeoutError):
            raise status.unavailable("the controllers do not answer") from None
        return web.Response(body=told, content_type="application/json")

    return answer


async def _ask(socket: str, uid: str) -> bytes:
    reader, writer = await asyncio.open_unix_connection(socket)
    try:
        writer.write(f"{uid}\n".encode())
        return await reader.read(-1)
    finally:
        writer.close()
