"""Streams of bytes: what a layer or an archive may be compressed with, told by its first bytes."""

from collections.abc import Iterable, Iterator
from typing import Any, Literal

from sampan.errors import Failed

Compression = Literal["", "gzip", "bzip2", "xz", "zstd"]

_MAGIC: list[tuple[bytes, Compression]] = [
    (b"\x1f\x8b\x08", "gzip"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
]
PEEK = 6

# Bytes of input for one call of a decompressor, so that a bomb's output per call stays near 100 MB: deflate
# grows at most 1032-fold, a zstd block of 4 bytes may stand for 128 kB. bzip2 and xz bound their output
# themselves.
STEP = {"gzip": 128 << 10, "zstd": 4 << 10, "bzip2": 128 << 10, "xz": 128 << 10}
OUTPUT = 1 << 20


def detect(head: bytes) -> Compression:
    """What the stream starting with `head` (at least PEEK bytes, unless it is shorter) is compressed with."""
    for magic, name in _MAGIC:
        if head.startswith(magic):
            return name
    if len(head) >= 4 and head[1:4] == b"\x2a\x4d\x18" and head[0] & 0xF0 == 0x50:
        return "zstd"  # a skippable frame, RFC 8878 section 3.1.2
    return ""


def peek(chunks: Iterable[bytes], size: int = PEEK) -> tuple[bytes, Iterator[bytes]]:
    """The first `size` bytes (fewer at end of stream), and the whole stream again."""
    iterator = iter(chunks)
    head = b""
    for chunk in iterator:
        head += chunk
        if len(head) >= size:
            break
    return head[:size], _prepend(head, iterator)


def _prepend(head: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    if head:
        yield head
    yield from rest


def decompressed(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The stream's content, whatever of the known formats it is compressed with.

    Raises Failed while iterating when the compressed data is broken or ends early.
    """
    head, stream = peek(chunks)
    compression = detect(head)
    return stream if not compression else _decompress(stream, compression)


def _decompress(chunks: Iterable[bytes], compression: Compression) -> Iterator[bytes]:
    make, errors = _decompressor(compression)
    step = STEP[compression]
    decoder: Any = None
    try:
        for chunk in chunks:
            for start in range(0, len(chunk), step):
                data = chunk[start : start + step]
                while data:
                    # A stream may hold several members (gzip, xz, bzip2) or frames (zstd) after one another.
                    if decoder is None:
                        if compression == "gzip" and not data.strip(b"\0"):
                            break  # padding after the last member, as gzip(1) ignores it
                        decoder = make()
                    yield from _outputs(decoder, data)
                    data = b""
                    if decoder.eof:
                        data = decoder.unused_data
                        decoder = None
    except errors as error:
        raise Failed(f"invalid {compression} stream: {error}") from error
    if decoder is not None:
        raise Failed(f"invalid {compression} stream: unexpected EOF")


def _outputs(decoder: Any, data: bytes) -> Iterator[bytes]:
    if not hasattr(decoder, "needs_input"):
        if output := decoder.decompress(data):
            yield output
        return
    while True:
        if output := decoder.decompress(data, OUTPUT):
            yield output
        data = b""
        if decoder.needs_input or decoder.eof:
            return


def _decompressor(compression: Compression) -> tuple[Any, tuple[type[Exception], ...]]:
    if compression == "gzip":
        gzip = _zlib()
        return lambda: gzip.decompressobj(31), (gzip.error,)
    if compression == "zstd":
        import zstandard

        return lambda: zstandard.ZstdDecompressor().decompressobj(), (zstandard.ZstdError,)
    if compression == "bzip2":
        import bz2

        return bz2.BZ2Decompressor, (OSError,)
    import lzma

    # Its header may ask for a dictionary of 4 GB; xz -9 needs 65 MB.
    return lambda: lzma.LZMADecompressor(memlimit=256 << 20), (lzma.LZMAError,)


def _zlib() -> Any:
    """isal inflates three times as fast as zlib where it exists (x86-64, arm64)."""
    try:
        from isal import isal_zlib
    except ImportError:
        import zlib

        return zlib
    return isal_zlib


# Fast and the same for the same input: what is saved on the wire is not worth more of the processor.
GZIP_LEVEL, ZSTD_LEVEL = 1, 3


def compressed(chunks: Iterable[bytes], compression: str, level: int | None = None) -> Iterator[bytes]:
    """The stream compressed as "gzip" or "zstd", in pieces of about 1 MB. `level`: 0-9, or zstd's 1-22."""
    if compression == "zstd":
        import zstandard

        level = ZSTD_LEVEL if level is None else max(1, min(level, 22))
        encoder: Any = zstandard.ZstdCompressor(level, write_checksum=True).compressobj()
    elif level is None:
        encoder = _zlib().compressobj(GZIP_LEVEL, 8, 31)  # 31: a gzip header, without a time
    else:
        import zlib

        encoder = zlib.compressobj(max(0, min(level, 9)), 8, 31)
    pending: list[bytes] = []
    size = 0
    for chunk in chunks:
        if data := encoder.compress(chunk):
            pending.append(data)
            size += len(data)
            if size >= OUTPUT:
                yield b"".join(pending)
                pending, size = [], 0
    yield b"".join((*pending, encoder.flush()))
