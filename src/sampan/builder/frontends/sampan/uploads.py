"""What clients have sent for builds that are still to be asked for: directories, or streams as they came.

tmp/build-<id>/ holds `stream`, or the directory's files in `files/`. One that no build takes is removed after
`LIFE` seconds.
"""

import asyncio
import secrets
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from sampan.builder.sources.context_tar import FILES, receive
from sampan.errors import Invalid, NotFound
from sampan.paths import Paths

LIFE = 600.0
BLOCK = 1 << 20


@dataclass(frozen=True)
class Upload:
    id: str
    directory: Path
    raw: bool

    @property
    def stream(self) -> Path:
        return self.directory / "stream"

    @property
    def files(self) -> Path:
        return self.directory / FILES

    async def chunks(self) -> AsyncIterator[bytes]:
        with await asyncio.to_thread(open, self.stream, "rb") as file:
            while data := await asyncio.to_thread(file.read, BLOCK):
                yield data

    async def remove(self) -> None:
        await asyncio.to_thread(shutil.rmtree, self.directory, True)


class Uploads:
    def __init__(self, paths: Paths) -> None:
        self._paths = paths
        self._waiting: dict[str, tuple[Upload, asyncio.TimerHandle]] = {}
        self._removals: set[asyncio.Task[None]] = set()

    async def receive(self, chunks: AsyncIterator[bytes], *, raw: bool) -> Upload:
        """Keep a stream, which is a directory as a tar unless it is `raw`. Raises Failed, Invalid."""
        upload = Upload(secrets.token_hex(16), self._paths.tmp / f"build-{secrets.token_hex(8)}", raw)
        upload.directory.mkdir(mode=0o700)
        try:
            if raw:
                await _save(chunks, upload.stream)
            else:
                received = await receive(chunks, upload.directory, lambda what, done, total: None)
                if received.lone:
                    raise Invalid("a directory is sent as a tar archive")
        except BaseException:
            await upload.remove()
            raise
        loop = asyncio.get_running_loop()
        self._waiting[upload.id] = (upload, loop.call_later(LIFE, self._expire, upload.id))
        return upload

    def take(self, id: str) -> Upload:
        """It is the caller's to remove now. Raises NotFound."""
        found = self._waiting.pop(id, None)
        if found is None:
            raise NotFound(f"no such upload: {id[:64]}")
        upload, timer = found
        timer.cancel()
        return upload

    def _expire(self, id: str) -> None:
        upload, _ = self._waiting.pop(id)
        removal = asyncio.ensure_future(upload.remove())
        self._removals.add(removal)
        removal.add_done_callback(self._removals.discard)


async def _save(chunks: AsyncIterator[bytes], path: Path) -> None:
    with await asyncio.to_thread(open, path, "wb") as file:
        pending: list[bytes] = []
        size = 0
        async for chunk in chunks:
            pending.append(chunk)
            size += len(chunk)
            if size >= BLOCK:
                await asyncio.to_thread(file.writelines, pending)
                pending, size = [], 0
        await asyncio.to_thread(file.writelines, pending)
