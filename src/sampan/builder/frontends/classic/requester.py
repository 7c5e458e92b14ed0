"""The client of a classic build: it sends a context, and credentials, and nothing more."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from sampan.builder.requester import Connection, Directory
from sampan.builder.sources.archives import looks_like_tar
from sampan.errors import Failed, NotFound, Unsupported
from sampan.http.bearer import Credentials
from sampan.images.compression import detect

PEEK = 512
HUB = "https://index.docker.io/v1/"


class ClassicRequester:
    """`body`: the context. `auths`: X-Registry-Config, by server."""

    def __init__(self, body: AsyncIterator[bytes], auths: Mapping[str, Credentials]) -> None:
        self._body = body
        self._auths = auths

    def directory(
        self,
        name: str,
        *,
        include: Sequence[str] = (),
        exclude: Sequence[str] = (),
        follow: Sequence[str] = (),
        progress: Callable[[int], None] | None = None,
    ) -> AbstractAsyncContextManager[Directory]:
        raise NotFound(f"no such directory: {name}")

    async def secret(self, id: str) -> bytes:
        raise NotFound(f"secret {id} not found")

    async def has_ssh(self, id: str) -> bool:
        return False

    async def ssh(self, id: str) -> Connection:
        raise NotFound(f"unset ssh forward key {id}")

    async def credentials(self, host: str) -> Credentials | None:
        names = (HUB, "docker.io", "index.docker.io") if host in ("docker.io", HUB) else (host,)
        for name in names:
            for server, found in self._auths.items():
                if server == name or hostname(server) == name:
                    return found
        return None

    async def upload(self, id: str) -> AsyncIterator[bytes]:
        """The request's body, which must be an archive. Raises Failed as Docker."""
        held = b""
        begun = False
        async for chunk in self._body:
            if begun:
                yield chunk
                continue
            held += chunk
            if len(held) >= PEEK:
                begun = True
                check_archive(held)
                yield held
        if not begun:
            if held:
                check_archive(held)
            yield held or bytes(2 * PEEK)  # nothing at all is an archive without files

    async def send_directory(self, index: int, tree: Path, attrs: Mapping[str, str]) -> None:
        raise Unsupported("the classic API brings no files back")

    async def send_file(self, index: int, chunks: AsyncIterator[bytes], attrs: Mapping[str, str]) -> None:
        raise Unsupported("the classic API brings no files back")


def check_archive(start: bytes) -> None:
    if not detect(start) and not looks_like_tar(start):
        raise Failed("unexpected EOF" if len(start) < PEEK else "archive/tar: invalid tar header")


def hostname(server: str) -> str:
    return server.removeprefix("https://").removeprefix("http://").split("/", 1)[0]
