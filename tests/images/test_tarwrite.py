"""Headers we write are read back, by us and by tarfile, and are the same every time."""

import io
import tarfile

from hypothesis import given, settings
from hypothesis import strategies as st

from sampan.images.tarread import REGULAR, SYMLINK, Entry, TarReader
from sampan.images.tarwrite import END, header, padding, record

parts = st.binary(min_size=1, max_size=120).map(lambda raw: raw.replace(b"/", b"_").replace(b"\0", b"_"))
entries = st.builds(
    lambda names, link, mode, uid, gid, size, mtime, xattrs: (
        names,
        link,
        mode,
        uid,
        gid,
        size,
        mtime,
        xattrs,
    ),
    st.lists(parts, min_size=1, max_size=3),
    st.binary(max_size=200).map(lambda raw: raw.replace(b"\0", b"_")),
    st.integers(0, 0o7777),
    st.integers(0, (1 << 32) - 1),
    st.integers(0, (1 << 32) - 1),
    st.integers(0, 1 << 40),
    st.integers(-(1 << 33), 1 << 36),
    st.dictionaries(st.sampled_from([b"user.a", b"security.capability"]), st.binary(max_size=40)),
)


@given(entries)
@settings(max_examples=200, deadline=None)
def test_a_header_says_all_of_its_entry(values: tuple) -> None:  # type: ignore[type-arg]
    names, link, mode, uid, gid, size, mtime, xattrs = values
    entry = Entry(b"/".join(names), REGULAR if not link else SYMLINK)
    entry.linkname, entry.mode, entry.uid, entry.gid = link, mode, uid, gid
    entry.size = size if not link else 0
    entry.mtime_ns, entry.xattrs = mtime * 10**9 + 5, xattrs
    data = header(entry)
    assert data == header(entry) and len(data) % 512 == 0
    found = next(iter(TarReader([data])))
    assert (found.name, found.linkname, found.type) == (entry.name, link, entry.type)
    assert (found.mode, found.uid, found.gid, found.size) == (mode, uid, gid, entry.size)
    assert (found.mtime_ns, found.xattrs) == (mtime * 10**9, xattrs)


@given(st.binary(min_size=1, max_size=2000), st.binary(max_size=2000))
def test_a_pax_record_counts_itself(key: bytes, value: bytes) -> None:
    data = record(key, value)
    assert int(data.split(b" ", 1)[0]) == len(data)


def test_tarfile_reads_it_too() -> None:
    entry = Entry(("sub/" + "ü" * 90).encode(), REGULAR)
    entry.size, entry.uid, entry.mode = 3, 3_000_000, 0o640
    entry.xattrs = {b"user.a": b"1"}
    data = header(entry) + b"abc" + padding(3) + END
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        (info,) = archive.getmembers()
        content = archive.extractfile(info)
        assert content and content.read() == b"abc"
    assert (info.name, info.uid, info.mode) == ("sub/" + "ü" * 90, 3_000_000, 0o640)
    assert info.pax_headers["SCHILY.xattr.user.a"] == "1"


def test_an_ordinary_entry_needs_no_pax_header() -> None:
    assert len(header(Entry(b"usr/bin/env", REGULAR))) == 512
    assert len(header(Entry(b"d" * 90 + b"/" + b"n" * 90, REGULAR))) == 512
