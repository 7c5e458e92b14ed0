"""Tar headers: ustar where it can say it, a pax header before where it cannot. POSIX.1-2017, pax.

Equal entries give equal bytes: nothing of the host (names of users, access times) gets in.
"""

from collections.abc import Generator, Iterator
from typing import Union

from sampan.images.tarread import BLOCK, XATTR_PREFIX, Entry

END = bytes(2 * BLOCK)
CHUNK = 1 << 20
MAX_SIZE = 0o77777777777
MAX_ID = 0o7777777


# What a member consists of: bytes, and the members below it. Directories may be nested deeper than calls may.
Pieces = Generator[Union[bytes, "Pieces"], None, None]


def archive(pieces: Pieces) -> Iterator[bytes]:
    """A whole tar of its members' headers and data, in pieces of about 1 MB."""
    buffer = bytearray()
    for piece in _flat(pieces):
        buffer += piece
        if len(buffer) >= CHUNK:
            yield bytes(buffer)
            buffer.clear()
    yield bytes(buffer) + END


def _flat(pieces: Pieces) -> Iterator[bytes]:
    stack = [pieces]
    try:
        while stack:
            piece = next(stack[-1], None)
            if piece is None:
                stack.pop()
            elif isinstance(piece, bytes):
                yield piece
            else:
                stack.append(piece)
    finally:
        for left in reversed(stack):  # they hold files open
            left.close()


def header(entry: Entry) -> bytes:
    """All blocks that come before the entry's data. Times are cut to seconds, as in Docker's layers."""
    seconds = entry.mtime_ns // 1_000_000_000
    pax: dict[bytes, bytes] = {XATTR_PREFIX + name: value for name, value in entry.xattrs.items()}
    name, prefix = _split_name(entry.name)
    if not name:
        pax[b"path"] = entry.name
        name = _ascii(entry.name)[:100].rstrip(b"/") or b"_"
    linkname = entry.linkname
    if len(linkname) > 100 or not linkname.isascii():
        pax[b"linkpath"] = linkname
        linkname = _ascii(linkname)[:100]
    values = {}
    for key, value, limit in (
        (b"size", entry.size, MAX_SIZE),
        (b"uid", entry.uid, MAX_ID),
        (b"gid", entry.gid, MAX_ID),
        (b"mtime", seconds, MAX_SIZE),
    ):
        values[key] = value
        if not 0 <= value <= limit:
            pax[key] = b"%d" % value
            values[key] = 0
    block = _block(
        name, prefix, entry.type, linkname, entry.mode, values, devices=(entry.devmajor, entry.devminor)
    )
    return _pax(entry.name, pax) + block if pax else block


def padding(size: int) -> bytes:
    """What follows `size` bytes of data."""
    return bytes(-size % BLOCK)


def _split_name(name: bytes) -> tuple[bytes, bytes]:
    """Name and prefix field, or empty when only pax can hold it."""
    if not name.isascii():
        return b"", b""
    if len(name) <= 100:
        return name, b""
    slash = name.rfind(b"/", 0, min(156, len(name) - 1))
    if slash <= 0 or len(name) - slash - 1 > 100:
        return b"", b""
    return name[slash + 1 :], name[:slash]


def _ascii(text: bytes) -> bytes:
    return bytes(byte for byte in text if byte < 128)


def _pax(name: bytes, records: dict[bytes, bytes]) -> bytes:
    body = b"".join(record(key, records[key]) for key in sorted(records))
    directory, _, base = _ascii(name.rstrip(b"/")).rpartition(b"/")
    own = (directory + b"/PaxHeaders.0/" if directory else b"PaxHeaders.0/") + base
    values = {b"size": len(body), b"uid": 0, b"gid": 0, b"mtime": 0}
    return _block(own[:100].rstrip(b"/"), b"", b"x", b"", 0o644, values) + body + padding(len(body))


def record(key: bytes, value: bytes) -> bytes:
    """One pax record: its length, which counts itself, key and value."""
    rest = b" " + key + b"=" + value + b"\n"
    length = len(rest) + len(str(len(rest)))
    if len(str(length)) + len(rest) != length:
        length += 1
    return b"%d" % length + rest


def _block(
    name: bytes,
    prefix: bytes,
    type: bytes,
    linkname: bytes,
    mode: int,
    values: dict[bytes, int],
    devices: tuple[int, int] = (0, 0),
) -> bytes:
    block = b"".join(
        (
            name.ljust(100, b"\0"),
            b"%07o\0" % mode,
            b"%07o\0" % values[b"uid"],
            b"%07o\0" % values[b"gid"],
            b"%011o\0" % values[b"size"],
            b"%011o\0" % values[b"mtime"],
            b" " * 8,
            type,
            linkname.ljust(100, b"\0"),
            b"ustar\x0000",
            bytes(64),
            b"%07o\0" % devices[0],
            b"%07o\0" % devices[1],
            prefix.ljust(155, b"\0"),
            bytes(12),
        )
    )
    return block[:148] + b"%06o\0 " % sum(block) + block[156:]
