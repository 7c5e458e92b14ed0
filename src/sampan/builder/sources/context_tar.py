"""A context that comes as a stream: an archive, or nothing but a Dockerfile.

The archive is hostile until proven otherwise: images/unpack.py keeps names, links and hard links of it below
the directory, as a chroot would. Devices in it are made, and never opened.
"""

import os
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from sampan.builder.sources.archives import looks_like_tar
from sampan.engine.images.ingest import run_with_stream
from sampan.errors import Failed
from sampan.images.compression import decompressed, detect, peek
from sampan.images.tarread import BLOCK, TarReader
from sampan.images.unpack import Unpacker

LIMIT = 16 << 20  # bytes of a lone Dockerfile
FILES, LONE = "files", "Dockerfile"
STEP = 1 << 20  # bytes between two reports
Report = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Received:
    """`lone`: the name of the only file, which is the Dockerfile; "" when it was an archive."""

    path: Path
    lone: str = ""


async def receive(chunks: AsyncIterator[bytes], directory: Path, report: Report | None) -> Received:
    """Unpack the stream into a subdirectory of `directory`. Raises Failed."""
    path = directory / FILES
    path.mkdir(mode=0o755)
    return await run_with_stream(_counted(chunks, report), lambda stream: _unpack(stream, path))


async def _counted(chunks: AsyncIterator[bytes], report: Report | None) -> AsyncIterator[bytes]:
    total = reported = 0
    async for chunk in chunks:
        total += len(chunk)
        if report is not None and total - reported >= STEP:
            reported = total
            report("transferring context:", total, 0)
        yield chunk
    if report is not None:
        report("transferring context:", total, 0)


def _unpack(stream: Iterable[bytes], path: Path) -> Received:
    head, whole = peek(stream, BLOCK)
    if not detect(head) and not looks_like_tar(head):
        _write(whole, path / LONE)
        return Received(path, LONE)
    unpacker = Unpacker(str(path), whiteouts=False, action="failed to unpack the build context")
    try:
        # docker build -f FILE ends its archive right behind the Dockerfile it appends, if that is outside.
        unpacker.run(TarReader(decompressed(whole), padded=False))
    finally:
        unpacker.close()
    return Received(path)


def _write(stream: Iterable[bytes], path: Path) -> None:
    size = 0
    try:
        with path.open("xb") as file:
            for chunk in stream:
                size += len(chunk)
                if size > LIMIT:
                    raise Failed(f"a Dockerfile of more than {LIMIT >> 20} MiB: is it a context without tar?")
                file.write(chunk)
    except OSError as error:
        raise Failed(f"write the Dockerfile: {os.strerror(error.errno or 0).lower()}") from None
