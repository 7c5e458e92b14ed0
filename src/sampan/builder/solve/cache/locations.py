"""Where a cache lies that is no registry's: a directory on this machine, or a client's session."""

import errno
import hashlib
import os
import stat
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Protocol, runtime_checkable

from sampan.builder.solve.cache import portable
from sampan.engine.images.pipes import pieces
from sampan.errors import Invalid, NotFound
from sampan.images.registry.manifests import Descriptor, parse_index
from sampan.specs.oci.digest import is_digest
from sampan.specs.oci.image import REF_NAME

CHUNK = 1 << 20


@runtime_checkable
class HasBlobs(Protocol):
    """A requester whose directories are stores of blobs: BuildKit's clients, with containerd's protocol."""

    def blob(self, store: str, digest: str) -> AsyncIterator[bytes]: ...

    async def put_blob(self, store: str, digest: str, size: int, chunks: AsyncIterator[bytes]) -> None: ...


class Place(Protocol):
    """Bytes are checked against their digests while they are read. Raises NotFound, Invalid."""

    async def manifest(self, attrs: Mapping[str, str]) -> bytes: ...

    async def small(self, blob: Descriptor) -> bytes: ...

    def chunks(self, blob: Descriptor) -> AsyncIterator[bytes]: ...


class Layout:
    """An OCI layout. It is somebody's directory: only regular files are opened, and no link is followed."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    async def manifest(self, attrs: Mapping[str, str]) -> bytes:
        try:
            index = parse_index(b"".join(_read(self._directory / "index.json", portable.MAX_SIZE)))
        except OSError:
            raise NotFound("could not read index.json: it is no OCI layout") from None
        wanted, tag = attrs.get("digest", ""), attrs.get("tag", "") or "latest"
        for item in index:
            name = (item.get("annotations") or {}).get(REF_NAME, "")
            if item["digest"] == wanted if wanted else name == tag or len(index) == 1:
                return await self.small(Descriptor(item["mediaType"], item["digest"], item["size"]))
        raise NotFound(f"no cache {wanted or tag} in it")

    async def small(self, blob: Descriptor) -> bytes:
        return b"".join([piece async for piece in self.chunks(_bounded(blob))])

    def chunks(self, blob: Descriptor) -> AsyncIterator[bytes]:
        return pieces(self._checked(blob))

    def _checked(self, blob: Descriptor) -> Iterator[bytes]:
        digest = hashlib.sha256()
        path = self._directory / "blobs" / "sha256" / blob.digest.removeprefix("sha256:")
        try:
            for piece in _read(path, blob.size):
                digest.update(piece)
                yield piece
        except OSError as error:
            raise NotFound(f"blob {blob.digest}: {error.strerror}") from None
        _check(blob, digest.hexdigest())


class Offered:
    """A store of blobs in a session; the client has read its index and tells the digest."""

    def __init__(self, requester: HasBlobs, store: str) -> None:
        self._requester = requester
        self._store = store

    async def manifest(self, attrs: Mapping[str, str]) -> bytes:
        digest = attrs.get("digest", "")
        if not is_digest(digest):
            raise NotFound("no digest of a cache was given")
        return await self.small(Descriptor("", digest, -1))

    async def small(self, blob: Descriptor) -> bytes:
        found = b""
        async for piece in self.chunks(_bounded(blob)):
            found += piece
            if len(found) > portable.MAX_SIZE:
                raise Invalid(f"{blob.digest} is too large")
        return found

    async def chunks(self, blob: Descriptor) -> AsyncIterator[bytes]:
        digest = hashlib.sha256()
        async for piece in self._requester.blob(self._store, blob.digest):
            digest.update(piece)
            yield piece
        _check(blob, digest.hexdigest())


def _bounded(blob: Descriptor) -> Descriptor:
    if blob.size > portable.MAX_SIZE:
        raise Invalid(f"{blob.digest} is too large")
    return blob


def _check(blob: Descriptor, hexadecimal: str) -> None:
    if f"sha256:{hexadecimal}" != blob.digest:
        raise Invalid(f"{blob.digest} is not what it says")


def _read(path: Path, limit: int) -> Iterator[bytes]:
    """No more than `limit` bytes. Raises OSError."""
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(fd, "rb") as file:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise OSError(errno.EINVAL, "not a regular file")
        left = limit
        while left and (piece := file.read(min(CHUNK, left))):
            left -= len(piece)
            yield piece
