"""fsutil's packets, by hand where there is one a file. tonistiigi/fsutil types/wire.proto

A sender lists everything in order (STAT, one without a stat ends the list), the receiver asks for the bytes
of what it has not (REQ, by position in the list), gets them (DATA, an empty one ends a file), and says FIN.
"""

from typing import Any

STAT, REQ, DATA, FIN, ERR = range(5)

END_OF_LIST = b""  # as it is encoded: all fields have their defaults
FINISHED = b"\x08\x03"


def varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def request(id: int) -> bytes:
    return b"\x08\x01\x18" + varint(id) if id else b"\x08\x01"


def data(id: int, chunk: bytes) -> bytes:
    head = b"\x08\x02\x18" + varint(id) if id else b"\x08\x02"
    return head + b"\x22" + varint(len(chunk)) + chunk if chunk else head


def failure(message: str) -> bytes:
    text = message.encode()
    return b"\x08\x04\x22" + varint(len(text)) + text


def packet_class() -> Any:
    from sampan.specs.buildkit.schema import schema

    return schema().message("fsutil.types.Packet")


def sort_key(path: bytes) -> bytes:
    """The order of a walk: names compared one directory after the other, so "/" comes before all else."""
    return path.replace(b"/", b"\0")
