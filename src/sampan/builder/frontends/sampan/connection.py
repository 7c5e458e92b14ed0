"""A hijacked connection as the builder reads and writes it: an SSH agent at the client's."""

import asyncio
from contextlib import suppress

from sampan.http.hijack import Hijacked

BLOCK = 1 << 15


class SocketConnection:
    def __init__(self, hijacked: Hijacked) -> None:
        self._socket = hijacked.socket
        self._socket.setblocking(False)
        self._left = hijacked.leftover

    async def read(self) -> bytes:
        """b"": it ended."""
        if self._left:
            data, self._left = self._left, b""
            return data
        with suppress(ConnectionError):
            return await asyncio.get_running_loop().sock_recv(self._socket, BLOCK)
        return b""

    async def write(self, data: bytes) -> None:
        with suppress(ConnectionError):
            await asyncio.get_running_loop().sock_sendall(self._socket, data)

    async def close(self) -> None:
        self._socket.close()
