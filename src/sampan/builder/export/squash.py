"""`--squash`: several layers' tars as one, which does to what lies below what they did together. Blocks.

Whiteouts follow OCI image-spec layer.md: those of a layer hide what is below it, whatever their order in it.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sampan.images.tarread import DIRECTORY, HARDLINK, REGULAR, Entry, TarReader
from sampan.images.tarwrite import END, header, padding
from sampan.images.unpack import WHITEOUT_OPAQUE, WHITEOUT_PREFIX

Tar = Callable[[], Iterator[bytes]]
CHUNK = 1 << 20


@dataclass
class _Member:
    """`entry` and where its data is; all names of one file share `file`."""

    entry: Entry
    layer: int
    offset: int
    file: tuple[int, bytes]


@dataclass
class _Merged:
    members: dict[bytes, _Member] = field(default_factory=dict)
    hidden: set[bytes] = field(default_factory=set)  # of what lies below
    opaque: set[bytes] = field(default_factory=set)  # directories that show nothing from below


def squash(below: Iterable[Tar], layers: Sequence[Path]) -> Iterator[bytes]:
    """The tar of `layers` (uncompressed, bottom first) in one, sorted. `below`: the layers it goes upon."""
    ground = _Merged()
    for number, tar in enumerate(below):
        _add(ground, number, tar())
    merged = _Merged()
    for number, path in enumerate(layers):
        _add(merged, number, _read(path))
    yield from _members(merged, set(ground.members), layers)
    yield END


def _read(path: Path) -> Iterator[bytes]:
    with open(path, "rb") as file:
        while piece := file.read(CHUNK):
            yield piece


def _clean(name: bytes) -> bytes:
    """a/b for ./a/b/, as members are compared."""
    return b"/".join(part for part in name.split(b"/") if part not in (b"", b"."))


def _add(merged: _Merged, number: int, tar: Iterator[bytes]) -> None:
    """Put a layer on top."""
    own: dict[bytes, _Member] = {}
    reader = TarReader(tar)
    for entry in reader:
        path = _clean(entry.name)
        directory, _, name = path.rpartition(b"/")
        if name == WHITEOUT_OPAQUE:
            _drop_below(merged, directory)
            merged.opaque.add(directory)
        elif name.startswith(WHITEOUT_PREFIX):
            gone = _clean(directory + b"/" + name.removeprefix(WHITEOUT_PREFIX))
            _drop(merged, gone)
            merged.hidden.add(gone)
        elif path and entry.type == HARDLINK:
            target = own.get(_clean(entry.linkname))
            if target is not None:
                own[path] = target
        elif path:
            own[path] = _Member(entry, number, reader.offset, (number, path))
    for path, member in own.items():
        before = merged.members.get(path)
        if before is not None and not (before.entry.type == member.entry.type == DIRECTORY):
            _drop(merged, path)
        merged.members[path] = member


def _drop(merged: _Merged, path: bytes) -> None:
    gone = merged.members.pop(path, None)
    if gone is None or gone.entry.type == DIRECTORY:
        _drop_below(merged, path)


def _drop_below(merged: _Merged, directory: bytes) -> None:
    prefix = directory + b"/" if directory else b""
    for path in [path for path in merged.members if path.startswith(prefix)]:
        del merged.members[path]


def _members(merged: _Merged, existing: set[bytes], layers: Sequence[Path]) -> Iterator[bytes]:
    opaque = merged.opaque & merged.members.keys()
    # A directory in the place of something that was removed does not show that again.
    opaque |= {path for path in merged.hidden if _is_directory(merged, path)}
    if b"" in merged.opaque:
        opaque.add(b"")
    gone = {path for path in merged.hidden if path not in merged.members and path in existing}
    names = {path: path for path in merged.members}
    names |= {_beside(path, WHITEOUT_PREFIX + path.rpartition(b"/")[2]): path for path in gone}
    names |= {_below(path, WHITEOUT_OPAQUE): path for path in opaque}
    written: dict[tuple[int, bytes], bytes] = {}
    for name in sorted(names):
        member = merged.members.get(name)
        if member is None:
            marker = Entry(name, REGULAR)
            marker.mode = 0o600
            yield header(marker)
        else:
            yield from _member(name, member, written, layers)


def _is_directory(merged: _Merged, path: bytes) -> bool:
    member = merged.members.get(path)
    return member is not None and member.entry.type == DIRECTORY


def _beside(path: bytes, name: bytes) -> bytes:
    return _below(path.rpartition(b"/")[0], name)


def _below(directory: bytes, name: bytes) -> bytes:
    return directory + b"/" + name if directory else name


def _member(
    name: bytes, member: _Member, written: dict[tuple[int, bytes], bytes], layers: Sequence[Path]
) -> Iterator[bytes]:
    old = member.entry
    entry = Entry(name + (b"/" if old.type == DIRECTORY else b""), old.type)
    entry.linkname, entry.mode, entry.uid, entry.gid = old.linkname, old.mode, old.uid, old.gid
    entry.mtime_ns, entry.devmajor, entry.devminor = old.mtime_ns, old.devmajor, old.devminor
    entry.xattrs = dict(old.xattrs)
    first = written.setdefault(member.file, name)
    if first != name:
        entry.type, entry.linkname = HARDLINK, first
        yield header(entry)
        return
    entry.size = old.size
    yield header(entry)
    if old.size:
        yield from _data(layers[member.layer], member.offset, old.size)
        yield padding(old.size)


def _data(path: Path, offset: int, size: int) -> Iterator[bytes]:
    with open(path, "rb") as file:
        file.seek(offset)
        while size > 0:
            piece = file.read(min(CHUNK, size))
            if not piece:
                break  # a layer that is not whole; its digest says so
            size -= len(piece)
            yield piece
