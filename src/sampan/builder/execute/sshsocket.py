"""RUN --mount=type=ssh: a socket in the step, each connection to which is one to the requester's agent."""

import asyncio
import os
import socket
from contextlib import suppress
from pathlib import Path

from sampan.builder.requester import Connection, Requester
from sampan.errors import SampanError

CHUNK = 64 << 10


class SshSocket:
    """Listens at `path` until `close`."""

    def __init__(self, path: Path, requester: Requester, id: str, mode: int, uid: int, gid: int) -> None:
        self._requester = requester
        self._id = id
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            directory = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                # The path may be longer than sockaddr_un takes.
                self._socket.bind(f"/proc/self/fd/{directory}/{path.name}")
            finally:
                os.close(directory)
            os.chown(path, uid, gid)
            os.chmod(path, mode)
        except BaseException:
            self._socket.close()
            raise

    async def listen(self) -> None:
        self._server = await asyncio.start_unix_server(self._serve, sock=self._socket)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            agent = await self._requester.ssh(self._id)
            try:
                await _relay(reader, writer, agent)
            finally:
                await agent.close()
        except (SampanError, OSError):
            return  # the program in the step sees its connection end
        finally:
            self._tasks.discard(task)
            writer.close()

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        else:
            self._socket.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def _relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, agent: Connection) -> None:
    """Until either side ends."""

    async def up() -> None:
        while data := await reader.read(CHUNK):
            await agent.write(data)

    async def down() -> None:
        while data := await agent.read():
            writer.write(data)
            await writer.drain()

    both = [asyncio.ensure_future(up()), asyncio.ensure_future(down())]
    try:
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in both:
            task.cancel()
        with suppress(SampanError, OSError):
            for result in await asyncio.gather(*both, return_exceptions=True):
                if isinstance(result, SampanError | OSError):
                    raise result
