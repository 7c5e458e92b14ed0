"""Debian packages: an ar archive with a compressed tar in it."""

import io
import lzma
import tarfile

import pytest

from sampan.errors import Invalid
from sampan.images.deb import data_tar
from sampan.images.tarread import TarReader


def ar(*members: tuple[bytes, bytes]) -> bytes:
    out = b"!<arch>\n"
    for name, data in members:
        out += b"%-16b%-12d%-6d%-6d%-8b%-10d`\n" % (name, 0, 0, 0, b"100644", len(data))
        out += data + b"\n" * (len(data) % 2)
    return out


def packed() -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("./bin/busybox"))
    return data.getvalue()


def test_the_packages_files_are_found() -> None:
    package = ar(
        (b"debian-binary", b"2.0\n"), (b"control.tar.xz", b"odd"), (b"data.tar.xz/", lzma.compress(packed()))
    )
    assert [entry.name for entry in TarReader(data_tar(package))] == [b"./bin/busybox"]


@pytest.mark.parametrize(
    "package", [b"", b"junk", b"!<arch>\n", ar((b"debian-binary", b"2.0\n")), b"!<arch>\n" + b"x" * 60]
)
def test_other_files_are_refused(package: bytes) -> None:
    with pytest.raises(Invalid, match="not a Debian package"):
        data_tar(package)
