"""The requester's ssh agent as a socket on this machine, for a program that wants SSH_AUTH_SOCK."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from uuid import uuid4

from sampan.builder.requester import Connection, Requester
from sampan.errors import Failed, NotFound

CHUNK = 64 << 10


@asynccontextmanager
async def forwarded_agent(requester: Requester, directory: Path, id: str = "default") -> AsyncIterator[str]:
    """The path of a socket that leads to the requester's agent `id`. Raises Failed when it has none."""
    if not await requester.has_ssh(id):
        raise Failed("git over ssh needs an agent: build with --ssh default")
    place = directory / uuid4().hex
    place.mkdir(parents=True, mode=0o700)
    try:
        # A socket's path may have 107 bytes; the directory's descriptor makes a short one of any.
        fd = os.open(place, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            path = f"/proc/{os.getpid()}/fd/{fd}/agent"
            server = await asyncio.start_unix_server(
                lambda reader, writer: _relay(requester, id, reader, writer), path
            )
            async with server:
                yield path
        finally:
            os.close(fd)
    finally:
        shutil.rmtree(place, ignore_errors=True)


async def _relay(
    requester: Requester, id: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    try:
        with suppress(NotFound, OSError):
            connection = await requester.ssh(id)
            try:
                up = asyncio.create_task(_up(reader, connection))
                while data := await connection.read():
                    writer.write(data)
                    await writer.drain()
                up.cancel()
            finally:
                await connection.close()
    finally:
        writer.close()


async def _up(reader: asyncio.StreamReader, connection: Connection) -> None:
    while data := await reader.read(CHUNK):
        await connection.write(data)
    await connection.close()
