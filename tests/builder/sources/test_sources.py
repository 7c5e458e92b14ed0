import asyncio
import bz2
import gzip
import io
import lzma
import os
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import zstandard

from sampan.builder.options import BuildOptions
from sampan.builder.plan.graph import LocalSource
from sampan.builder.sources import archives
from sampan.builder.sources.sources import Sources
from sampan.builder.trees import HostRoot
from sampan.errors import Failed, Invalid, NotFound
from sampan.paths import Paths
from tests.builder.sources.requesters import Memory

CONTEXT = LocalSource(name="context")
UPLOAD = BuildOptions(context="upload:1", dockerfile_source="upload:1")


@pytest.fixture
async def sources(tmp_path: Path) -> Sources:
    made = Sources(Paths(tmp_path / "data", tmp_path / "exec"))
    await made.start()
    return made


def put(root: Path, **files: str) -> Path:
    for name, text in files.items():
        path = root / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def tar(*members: tuple[str, bytes, bytes, str]) -> bytes:
    """(name, type, content, link)"""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, kind, content, link in members:
            info = tarfile.TarInfo(name)
            info.type, info.size, info.linkname, info.uid = kind, len(content), link, 1
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def left(sources: Sources) -> list[str]:
    return os.listdir(sources.paths.build_contexts) if sources.paths.build_contexts.exists() else []


# Directories


async def test_a_local_build(sources: Sources, tmp_path: Path) -> None:
    root = put(tmp_path / "c", Dockerfile="FROM x", a="1", b="2")
    (root / ".dockerignore").write_text("b\n")
    requester = Memory({"context": root, "dockerfile": root})
    async with sources.open(BuildOptions(), requester) as build:
        assert (await build.dockerfile()).data == b"FROM x"
        assert (await build.ignore()).patterns == ("b",)
        tree = await build.tree(CONTEXT)
        assert list(tree.entries) == ["", ".dockerignore", "Dockerfile", "a"]
        assert list((await build.tree(LocalSource(name="context", paths=("a",)))).entries) == ["", "a"]
    assert requester.asked[-1] == ("context", ("b",), ("a",))


@pytest.mark.parametrize(
    ("files", "asked", "found"),
    [
        (("dockerfile",), "Dockerfile", "dockerfile"),
        (("d__dockerfile",), "d/Dockerfile", "d__dockerfile"),
        (("Dockerfile", "dockerfile"), "", "Dockerfile"),
        (("other",), "other", "other"),
    ],
)
async def test_the_dockerfile_may_be_spelled_small(
    sources: Sources, tmp_path: Path, files: tuple[str, ...], asked: str, found: str
) -> None:
    root = put(tmp_path / "c", **{name: name for name in files})
    async with sources.open(BuildOptions(dockerfile=asked), Memory({"dockerfile": root})) as build:
        text = await build.dockerfile()
    assert (text.name, text.data) == (asked or "Dockerfile", found.encode())


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Dockerfile", "failed to read dockerfile: open Dockerfile: no such file or directory"),
        ("d/x", "failed to read dockerfile: open d/x: no such file or directory"),
        ("../../etc/passwd", "failed to read dockerfile: open ../../etc/passwd: no such file or directory"),
        ("link", "failed to read dockerfile: open link: no such file or directory"),
        ("directory", "failed to read dockerfile: read directory: is a directory"),
        ("pipe", "failed to read dockerfile: open pipe: not a regular file"),
        ("loop", "failed to read dockerfile: open loop: too many levels of symbolic links"),
    ],
)
async def test_no_dockerfile(sources: Sources, tmp_path: Path, name: str, message: str) -> None:
    root = put(tmp_path / "c", directory__x="x")
    (root / "link").symlink_to("/etc/passwd")
    (root / "loop").symlink_to("loop")
    os.mkfifo(root / "pipe")
    async with sources.open(BuildOptions(dockerfile=name), Memory({"dockerfile": root})) as build:
        with pytest.raises((NotFound, Failed)) as caught:
            await build.dockerfile()
    assert caught.value.message == message


async def test_the_dockerfiles_own_ignore_file_wins(sources: Sources, tmp_path: Path) -> None:
    root = put(tmp_path / "c", x="FROM y", a="", b="")
    (root / ".dockerignore").write_text("a\n")
    (root / "x.dockerignore").write_text("b\n")
    requester = Memory({"context": root, "dockerfile": root})
    async with sources.open(BuildOptions(dockerfile="x"), requester) as build:
        assert (await build.ignore()).name == "x.dockerignore"
        assert "a" in (await build.tree(CONTEXT)).entries


async def test_a_bad_ignore_file_is_told(sources: Sources, tmp_path: Path) -> None:
    root = put(tmp_path / "c", Dockerfile="FROM x")
    (root / ".dockerignore").write_text("[\na\n")
    async with sources.open(BuildOptions(), Memory({"context": root, "dockerfile": root})) as build:
        with pytest.raises(Invalid) as caught:
            await build.ignore()
    assert caught.value.message == "invalid excludepatterns: [[ a]: syntax error in pattern"


async def test_named_contexts_have_their_own_ignore_file(sources: Sources, tmp_path: Path) -> None:
    root = put(tmp_path / "n", a="", b="")
    (root / ".dockerignore").write_text("a\n")
    options = BuildOptions(contexts={"n": "local:context-n"})
    async with sources.open(options, Memory({"context-n": root})) as build:
        assert list((await build.tree(LocalSource(name="n"))).entries) == ["", ".dockerignore", "b"]


async def test_a_directory_nobody_has(sources: Sources) -> None:
    async with sources.open(BuildOptions(), Memory()) as build:
        with pytest.raises(NotFound):
            await build.tree(CONTEXT)


# Uploads

COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "plain": bytes,
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": zstandard.compress,
}


@pytest.mark.parametrize("kind", COMPRESS)
async def test_an_uploaded_archive(sources: Sources, kind: str) -> None:
    data = COMPRESS[kind](tar(("Dockerfile", b"0", b"FROM x", ""), (".wh.a", b"0", b"", "")))
    pieces = [data[start : start + 100] for start in range(0, len(data), 100)]
    async with sources.open(UPLOAD, Memory(uploads={"1": pieces})) as build:
        assert (await build.dockerfile()).data == b"FROM x"
        assert list((await build.tree(CONTEXT)).entries) == ["", ".wh.a", "Dockerfile"]
        assert await build.ignore() == await build.ignore()
    assert left(sources) == []


@pytest.mark.root
@pytest.mark.parametrize("kept", [True, False])
async def test_an_archives_owners_are_kept_but_by_the_classic_builder(sources: Sources, kept: bool) -> None:
    data = tar(("a", b"0", b"x", ""))
    options = replace(UPLOAD, archive_owners=kept)
    async with sources.open(options, Memory(uploads={"1": [data]})) as build:
        assert (await build.tree(CONTEXT)).entries["a"].uid == int(kept)


async def test_an_uploaded_dockerfile_alone(sources: Sources) -> None:
    async with sources.open(UPLOAD, Memory(uploads={"1": [b"FROM ", b"x\n"]})) as build:
        assert (await build.dockerfile()).data == b"FROM x\n"
    assert left(sources) == []


async def test_names_in_an_archive_stay_inside(sources: Sources, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    data = tar(
        ("../../../../../../../../etc/evil", b"0", b"x", ""),
        (str(tmp_path / "absolute"), b"0", b"x", ""),
        ("link", tarfile.SYMTYPE, b"", str(outside)),
        (str(outside)[1:], tarfile.DIRTYPE, b"", ""),
        ("link/through", b"0", b"x", ""),
        ("null", tarfile.CHRTYPE, b"", ""),
    )
    async with sources.open(UPLOAD, Memory(uploads={"1": [data]})) as build:
        entries = (await build.tree(CONTEXT)).entries
    assert {"etc/evil", "link", f"{str(outside)[1:]}/through"} <= set(entries)
    assert list(outside.iterdir()) == [] and not (tmp_path / "absolute").exists()


@pytest.mark.parametrize(
    "data",
    [
        gzip.compress(tar(("a", b"0", b"x" * 5000, "")))[:-20],
        gzip.compress(b"no archive"),
        tar(("a", b"0", b"x" * 5000, ""))[:3000],
        tar(("h", tarfile.LNKTYPE, b"", "../../../etc/passwd")),
        b"\xfd7zXZ\x00 nonsense",
        b"x" * ((16 << 20) + 1),
    ],
)
async def test_a_broken_upload_leaves_nothing(sources: Sources, data: bytes) -> None:
    async with sources.open(UPLOAD, Memory(uploads={"1": [data]})) as build:
        with pytest.raises(Failed):
            await build.dockerfile()
    assert left(sources) == []


async def test_a_cancelled_upload_leaves_nothing(sources: Sources) -> None:
    begun = asyncio.Event()

    class Slow(Memory):
        async def upload(self, id: str):  # type: ignore[no-untyped-def]
            yield tar(("a", b"0", b"x", ""))[:600]
            begun.set()
            await asyncio.sleep(3600)

    async def run() -> None:
        async with sources.open(UPLOAD, Slow()) as build:
            await build.dockerfile()

    task = asyncio.create_task(run())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 5)
    assert left(sources) == []


async def test_a_start_removes_what_an_earlier_daemon_left(sources: Sources) -> None:
    put(sources.paths.build_contexts / "old", a="x")
    await sources.start()
    assert left(sources) == []


# ADD's archives


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        *((compress(tar(("a", b"0", b"x", ""))), True) for compress in COMPRESS.values()),
        (gzip.compress(b"hello"), False),
        (bytes(1024), False),
        (b"x" * 600, False),
        (b"", False),
        (b"BZh", False),
        (lzma.compress(tar(("a", b"0", b"x", "")), format=lzma.FORMAT_ALONE), False),
    ],
)
def test_what_add_unpacks(tmp_path: Path, data: bytes, expected: bool) -> None:
    (tmp_path / "f").write_bytes(data)
    (tmp_path / "l").symlink_to("f")
    root = HostRoot(str(tmp_path))
    assert archives.is_archive(root, "f") is expected
    assert not archives.is_archive(root, "l") and not archives.is_archive(root, "none")
    if expected:
        assert b"".join(archives.plain_tar(root, "f")) == tar(("a", b"0", b"x", ""))
