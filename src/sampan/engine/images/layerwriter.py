"""One layer on its way in: its bytes become a blob, and its files a layer in the form the store makes."""

import mmap
import os
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from sampan.engine.images.store import ImageStore
from sampan.errors import Failed
from sampan.images.blobs import DigestedFile
from sampan.images.compression import decompressed, detect, peek
from sampan.images.erofs import Index, index
from sampan.images.layertree import Unindexable
from sampan.images.partial import Partial
from sampan.images.tee import tee
from sampan.images.unpack import Unpacked, unpack
from sampan.specs.oci.image import LAYER, LAYER_GZIP, LAYER_ZSTD

MEDIA_TYPES = {"": LAYER, "gzip": LAYER_GZIP, "zstd": LAYER_ZSTD}
CHUNK = 1 << 20


@dataclass(frozen=True)
class Written:
    """A layer that is on disk but not yet committed, and the blob that was kept of it."""

    layer: Unpacked
    blob: str
    blob_size: int
    media_type: str


class LayerWriter:
    """Used once: `unpack` or `unpack_blob`, which block, then `commit` or `discard`."""

    def __init__(self, store: ImageStore) -> None:
        self._store = store
        self._layers = store.layer_files
        self._prepared = self._layers.prepare()

    def unpack(self, chunks: Iterable[bytes]) -> Written:
        """Raises Failed for a bad archive and when the disk refuses."""
        head, stream = peek(chunks)
        compression = detect(head)
        if compression not in MEDIA_TYPES:
            # bzip2 and xz are no layer media types: what is kept is the tar itself.
            stream, compression = decompressed(stream), ""
        ingest = self._store.blobs.ingest()
        try:
            with closing(tee(stream, ingest.write)) as kept:
                if compression or self._layers.form == "directory":
                    layer = self._from_stream(decompressed(kept))
                else:
                    found = _index(kept)
                    layer = self._from_file(ingest.path, ingest.digest, ingest.size, found)
            blob = ingest.commit(sync=False)
            return Written(layer, blob, ingest.size, MEDIA_TYPES[compression])
        finally:
            ingest.abort()

    def unpack_blob(self, blob: str) -> Written:
        """The same from a blob that is there. Raises NotFound as well."""
        head, stream = peek(self._store.blobs.chunks(blob))
        compression = detect(head)
        size = self._store.blobs.size(blob)
        if compression or self._layers.form == "directory":
            layer = self._from_stream(decompressed(stream))
        else:
            # The content store has digested it: what is left is to read the headers.
            path = self._store.blobs.path(blob)
            layer = self._from_file(path, blob, size, _index(_mapped(path)))
        return Written(layer, blob, size, MEDIA_TYPES.get(compression, LAYER))

    def unpack_partial(self, partial: Partial, limit: int) -> tuple[Unpacked, str]:
        """The same from a blob that is still arriving, whoever checks it; returns its media type as well.

        Raises Failed also past `limit` bytes of tar.
        """
        head, stream = peek(partial.follow(reports_position=True))
        compression = detect(head)
        media_type = MEDIA_TYPES.get(compression, LAYER)
        if compression or self._layers.form == "directory":
            return self._from_stream(_bounded(decompressed(stream), limit)), media_type
        found = _index(stream)
        return self._from_file(partial.path, partial.digest, partial.total, found), media_type

    def _from_stream(self, tar: Iterator[bytes]) -> Unpacked:
        if self._layers.form == "directory":
            return unpack(tar, str(self._prepared.files()))
        file = DigestedFile(self._prepared.tar)
        try:
            with closing(tee(tar, file.write)) as written:
                found = _index(written)
        finally:
            file.close()
        os.chmod(self._prepared.tar, 0o644)
        return self._finish(file.digest, file.size, found)

    def _from_file(self, path: Path, diff_id: str, size: int, found: Index | None) -> Unpacked:
        self._prepared.link_tar(path)
        return self._finish(diff_id, size, found)

    def _finish(self, diff_id: str, size: int, found: Index | None) -> Unpacked:
        if found is None:
            result = unpack(_read(self._prepared.tar), str(self._prepared.files()))
            self._prepared.tar.unlink()
            return result
        try:
            image = found.image(size, bytes.fromhex(diff_id.removeprefix("sha256:"))[:16])
            self._prepared.put_index(image)
        except OSError as error:
            raise Failed(f"write the index of layer {diff_id}: {error.strerror}") from error
        return Unpacked(diff_id, found.size, size)

    def commit(self, diff_id: str) -> None:
        self._layers.commit(self._prepared, diff_id)

    def discard(self) -> None:
        self._layers.discard(self._prepared)


def _bounded(chunks: Iterator[bytes], limit: int) -> Iterator[bytes]:
    total = 0
    for chunk in chunks:
        total += len(chunk)
        if total > limit:
            raise Failed(f"the layer unfolds to more than {limit} bytes")
        yield chunk


def _index(tar: Iterator[bytes]) -> Index | None:
    """None when the layer needs real files; the stream is read to its end all the same."""
    try:
        return index(tar)
    except Unindexable:
        for _ in tar:
            pass
        return None


def _mapped(path: Path) -> Iterator[bytes]:
    """A whole file as one piece, of which only what is looked at is read."""
    with open(path, "rb") as file:
        if os.fstat(file.fileno()).st_size:
            yield mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)  # type: ignore[misc]


def _read(path: Path) -> Iterator[bytes]:
    with open(path, "rb") as file:
        while piece := file.read(CHUNK):
            yield piece
