"""The tar reader against tarfile, GNU tar's sparse formats, and hostile bytes."""

import io
import subprocess
import tarfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sampan.images.tarread import BLOCK, REGULAR, Entry, TarError, TarReader, number, parse_pax

FORMATS = {"ustar": tarfile.USTAR_FORMAT, "gnu": tarfile.GNU_FORMAT, "pax": tarfile.PAX_FORMAT}


def pieces(data: bytes, size: int = 1000) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]


def read(data: bytes, size: int = 1000) -> list[tuple[Entry, bytes]]:
    reader = TarReader(pieces(data, size))
    return [(entry, b"".join(reader.data())) for entry in reader]


def write(format: int, *members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w", format=format) as archive:
        for info, content in members:
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return data.getvalue()


def member(name: str, **fields: object) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    for key, value in fields.items():
        setattr(info, key, value)
    return info


@pytest.mark.parametrize("format", FORMATS)
def test_every_kind_of_member_is_read(format: str) -> None:
    data = write(
        FORMATS[format],
        (member("dir/", type=tarfile.DIRTYPE, mode=0o1755), b""),
        (member("dir/file", mode=0o4755, uid=7, gid=8, mtime=1234567890), b"content" * 100),
        (member("link", type=tarfile.SYMTYPE, linkname="dir/file"), b""),
        (member("hard", type=tarfile.LNKTYPE, linkname="dir/file"), b""),
        (member("null", type=tarfile.CHRTYPE, devmajor=1, devminor=3), b""),
        (member("sda", type=tarfile.BLKTYPE, devmajor=8, devminor=0), b""),
        (member("pipe", type=tarfile.FIFOTYPE), b""),
    )
    found = read(data)
    assert [(entry.name, entry.type) for entry, _ in found] == [
        (b"dir/" if format != "x" else b"", b"5"),
        (b"dir/file", b"0"),
        (b"link", b"2"),
        (b"hard", b"1"),
        (b"null", b"3"),
        (b"sda", b"4"),
        (b"pipe", b"6"),
    ]
    entry, content = found[1]
    assert content == b"content" * 100
    assert (entry.mode, entry.uid, entry.gid, entry.mtime_ns) == (0o4755, 7, 8, 1234567890 * 10**9)
    assert found[2][0].linkname == b"dir/file"
    assert (found[4][0].devmajor, found[4][0].devminor) == (1, 3)


@pytest.mark.parametrize("format", ["gnu", "pax"])
def test_long_names_and_large_numbers_are_read(format: str) -> None:
    name, target = "d/" + "n" * 300, "t" * 400
    data = write(
        FORMATS[format],
        (member(name, uid=3_000_000, gid=4_294_967_294), b"x"),
        (member("link", type=tarfile.SYMTYPE, linkname=target), b""),
    )
    (first, content), (second, _) = read(data)
    assert (first.name, content, first.uid, first.gid) == (name.encode(), b"x", 3_000_000, 4_294_967_294)
    assert second.linkname == target.encode()


def test_pax_times_have_nanoseconds_and_attributes() -> None:
    info = member("f", mtime=5.000000123)
    info.pax_headers = {"SCHILY.xattr.user.a": "1", "SCHILY.xattr.security.capability": "\x01\x02"}
    ((entry, _),) = read(write(tarfile.PAX_FORMAT, (info, b"")))
    assert entry.mtime_ns == 5_000_000_123
    assert entry.xattrs == {b"user.a": b"1", b"security.capability": b"\x01\x02"}


def test_a_global_header_changes_nothing() -> None:
    data = io.BytesIO()
    with tarfile.open(
        fileobj=data, mode="w", format=tarfile.PAX_FORMAT, pax_headers={"comment": "0123abcd"}
    ) as archive:
        archive.addfile(member("f"))
    assert [entry.name for entry, _ in read(data.getvalue())] == [b"f"]


@pytest.mark.parametrize(
    "format",
    [
        ["--format=gnu"],
        *(["--format=posix", f"--sparse-version={version}"] for version in ("0.0", "0.1", "1.0")),
    ],
)
def test_gnu_tars_sparse_files_are_whole(tmp_path: Path, format: list[str]) -> None:
    path = tmp_path / "sparse"
    with path.open("wb") as file:
        for index in range(40):
            file.seek(index * 100_000)
            file.write(b"data %d" % index)
        file.truncate(5_000_000)
    made = subprocess.run(["tar", "-C", tmp_path, *format, "-S", "-cf", "-", "sparse"], stdout=-1, check=True)
    ((entry, content),) = read(made.stdout)
    assert (entry.name, entry.real_size, entry.type) == (b"sparse", 5_000_000, REGULAR)
    assert entry.sparse
    whole = bytearray(entry.real_size)
    position = 0
    for offset, length in entry.sparse:
        whole[offset : offset + length] = content[position : position + length]
        position += length
    assert position == len(content) == entry.size
    assert bytes(whole) == path.read_bytes()


def test_the_archive_may_end_without_its_end_blocks() -> None:
    data = write(tarfile.USTAR_FORMAT, (member("f"), b"x"))
    assert [entry.name for entry, _ in read(data[: 2 * BLOCK])] == [b"f"]


def test_the_last_data_may_lack_its_padding_where_that_is_allowed() -> None:
    data = write(tarfile.USTAR_FORMAT, (member("f"), b"x"))
    for cut in (BLOCK + 1, BLOCK + 100):
        entries = TarReader(pieces(data[:cut]), padded=False)
        assert [(entry.name, b"".join(entries.data())) for entry in entries] == [(b"f", b"x")]
        assert [entry.name for entry in TarReader(pieces(data[:cut]), padded=False)] == [b"f"]
        with pytest.raises(TarError):
            read(data[:cut])
    with pytest.raises(TarError):
        list(TarReader(pieces(write(tarfile.USTAR_FORMAT, (member("f"), b"xyz"))[: BLOCK + 2]), padded=False))


def test_what_follows_the_end_is_read_but_means_nothing() -> None:
    seen: list[bytes] = []

    def watched() -> object:
        for piece in pieces(write(tarfile.USTAR_FORMAT, (member("f"), b"x")) + b"junk" * 999):
            seen.append(piece)
            yield piece

    assert len(list(TarReader(watched()))) == 1  # type: ignore[arg-type]
    assert b"".join(seen).endswith(b"junk")


HOSTILE = [
    ("no tar at all", b"junk\n"),
    ("a block of text", b"x" * 512),
    ("data cut short", write(tarfile.USTAR_FORMAT, (member("f"), b"x" * 5000))[:2000]),
    ("one zero block and then something", bytes(512) + write(tarfile.USTAR_FORMAT, (member("f"), b""))),
]


@pytest.mark.parametrize("data", [row[1] for row in HOSTILE], ids=[row[0] for row in HOSTILE])
def test_broken_archives_are_refused(data: bytes) -> None:
    with pytest.raises(TarError):
        read(data)


def test_a_huge_pax_header_is_refused() -> None:
    info = member("f")
    info.pax_headers = {"comment": "x" * (2 << 20)}
    with pytest.raises(TarError, match="too long"):
        read(write(tarfile.PAX_FORMAT, (info, b"")))


def test_a_name_with_a_zero_byte_is_refused() -> None:
    info = member("f")
    info.pax_headers = {"path": "a\0b"}
    with pytest.raises(TarError):
        read(write(tarfile.PAX_FORMAT, (info, b"")))


NUMBERS = [
    (b"0000644\0", 0o644),
    (b"     17 ", 0o17),
    (b"\0" * 8, 0),
    (b"\x80" + bytes(10) + b"\x05", 5),
    (b"\xff" * 12, -1),
]


@pytest.mark.parametrize(("field", "value"), NUMBERS)
def test_numbers_are_octal_or_binary(field: bytes, value: int) -> None:
    assert number(field) == value


@pytest.mark.parametrize("field", [b"12x4567\0", b"0000009\0", b"-000001\0", b"\xbf" + b"\xff" * 11])
def test_other_numbers_are_refused(field: bytes) -> None:
    with pytest.raises(TarError):
        number(field)


@pytest.mark.parametrize(
    "data", [b"5 a=b\n", b"6 a=b", b"x a=b\n", b"6 ab.\n", b"99 a=b\n", b"6 =ab\n", b"0 a=b\n"]
)
def test_broken_pax_records_are_refused(data: bytes) -> None:
    with pytest.raises(TarError):
        parse_pax(data)


names = st.text(
    st.characters(min_codepoint=33, max_codepoint=0x2FF, exclude_characters="/"), min_size=1, max_size=150
)


@given(
    st.lists(st.tuples(names, st.binary(max_size=1500)), max_size=5),
    st.sampled_from(list(FORMATS)[1:]),
    st.integers(1, 2000),
)
@settings(max_examples=60, deadline=None)
def test_what_tarfile_writes_is_read(files: list[tuple[str, bytes]], format: str, size: int) -> None:
    data = write(FORMATS[format], *((member(name), content) for name, content in files))
    found = [(entry.name.decode(), content) for entry, content in read(data, size)]
    assert found == [(name, content) for name, content in files]


@given(st.binary(max_size=64), st.integers(0, 1023), st.integers(0, 255))
@settings(max_examples=200, deadline=None)
def test_damage_is_an_error_or_another_archive_but_never_a_crash(
    tail: bytes, position: int, byte: int
) -> None:
    info = member("f" * 120)
    info.pax_headers = {"SCHILY.xattr.user.a": "1"}
    data = bytearray(write(tarfile.PAX_FORMAT, (info, b"content")))
    data[position] = byte
    try:
        read(bytes(data) + tail)
    except TarError:
        pass
