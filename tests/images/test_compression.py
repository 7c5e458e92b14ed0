"""Layers and archives in every compression they come in."""

import bz2
import gzip
import lzma
from collections.abc import Callable

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from sampan.errors import Failed
from sampan.images.compression import decompressed, detect, peek

DATA = b"".join(b"line %d\n" % number for number in range(50_000))
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": zstandard.ZstdCompressor(write_checksum=True).compress,
}


def pieces(data: bytes, size: int) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]


@pytest.mark.parametrize("name", PACKERS)
@pytest.mark.parametrize("size", [1 << 20, 4093, 7])
def test_every_format_is_read_in_any_pieces(name: str, size: int) -> None:
    data = DATA if size > 7 else DATA[:5000]
    packed = PACKERS[name](data)
    assert detect(packed) == name
    assert b"".join(decompressed(pieces(packed, size))) == data


@pytest.mark.parametrize("name", [name for name in PACKERS if name])
def test_a_stream_of_several_members_is_one(name: str) -> None:
    pack = PACKERS[name]
    assert b"".join(decompressed([pack(b"one") + pack(b"two")])) == b"onetwo"
    assert b"".join(decompressed([pack(b"one"), pack(b"two")])) == b"onetwo"


def test_padding_after_gzip_is_ignored() -> None:
    assert b"".join(decompressed([gzip.compress(b"one"), bytes(512)])) == b"one"


@pytest.mark.parametrize("name", [name for name in PACKERS if name])
def test_a_stream_cut_short_is_an_error(name: str) -> None:
    packed = PACKERS[name](DATA)
    with pytest.raises(Failed, match="invalid"):
        b"".join(decompressed([packed[: len(packed) // 2]]))


@pytest.mark.parametrize("name", [name for name in PACKERS if name])
def test_a_damaged_stream_is_an_error(name: str) -> None:
    packed = bytearray(PACKERS[name](DATA))
    for index in range(len(packed) // 2, len(packed) // 2 + 64):
        packed[index] ^= 0xFF
    with pytest.raises(Failed, match="invalid"):
        b"".join(decompressed([bytes(packed)]))


@pytest.mark.parametrize("name", [name for name in PACKERS if name])
def test_a_bomb_comes_in_bounded_pieces(name: str) -> None:
    packed = PACKERS[name](bytes(150 << 20))
    largest = total = 0
    for piece in decompressed([packed]):
        largest, total = max(largest, len(piece)), total + len(piece)
    assert total == 150 << 20 and largest <= 140 << 20


@given(st.lists(st.binary(max_size=5), max_size=8), st.integers(0, 8))
def test_peeking_loses_nothing(chunks: list[bytes], size: int) -> None:
    head, stream = peek(chunks, size)
    whole = b"".join(chunks)
    assert head == whole[:size]
    assert b"".join(stream) == whole
