"""The archive task on a real overlay: what `docker cp` and `docker export` do in a stopped container."""

import asyncio
import gzip
import io
import json
import os
import socket
import stat
import tarfile
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from sampan.errors import Failed, NotFound, SampanError
from sampan.runtime.client import Launcher

pytestmark = pytest.mark.root


@pytest.fixture
async def launcher() -> AsyncIterator[Launcher]:
    made = await Launcher.spawn()
    yield made
    await made.close()


@pytest.fixture
def box(tmp_path: Path) -> "Box":
    return Box(tmp_path)


class Box:
    """A stopped container's directories: one layer, an upper directory, a volume."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for name in ("lower", "upper", "work", "volume", "tmp"):
            (root / name).mkdir()
        os.chmod(root / "upper", 0o755)
        for name in ("etc", "d", "other", "vol"):
            (root / "lower" / name).mkdir()
        (root / "lower/etc/passwd").write_text("root:x:0:0::/:/bin/sh\nbob:x:1234:2345::/:/bin/sh\n")
        (root / "lower/etc/group").write_text("root:x:0:\nbob:x:2345:\n")
        (root / "lower/d/f").write_text("hi\n")
        os.chmod(root / "lower/d/f", 0o4755)
        (root / "lower/d/l").symlink_to("f")
        (root / "lower/d/out").symlink_to("../../../../other")
        (root / "lower/dl").symlink_to("/d")
        os.link(root / "lower/d/f", root / "lower/d/hard")

    def view(self) -> dict[str, Any]:
        return {
            "directory": str(self.root / "tmp"),
            "rootfs": {
                "type": "overlay",
                "lower": [str(self.root / "lower")],
                "upper": str(self.root / "upper"),
                "work": str(self.root / "work"),
            },
            "mounts": [
                {
                    "destination": "/vol",
                    "type": "bind",
                    "source": str(self.root / "volume"),
                    "options": ["rbind"],
                }
            ],
        }


async def run(launcher: Launcher, box: Box, request: dict[str, Any], feed: bytes = b"") -> tuple[Any, bytes]:
    """(result, what came out on "data")."""
    ours, theirs = socket.socketpair()
    with theirs:
        task = await launcher.task(
            "archive", {**box.view(), **request}, box.root / "tmp", {"data": theirs.fileno()}
        )
    reader, writer = await asyncio.open_connection(sock=ours)
    writer.write(feed)
    writer.write_eof()
    data = b""
    with suppress(ConnectionResetError):  # it refused before it had read everything
        data = await reader.read()
    writer.close()
    return await task.wait(), data


def members(data: bytes) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        return {member.name: member for member in archive.getmembers()}


def packed(*entries: tuple[str, bytes, str], uid: int = 1000) -> bytes:
    """(name, type, content or link target) of each entry."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, kind, content in entries:
            member = tarfile.TarInfo(name)
            member.type, member.uid, member.gid = kind, uid, uid + 1
            member.mode = 0o755 if kind == tarfile.DIRTYPE else 0o640
            if kind == tarfile.REGTYPE:
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content.encode()))
            else:
                member.linkname = content
                archive.addfile(member)
    return out.getvalue()


def special(kind: bytes, size: int) -> bytes:
    """The header of a long name or of pax records, and the first of what it announces."""
    member = tarfile.TarInfo("././@LongLink")
    member.type, member.size = kind, size
    return member.tobuf(tarfile.GNU_FORMAT) + b"x" * min(size, 1 << 20) + bytes(-size % 512)


FILE, DIR, SYM, LINK = tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE


@pytest.mark.parametrize(
    ("path", "name", "mode", "link"),
    [
        ("/d", "d", 1 << 31 | 0o755, ""),
        ("d/f", "f", 1 << 23 | 0o755, ""),
        ("/d/l", "l", 1 << 27 | 0o777, "/d/f"),
        ("/d/out", "out", 1 << 27 | 0o777, "/other"),
        ("/dl", "dl", 1 << 27 | 0o777, "/d"),
        ("/dl/", "dl", 1 << 31 | 0o755, ""),
        ("/dl/.", ".", 1 << 31 | 0o755, ""),
        ("/", "/", 1 << 31 | 0o755, ""),
        ("/d/../d", "d", 1 << 31 | 0o755, ""),
    ],
)
async def test_stat_is_dockers(
    launcher: Launcher, box: Box, path: str, name: str, mode: int, link: str
) -> None:
    result, _ = await run(launcher, box, {"op": "stat", "path": path})
    found = result["stat"]
    assert (found["name"], found["mode"], found["linkTarget"]) == (name, mode, link)


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("/d", {"d", "d/f", "d/l", "d/out", "d/hard"}),
        ("/dl/", {"dl", "dl/f", "dl/l", "dl/out", "dl/hard"}),
        ("/d/.", {".", "./f", "./l", "./out", "./hard"}),
        ("/d/f", {"f"}),
        ("/dl", {"dl"}),
        ("/vol", {"vol", "vol/data"}),
    ],
)
async def test_get_names_entries_after_the_path(
    launcher: Launcher, box: Box, path: str, names: set[str]
) -> None:
    (box.root / "volume/data").write_text("kept")
    _, data = await run(launcher, box, {"op": "get", "path": path})
    described, _, archive = data.partition(b"\n")
    assert json.loads(described)["name"] == path.rstrip("/").rpartition("/")[2]
    assert set(members(archive)) == names


async def test_get_keeps_modes_links_and_content(launcher: Launcher, box: Box) -> None:
    _, data = await run(launcher, box, {"op": "get", "path": "/d"})
    archive = tarfile.open(fileobj=io.BytesIO(data.partition(b"\n")[2]))  # noqa: SIM115
    first, second = archive.getmember("d/f"), archive.getmember("d/hard")
    assert first.mode == 0o4755
    assert (second.type, second.linkname) == (LINK, "d/f")
    content = archive.extractfile("d/f")
    assert content is not None and content.read() == b"hi\n"
    assert archive.getmember("d/out").linkname == "../../../../other"


async def test_export_has_everything_but_volumes(launcher: Launcher, box: Box) -> None:
    (box.root / "volume/data").write_text("not here")
    _, data = await run(launcher, box, {"op": "export", "mounts": []})
    names = set(members(data.partition(b"\n")[2]))
    assert {"d", "d/f", "etc/passwd", "vol"} <= names
    assert "vol/data" not in names


async def test_put_keeps_ids_and_makes_parents(launcher: Launcher, box: Box) -> None:
    await run(launcher, box, {"op": "put", "path": "/d"}, packed(("p/q/new", FILE, "x"), ("own", DIR, "")))
    new, own = (box.root / "upper/d/p/q/new").stat(), (box.root / "upper/d/own").stat()
    assert (new.st_uid, new.st_gid, stat.S_IMODE(new.st_mode)) == (1000, 1001, 0o640)
    assert (own.st_uid, stat.S_IMODE(own.st_mode)) == (1000, 0o755)
    assert (box.root / "upper/d/p").stat().st_uid == 0


async def test_put_with_a_user_gives_it_everything(launcher: Launcher, box: Box) -> None:
    await run(launcher, box, {"op": "put", "path": "/d", "user": "bob"}, packed(("new", FILE, "x")))
    new = (box.root / "upper/d/new").stat()
    assert (new.st_uid, new.st_gid) == (1234, 2345)


async def test_put_reads_gzip_and_goes_through_links_inside(launcher: Launcher, box: Box) -> None:
    stream = gzip.compress(packed(("out/in", FILE, "x")))
    await run(launcher, box, {"op": "put", "path": "/dl"}, stream)
    assert (box.root / "upper/other/in").read_text() == "x"


async def test_put_into_a_volume(launcher: Launcher, box: Box) -> None:
    await run(launcher, box, {"op": "put", "path": "/vol"}, packed(("new", FILE, "x")))
    assert (box.root / "volume/new").read_text() == "x"


async def test_an_empty_stream_is_fine(launcher: Launcher, box: Box) -> None:
    await run(launcher, box, {"op": "put", "path": "/d"})


@pytest.mark.parametrize(
    ("sentence", "path", "more", "archive", "kind"),
    [
        ("a missing directory", "/nope", {}, packed(("new", FILE, "x")), NotFound),
        ("extraction point is not a directory", "/d/f", {}, packed(("new", FILE, "x")), Failed),
        ('"../../esc" is outside of "/d"', "/d", {}, packed(("../../esc", FILE, "x")), Failed),
        ('invalid symlink "/d/s" -> "../../x"', "/d", {}, packed(("s", SYM, "../../x")), Failed),
        (
            'invalid hardlink "/etc/passwd" -> "../etc/passwd"',
            "/d",
            {},
            packed(("h", LINK, "../etc/passwd")),
            Failed,
        ),
        (
            'cannot overwrite non-directory "/d/f" with directory "/d"',
            "/d",
            {"no_overwrite": True},
            packed(("f", DIR, "")),
            Failed,
        ),
        (
            'cannot overwrite directory "/vol" with non-directory "/"',
            "/",
            {"no_overwrite": True},
            packed(("vol", FILE, "")),
            Failed,
        ),
        ("archive/tar: invalid tar header", "/d", {}, b"junk" * 1000, Failed),
        ("archive/tar: header field too long", "/d", {}, special(b"L", 300 << 20), Failed),
        ("archive/tar: header field too long", "/d", {}, special(b"x", 2 << 20), Failed),
        ("archive/tar: invalid tar header", "/d", {}, special(b"L", 5) * 2000, Failed),
        ("file name too long", "/d", {}, packed(("a/" * 3000 + "f", FILE, "x")), Failed),
        ("unexpected EOF", "/d", {}, packed(("new", FILE, "x" * 9000))[:2000], Failed),
        ("container rootfs is marked read-only", "/d", {"read_only": True}, packed(("n", FILE, "x")), Failed),
        (
            "mounted volume is marked read-only",
            "/vol",
            {"volumes": {"/vol": False}},
            packed(("n", FILE, "x")),
            Failed,
        ),
    ],
)
async def test_put_refuses(
    launcher: Launcher,
    box: Box,
    sentence: str,
    path: str,
    more: dict[str, Any],
    archive: bytes,
    kind: type[SampanError],
) -> None:
    with pytest.raises(kind) as refused:
        await run(launcher, box, {"op": "put", "path": path, **more}, archive)
    if kind is Failed:
        assert sentence in refused.value.message


async def test_nothing_outside_is_touched(launcher: Launcher, box: Box, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.mkdir()
    (box.root / "upper" / str(victim).lstrip("/")).mkdir(parents=True)
    evil = packed(("lnk", SYM, str(victim)), ("lnk/owned", FILE, "x"))
    await run(launcher, box, {"op": "put", "path": "/"}, evil)
    assert list(victim.iterdir()) == []
    assert (box.root / "upper" / str(victim).lstrip("/") / "owned").exists()


async def test_copy_up_copies_content_and_ownership(launcher: Launcher, box: Box) -> None:
    os.chown(box.root / "lower/d", 7, 8)
    os.chmod(box.root / "lower/d", 0o1770)
    target = box.root / "volume"
    request = {
        "op": "copy-up",
        "rootfs": {"type": "overlay", "lower": [str(box.root / "lower")]},
        "path": "/dl",
        "target": str(target),
    }
    await run(launcher, box, request)
    info = target.stat()
    assert (info.st_uid, info.st_gid, stat.S_IMODE(info.st_mode)) == (7, 8, 0o1770)
    assert (target / "f").read_text() == "hi\n"
    assert (target / "f").stat().st_ino == (target / "hard").stat().st_ino
    assert stat.S_IMODE((target / "f").stat().st_mode) == 0o4755
    assert os.readlink(target / "out") == "../../../../other"
