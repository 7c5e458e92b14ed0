"""fsutil's receiver against senders that lie. No sockets: packets in, packets out."""

import os
import stat
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sampan.builder.frontends.buildkit.session import packets
from sampan.builder.frontends.buildkit.session.listing import Listing
from sampan.builder.frontends.buildkit.session.receive import Receiver
from sampan.builder.frontends.buildkit.session.send import Tree
from sampan.errors import Failed, Invalid
from sampan.specs.golang import filemode

PACKET = packets.packet_class()
DIR = filemode.DIR | 0o755


def entry(path: str, mode: int = 0o644, **fields: Any) -> bytes:
    packet = PACKET()
    packet.stat.path = path.encode()
    packet.stat.mode = mode
    for name, value in fields.items():
        if name == "xattrs":
            packet.stat.xattrs.update(value)
        else:
            setattr(packet.stat, name, value)
    return bytes(packet.SerializeToString())


def link(path: str, target: str) -> bytes:
    return entry(path, filemode.SYMLINK | 0o777, linkname=target.encode())


def receive(root: Path, sent: Iterable[bytes]) -> list[bytes]:
    receiver = Receiver(Listing(root / "files"))
    try:
        return receiver.take(list(sent))
    finally:
        receiver.close()


def names(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root / "files")) for path in (root / "files").rglob("*"))


LIES: list[tuple[str, list[bytes]]] = [
    ("up", [entry("../x")]),
    ("up inside", [entry("a", DIR), entry("a/../../x")]),
    ("absolute", [entry("/etc/x")]),
    ("no name", [entry("")]),
    ("dot", [entry(".")]),
    ("two slashes", [entry("a", DIR), entry("a//b")]),
    ("a slash at the end", [entry("a/", DIR)]),
    ("zero byte", [entry("a\0b")]),
    ("no parent", [entry("a/b")]),
    ("a file as parent", [entry("a", size=0), entry("a/b")]),
    ("a link as parent", [link("a", "/etc"), entry("a/b")]),
    ("a parent far back", [entry("a", DIR), entry("b", DIR), entry("a/x")]),
    ("wrong order", [entry("b"), entry("a")]),
    ("wrong order of directories", [entry("a", DIR), entry("a-b"), entry("a/b")]),
    ("twice", [entry("a"), entry("a")]),
    ("a hard link to nothing", [entry("b", linkname=b"a")]),
    ("a hard link to itself", [entry("b", linkname=b"b")]),
    ("a hard link upwards", [entry("b", linkname=b"../../etc/passwd")]),
    ("a hard link through a link", [link("a", "/etc"), entry("b", linkname=b"a/passwd")]),
    ("a hard link to a link", [link("a", "/etc/passwd"), entry("b", linkname=b"a")]),
    ("a hard link to a directory", [entry("a", DIR), entry("b", linkname=b"a")]),
    ("a hard link forwards", [entry("a", linkname=b"b"), entry("b")]),
    ("a socket", [entry("a", filemode.SOCKET | 0o644)]),
    ("two types at once", [entry("a", filemode.DIR | filemode.SYMLINK)]),
    ("data for nothing", [packets.data(0, b"x")]),
    ("data nobody asked for", [entry("a", DIR), packets.data(0, b"x")]),
    ("data twice", [entry("a", size=1), packets.data(0, b"x"), packets.data(0, b""), packets.data(0, b"y")]),
    ("an end too early", [entry("a", size=1), b"", packets.FINISHED]),
    ("an end before the list's", [packets.FINISHED]),
    ("more after the list", [b"", entry("a")]),
    ("a request from a sender", [packets.request(1)]),
    ("no packet", [b"\xff\xff\xff"]),
    ("an unknown kind", [b"\x08\x55"]),
]


@pytest.mark.parametrize("sent", [row[1] for row in LIES], ids=[row[0] for row in LIES])
def test_lies_are_refused(tmp_path: Path, sent: list[bytes]) -> None:
    with pytest.raises(Invalid):
        receive(tmp_path, sent)
    for path in (tmp_path / "files").rglob("*"):
        assert path.is_dir() or path.is_symlink() or path.stat().st_size <= 1


def test_a_senders_error_is_told(tmp_path: Path) -> None:
    with pytest.raises(Failed, match="error from sender: permission denied"):
        receive(tmp_path, [packets.failure("permission denied")])


def test_too_long_a_name_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(Failed, match="too long"):
        receive(tmp_path, [entry("a" * 300, size=0)])


def test_what_was_a_directory_matches_nothing_below_a_link(tmp_path: Path) -> None:
    """The same bytes as last time are believed, but not below what is no directory any more."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "x").write_text("mine")
    before = [entry("a", DIR), entry("a/x", size=0), b""]
    receive(tmp_path, before)
    for lie in (
        [link("a", str(outside)), entry("a/x", size=0), entry("a/y", size=0), b""],
        [link("a", str(outside)), entry("a/x", size=0), b""],
    ):
        with pytest.raises(Invalid):
            receive(tmp_path, lie)
    receive(tmp_path, [link("a", str(outside)), b""])
    receive(tmp_path, [b""])
    assert (outside / "x").read_text() == "mine" and os.listdir(outside) == ["x"]
    assert names(tmp_path) == []


def test_only_attributes_that_cannot_reach_a_layers_own_are_set(tmp_path: Path) -> None:
    attributes = {"trusted.overlay.opaque": b"y", "user.mine": b"1", "security.selinux": b"x"}
    receive(tmp_path, [entry("a", size=0, xattrs=attributes), b""])
    found = os.listxattr(tmp_path / "files" / "a")
    assert set(found) <= {"user.mine"}


def test_a_file_that_changed_while_it_was_sent_is_asked_for_again(tmp_path: Path) -> None:
    sent = [entry("a", size=5, modTime=1), b"", packets.data(0, b"more than five"), packets.data(0, b"")]
    assert receive(tmp_path, sent) == [packets.request(0), packets.FINISHED]
    assert (tmp_path / "files" / "a").read_bytes() == b"more than five"
    assert receive(tmp_path, sent[:2]) == [packets.request(0)]


def test_large_files_that_arrive_at_the_same_time_are_bounded(tmp_path: Path) -> None:
    listed = [entry(f"f{number:03}", size=1 << 21) for number in range(70)]
    with pytest.raises(Invalid, match="at once"):
        receive(tmp_path, [*listed, *(packets.data(number, b"x" * (1 << 20)) for number in range(70))])


def test_a_listing_that_is_broken_is_forgotten(tmp_path: Path) -> None:
    receive(tmp_path, [entry("a", size=0), b""])
    for broken in (b"", b"x" * 40, b"\0" * 16 + b"\0\0\0\5\xff\xff\xff\xff\xff"):
        (tmp_path / "listing").write_bytes(broken)
        receive(tmp_path, [entry("a", size=0), b""])
        assert names(tmp_path) == ["a"]


trees = st.recursive(
    st.one_of(
        st.binary(max_size=8),
        st.sampled_from(["->a", "->../b", "->/etc/passwd"]),
    ),
    lambda children: st.dictionaries(
        st.sampled_from(["a", "a-b", "a.b", "b", "ä", "z"]), children, max_size=4
    ),
    max_leaves=12,
)


def build(root: Path, tree: Any) -> None:
    for name, value in tree.items():
        path = root / name
        if isinstance(value, dict):
            path.mkdir()
            build(path, value)
        elif isinstance(value, bytes):
            path.write_bytes(value)
            os.utime(path, ns=(len(value), len(value)))
        else:
            path.symlink_to(value[2:])


def seen(root: Path) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for path in root.rglob("*"):
        info = path.lstat()
        content = (
            path.read_bytes()
            if stat.S_ISREG(info.st_mode)
            else os.readlink(path)
            if path.is_symlink()
            else None
        )
        found[str(path.relative_to(root))] = (info.st_mode, info.st_mtime_ns, content)
    return found


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(trees.filter(lambda tree: isinstance(tree, dict)), min_size=1, max_size=4))
def test_any_tree_follows_any_other(following: list[Any]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        for number, tree in enumerate(following):
            source = Path(directory, f"source{number}")
            source.mkdir()
            build(source, tree)
            # Same size and time would be the same file, for fsutil as for us.
            for path in source.rglob("*"):
                if path.is_file() and not path.is_symlink():
                    os.utime(path, ns=(number, number))
            transfer(Path(directory, "received"), source)
            assert seen(Path(directory, "received", "files")) == seen(source)


def transfer(root: Path, source: Path) -> None:
    tree = Tree(source)
    receiver = Receiver(Listing(root / "files"))
    sent: Iterator[bytes] = tree.listing()
    replies = [reply for packet in sent for reply in receiver.take([packet])]
    for reply in replies:
        packet = PACKET.FromString(reply)
        if packet.type == packets.REQ:
            replies += receiver.take(list(tree.file(packet.ID)))
    assert replies[-1] == packets.FINISHED
    assert receiver.take([packets.FINISHED]) == [] and receiver.done


@pytest.mark.parametrize(
    "mode", [stat.S_IFREG | 0o4755, stat.S_IFDIR | 0o1777, stat.S_IFLNK, stat.S_IFCHR | 0o600]
)
def test_modes_survive_gos_form(mode: int) -> None:
    assert filemode.to_unix(filemode.from_unix(mode)) == mode


def test_the_size_is_known_without_looking(tmp_path: Path) -> None:
    def file(name: str, size: int, time: int = 1) -> list[bytes]:
        return [entry(name, size=size, modTime=time)]

    def sent(*listed: list[bytes]) -> list[bytes]:
        entries = [packet for one in listed for packet in one]
        data = [packets.data(n, b"x" * PACKET.FromString(p).stat.size) for n, p in enumerate(entries)]
        asked = {PACKET.FromString(reply).ID for reply in receive_list(entries)}
        return [
            *entries,
            b"",
            *(p for n, d in enumerate(data) if n in asked for p in (d, packets.data(n, b""))),
        ]

    def receive_list(entries: list[bytes]) -> list[bytes]:
        return [p for p in receive(tmp_path, entries) if PACKET.FromString(p).type == packets.REQ]

    directory = [entry("d", DIR)]
    steps: list[tuple[int, tuple[list[bytes], ...]]] = [
        (30, (file("a", 10), directory, file("d/x", 20))),
        (35, (file("a", 15, 2), directory, file("d/x", 20))),
        (15, (file("a", 15, 2), directory)),
        (22, (file("a", 15, 2), directory, file("d/z", 7))),
        (16, (file("a", 15, 2), file("d", 1))),
        (0, ()),
    ]
    for size, listed in steps:
        receive(tmp_path, sent(*listed))
        assert Listing(tmp_path / "files").last_size() == size
        (tmp_path / "listing").rename(tmp_path / "listing.old")  # and counted anew
        listing = Listing(tmp_path / "files")
        listing.load()
        assert listing.size == size and not listing.clean
        receive(tmp_path, [packet for one in listed for packet in one] + [b""])
        assert (tmp_path / "listing").exists() and not (tmp_path / "listing.old").exists()


def test_what_has_come_of_a_transfer_that_was_given_up_is_kept(tmp_path: Path) -> None:
    listed = [entry(name, size=1, modTime=7) for name in ("a", "b", "c")]
    receive(tmp_path, [*listed, b"", packets.data(1, b"x"), packets.data(1, b""), packets.data(2, b"y")])
    assert Listing(tmp_path / "files").last_size() == 1
    assert receive(tmp_path, [*listed, b""]) == [packets.request(0), packets.request(2)]
