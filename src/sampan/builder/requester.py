"""Whoever asked for a build, and what the builder may ask back. One implementation a wire form."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from sampan.http.bearer import Credentials


@dataclass(frozen=True, kw_only=True)
class Directory:
    """Files of the requester, on this machine's disk.

    `filtered`: what was to be excluded is not there. `in_place`: it is the user's own directory, which may
    change at any moment, so everything is opened below it without following links out.
    """

    path: Path
    filtered: bool = False
    in_place: bool = False


# Directories of --cache-to are sent as results with numbers from here on.
FIRST_CACHE = 1000


class Connection(Protocol):
    """A byte stream to the requester's ssh agent."""

    async def read(self) -> bytes: ...  # b"": it ended
    async def write(self, data: bytes) -> None: ...
    async def close(self) -> None: ...


class Requester(Protocol):
    def directory(
        self,
        name: str,
        *,
        include: Sequence[str] = (),
        exclude: Sequence[str] = (),
        follow: Sequence[str] = (),
        progress: Callable[[int], None] | None = None,
    ) -> AbstractAsyncContextManager[Directory]:
        """The directory it calls `name` ("context", "dockerfile", a named context). Raises NotFound.

        `include`, `exclude`: patterns of moby/patternmatcher; `follow`: paths, with what their links name.
        `progress` is told how many bytes have come, now and then.
        """
        ...

    async def secret(self, id: str) -> bytes:
        """Raises NotFound."""
        ...

    async def ssh(self, id: str) -> Connection:
        """Raises NotFound when no agent of this id was offered."""
        ...

    async def has_ssh(self, id: str) -> bool: ...

    async def credentials(self, host: str) -> Credentials | None: ...

    def upload(self, id: str) -> AsyncIterator[bytes]:
        """A context or Dockerfile that the client streams (`docker build -`). Raises NotFound."""
        ...

    async def send_directory(self, index: int, tree: Path, attrs: Mapping[str, str]) -> None:
        """Output number `index` of type local: the files below `tree`."""
        ...

    async def send_file(self, index: int, chunks: AsyncIterator[bytes], attrs: Mapping[str, str]) -> None:
        """Output number `index` of type tar, oci or docker."""
        ...
