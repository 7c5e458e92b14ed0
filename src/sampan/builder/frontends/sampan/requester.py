"""The client of one build of our own API: what it has told beforehand, and what it is asked meanwhile."""

import asyncio
import os
import stat
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sampan.builder.frontends.sampan.options import CONTEXT, DOCKERFILE, Asked, Place
from sampan.builder.frontends.sampan.uploads import Upload, Uploads
from sampan.builder.requester import Connection, Directory
from sampan.errors import Conflict, Failed, NotFound
from sampan.http.bearer import Credentials
from sampan.images.pack import diff_tar


class SampanRequester:
    """`lines` go into the build's stream. `local`: it came by a unix socket, so it may name directories.

    Close it when the build has ended.
    """

    def __init__(self, asked: Asked, uploads: Uploads, temporary: Path, *, local: bool) -> None:
        """Raises NotFound for uploads that are not there, Conflict for directories that are elsewhere."""
        self.asked = asked
        self.lines: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.outputs: dict[int, Outgoing] = {}
        self._questions: dict[str, asyncio.Future[Any]] = {}
        self._temporary = temporary
        self._uploads: dict[str, Upload] = {}
        for place in asked.places.values():
            if not place.upload:
                check_place(place, local=local)
        for id in [asked.upload, *(place.upload for place in asked.places.values())]:
            if id:
                self._uploads[id] = uploads.take(id)

    async def close(self) -> None:
        for upload in self._uploads.values():
            await upload.remove()
        for question in self._questions.values():
            question.cancel()

    # What the builder asks (requester.Requester)

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
        place = self.asked.places.get(name)
        if place is not None and place.upload:
            yield Directory(path=self._uploads[place.upload].files)
        elif place is not None:
            yield Directory(path=Path(place.path), in_place=True)
        elif self.asked.text is not None and name in (CONTEXT, DOCKERFILE):
            text = self.asked.text if name == DOCKERFILE else None
            with tempfile.TemporaryDirectory(prefix="build-", dir=self._temporary) as directory:
                if text is not None:
                    _write(Path(directory, "Dockerfile"), text)
                yield Directory(path=Path(directory))
        else:
            raise NotFound(f"no such directory: {name}")

    async def secret(self, id: str) -> bytes:
        if id not in self.asked.secrets:
            raise NotFound(f"secret {id} not found")
        return self.asked.secrets[id]

    async def has_ssh(self, id: str) -> bool:
        return (id or "default") in self.asked.agents

    async def ssh(self, id: str) -> Connection:
        id = id or "default"
        if id not in self.asked.agents:
            raise NotFound(f"unset ssh forward key {id}")
        answer = await self._ask({"ssh": id})
        if isinstance(answer, dict):
            raise NotFound(f"the client cannot connect to ssh agent {id}")
        connection: Connection = answer
        return connection

    async def credentials(self, host: str) -> Credentials | None:
        answer = (await self._ask({"credentials": host})).get("Credentials")
        if not isinstance(answer, dict):
            return None
        return Credentials(
            username=_text(answer, "username"),
            password=_text(answer, "password"),
            identity_token=_text(answer, "identitytoken"),
            registry_token=_text(answer, "registrytoken"),
        )

    async def upload(self, id: str) -> AsyncIterator[bytes]:
        if id != CONTEXT or not self.asked.upload:
            raise NotFound(f"no such upload: {id}")
        async for chunk in self._uploads[self.asked.upload].chunks():
            yield chunk

    async def send_directory(self, index: int, tree: Path, attrs: Mapping[str, str]) -> None:
        await self._send(index, "directory", _in_thread(diff_tar(str(tree))))

    async def send_file(self, index: int, chunks: AsyncIterator[bytes], attrs: Mapping[str, str]) -> None:
        await self._send(index, "file", chunks)

    # What the client says

    def answer(self, id: str, answer: Any) -> None:
        """A dict, or a Connection. Raises NotFound for what was not asked."""
        question = self._questions.pop(id, None)
        if question is None or question.done():
            raise NotFound(f"no such question: {id[:64]}")
        question.set_result(answer)

    async def _ask(self, question: dict[str, Any]) -> Any:
        id = str(len(self._questions) + 1)
        while id in self._questions:
            id += "0"
        future = self._questions[id] = asyncio.get_running_loop().create_future()
        self.lines.put_nowait({"ask": {"id": id, **question}})
        try:
            return await future
        finally:
            self._questions.pop(id, None)

    async def _send(self, index: int, kind: str, chunks: AsyncIterator[bytes]) -> None:
        outgoing = self.outputs[index] = Outgoing(chunks)
        self.lines.put_nowait({"output": {"index": index, "type": kind}})
        try:
            await outgoing.done
        finally:
            del self.outputs[index]


class Outgoing:
    """A result on its way: `done` once the client has got all of it, or with what went wrong."""

    def __init__(self, chunks: AsyncIterator[bytes]) -> None:
        self._chunks: AsyncIterator[bytes] | None = chunks
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def stream(self) -> AsyncIterator[bytes]:
        """To be read once. Raises Conflict the second time."""
        chunks, self._chunks = self._chunks, None
        if chunks is None:
            raise Conflict("this result is being read already")
        try:
            async for chunk in chunks:
                yield chunk
        except BaseException as error:
            if not self.done.done():
                self.done.set_exception(
                    Failed("the client gave up reading the result")
                    if isinstance(error, GeneratorExit | asyncio.CancelledError)
                    else error
                )
            raise
        if not self.done.done():
            self.done.set_result(None)


def check_place(place: Place, *, local: bool) -> None:
    """Whether the client's directory is the same one here. Raises Conflict: it must be sent."""
    if not local:
        raise Conflict(f"{place.path} is on another machine: upload it")
    try:
        found = os.stat(place.path)
    except OSError as error:
        raise Conflict(f"{place.path} is not here ({error.strerror}): upload it") from None
    if (found.st_dev, found.st_ino) != (place.device, place.inode) or not stat.S_ISDIR(found.st_mode):
        raise Conflict(f"{place.path} is another directory here: upload it")


def _write(path: Path, text: str) -> None:
    path.write_bytes(text.encode("utf-8", "surrogateescape"))


def _text(document: Mapping[str, Any], name: str) -> str:
    value = document.get(name)
    return value if isinstance(value, str) else ""


async def _in_thread(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    while True:
        piece = await asyncio.to_thread(next, pieces, b"")
        if not piece:
            return
        yield piece
