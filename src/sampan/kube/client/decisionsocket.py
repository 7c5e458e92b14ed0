"""How decisions leave the process that made them: one line in, the uid of an object; JSON out.

On a unix socket that only its owner may open. The API server asks here for whoever is allowed to ask it.
"""

import asyncio
import os
from contextlib import AsyncExitStack, suppress
from dataclasses import asdict

import orjson

from sampan.kube.client.decisions import Decisions

LONGEST_LINE = 1024  # bytes; a uid has 36
PATIENCE = 10.0  # seconds for a line


async def serve(decisions: Decisions, path: str, stack: AsyncExitStack) -> None:
    """Listen until the stack is left. Whatever lies at the path gives way."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            line = await asyncio.wait_for(reader.readline(), PATIENCE)
            found = decisions.of(line.decode("ascii", "replace").strip())
            writer.write(orjson.dumps([asdict(one) for one in found], default=str))
            await asyncio.wait_for(writer.drain(), PATIENCE)
        except (TimeoutError, ValueError, ConnectionError):
            pass
        finally:
            writer.close()

    with suppress(FileNotFoundError):
        os.unlink(path)
    mask = os.umask(0o177)
    try:
        server = await asyncio.start_unix_server(answer, path, limit=LONGEST_LINE)
    finally:
        os.umask(mask)
    stack.callback(server.close)
