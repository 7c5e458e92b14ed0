"""Debian binary packages: the tar inside a .deb. deb(5)."""

from collections.abc import Iterator

from sampan.errors import Invalid
from sampan.images.compression import decompressed

_MAGIC = b"!<arch>\n"
_HEADER = 60


def data_tar(package: bytes) -> Iterator[bytes]:
    """The package's files as an uncompressed tar. Raises Invalid."""
    if not package.startswith(_MAGIC):
        raise Invalid("not a Debian package: not an ar archive")
    position = len(_MAGIC)
    while position + _HEADER <= len(package):
        header = package[position : position + _HEADER]
        if header[58:] != b"`\n" or not header[48:58].strip().isdigit():
            raise Invalid("not a Debian package: broken ar header")
        name, size = header[:16].strip().rstrip(b"/"), int(header[48:58])
        position += _HEADER
        if name.startswith(b"data.tar"):
            return decompressed([package[position : position + size]])
        position += size + size % 2
    raise Invalid("not a Debian package: no data.tar")
