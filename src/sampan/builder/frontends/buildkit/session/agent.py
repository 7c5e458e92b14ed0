"""The client's ssh agent, one connection to it. moby/buildkit session/sshforward"""

from contextlib import AsyncExitStack
from typing import Any

from sampan.http.grpc.call import ClientCall
from sampan.http.grpc.status import GrpcError


class AgentConnection:
    """A requester's Connection."""

    def __init__(self, call: ClientCall, message: Any, stack: AsyncExitStack) -> None:
        self._call = call
        self._message = message
        self._stack = stack

    async def read(self) -> bytes:
        """b"": it ended, or is lost; whoever talks to an agent can do nothing about the difference."""
        while True:
            try:
                message = await self._call.receive()
            except GrpcError:
                return b""
            if message is None:
                return b""
            if message.data:
                return bytes(message.data)

    async def write(self, data: bytes) -> None:
        await self._call.send(self._message(data=data))

    async def close(self) -> None:
        await self._stack.aclose()
