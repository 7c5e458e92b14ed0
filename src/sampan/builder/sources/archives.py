"""Archives that ADD unpacks: told by content, delivered as a plain tar."""

import os
import stat
from collections.abc import Iterator

from sampan.builder.trees import HostRoot
from sampan.errors import Failed
from sampan.images.compression import decompressed
from sampan.images.tarread import BLOCK, TarReader, parse_header
from sampan.linux.openat2 import RESOLVE_BENEATH, RESOLVE_NO_SYMLINKS, openat2

CHUNK = 1 << 20
PEEK = 128 << 10  # bytes that may be needed to find the first header in: a bzip2 block has up to 900 kB


def is_archive(root: HostRoot, path: str) -> bool:
    """Whether the regular file is a tar, plain or compressed (gzip, bzip2, xz, zstd). Blocks."""
    try:
        pieces = _read(root, path, PEEK)
        next(iter(TarReader(decompressed(pieces))))
    except (Failed, StopIteration, OSError):
        return False
    return True


def plain_tar(root: HostRoot, path: str) -> Iterator[bytes]:
    """The archive's uncompressed bytes. Blocks while iterated. Raises Failed when it is broken."""
    try:
        yield from decompressed(_read(root, path, CHUNK))
    except OSError as error:
        raise Failed(f"read {path}: {(error.strerror or str(error)).lower()}") from None


def looks_like_tar(head: bytes) -> bool:
    """Whether a stream that begins so is an uncompressed tar."""
    if len(head) < BLOCK:
        return False
    if not any(head[:BLOCK]):
        return True  # an empty archive
    try:
        parse_header(head[:BLOCK])
    except Failed:
        return False
    return True


def _read(root: HostRoot, path: str, size: int) -> Iterator[bytes]:
    directory = os.open(root.path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY
        file = openat2(directory, os.fsencode(path), flags, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS)
    finally:
        os.close(directory)
    try:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            raise Failed(f"open {path}: not a regular file")
        while data := os.read(file, size):
            yield data
    finally:
        os.close(file)
