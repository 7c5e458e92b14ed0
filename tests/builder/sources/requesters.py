"""A requester for tests: directories in place, uploads and secrets from memory."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sampan.builder.requester import Connection, Directory
from sampan.errors import NotFound
from sampan.http.bearer import Credentials


class Memory:
    def __init__(
        self,
        directories: Mapping[str, Path] | None = None,
        uploads: Mapping[str, Sequence[bytes]] | None = None,
        secrets: Mapping[str, bytes] | None = None,
    ) -> None:
        self.directories = directories or {}
        self.uploads = uploads or {}
        self.secrets = secrets or {}
        self.asked: list[tuple[str, tuple[str, ...], tuple[str, ...]]] = []

    @asynccontextmanager
    async def directory(
        self,
        name: str,
        *,
        include: Sequence[str] = (),
        exclude: Sequence[str] = (),
        follow: Sequence[str] = (),
        progress: Callable[[int], None] | None = None,
    ) -> AsyncIterator[Directory]:
        self.asked.append((name, tuple(exclude), tuple(follow)))
        if name not in self.directories:
            raise NotFound(f"no directory {name}")
        yield Directory(path=self.directories[name], in_place=True)

    async def secret(self, id: str) -> bytes:
        if id not in self.secrets:
            raise NotFound(f"secret {id}: not found")
        return self.secrets[id]

    async def ssh(self, id: str) -> Connection:
        raise NotFound(f"no agent {id}")

    async def has_ssh(self, id: str) -> bool:
        return False

    async def credentials(self, host: str) -> Credentials | None:
        return None

    async def upload(self, id: str) -> AsyncIterator[bytes]:
        if id not in self.uploads:
            raise NotFound(f"no upload {id}")
        for chunk in self.uploads[id]:
            yield chunk

    async def send_directory(self, index: int, tree: Path, attrs: Mapping[str, str]) -> None:
        raise AssertionError("nothing is sent here")

    async def send_file(self, index: int, chunks: AsyncIterator[bytes], attrs: Mapping[str, Any]) -> None:
        raise AssertionError("nothing is sent here")
