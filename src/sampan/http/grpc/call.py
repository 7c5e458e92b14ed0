"""One call, seen from either side: messages in, messages out, metadata."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

# Names are lower case; values are str, or bytes where the name ends with "-bin".
Metadata = Mapping[str, Sequence[str | bytes]]


class Call:
    """What ServerCall and ClientCall have in common.

    `metadata` is what the other side sent first. `receive` raises GrpcError (CANCELLED, UNAVAILABLE, ...)
    when the call has ended otherwise than by the other side's end of messages.
    """

    metadata: Metadata

    async def receive(self) -> Any:
        """The next message; None after the last."""

    async def receive_raw(self) -> list[bytes]:
        """All messages that are there, undecoded; waits for one; [] after the last. For very many small ones."""
        raise NotImplementedError

    async def send(self, message: Any) -> None:
        """Waits only while the other side's window, or the socket's buffer, is full."""

    async def send_raw(self, messages: Sequence[bytes]) -> None:
        """Several encoded messages at once."""

    def __aiter__(self) -> AsyncIterator[Any]:
        raise NotImplementedError


class ServerCall(Call):
    path: str
    deadline: float | None  # of the event loop's clock

    async def send_metadata(self, metadata: Metadata) -> None:
        """Initial metadata; sent by itself with the first message otherwise."""

    def set_trailers(self, metadata: Metadata) -> None:
        """Metadata that goes out with the status."""


class ClientCall(Call):
    trailers: Metadata  # once it has ended

    async def end(self) -> None:
        """No more messages from here."""
