"""The busybox image's layer, and the programs that fetch what it is made of."""

import asyncio
import io
import os
import tarfile
import time
from pathlib import Path

import pytest

from sampan.engine.bootstrap.apt import Apt, Source, complaint, run
from sampan.engine.bootstrap.bootstrap import bootstrap, workspace
from sampan.engine.bootstrap.busybox import image_tar
from sampan.errors import Invalid, Unavailable, Unsupported
from tests.engine.images.conftest import Bench, bench  # noqa: F401


def test_the_layer_is_laid_out_as_dockers() -> None:
    data = b"".join(image_tar(b"program", ["[", "ls", "sh"], 1_000_000))
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        found = {info.name: info for info in archive}
        assert [info.name for info in archive] == sorted(found)
    assert found["bin/busybox"].mode == 0o755 and found["bin/busybox"].size == 7
    assert [found[f"bin/{name}"].linkname for name in ("[", "ls", "sh")] == ["busybox"] * 3
    assert (found["tmp"].mode, found["root"].mode, found["etc/shadow"].mode) == (0o1777, 0o700, 0o640)
    assert found["usr/bin/env"].linkname == "../../bin/env"
    assert {info.mtime for info in found.values()} == {1_000_000}
    assert data == b"".join(image_tar(b"program", ["[", "ls", "sh"], 1_000_000))


def test_a_programs_errors_are_what_is_told() -> None:
    assert complaint("Get:1\nE: no such package\nW: other\nE: broken\n") == "E: no such package; E: broken"
    assert complaint("one\ntwo\n\n") == "two"
    assert complaint("") == "no output"


async def test_a_program_that_fails_is_told_with_its_output(tmp_path: Path) -> None:
    assert await run(["sh", "-c", "echo out; echo err >&2"], tmp_path) == "out\nerr\n"
    with pytest.raises(Unavailable, match="sh failed: bad"):
        await run(["sh", "-c", "echo bad; exit 3"], tmp_path)


async def test_a_program_ends_with_whoever_waits_for_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pid")
    task = asyncio.create_task(run(["sh", "-c", "sleep 1000 & echo $! >pid; wait"], tmp_path))
    child = int(await asyncio.to_thread((tmp_path / "pid").read_text))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    deadline = time.monotonic() + 10
    while is_running(child):  # killed already, reaped by whoever adopted it
        assert time.monotonic() < deadline


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


async def test_the_environment_of_the_daemon_stays_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET", "x")
    monkeypatch.setenv("http_proxy", "http://proxy.example:3128")
    shown = await run(["env"], tmp_path)
    assert "SECRET" not in shown and "http_proxy=http://proxy.example:3128" in shown


def test_keys_that_are_missing_name_their_package(tmp_path: Path) -> None:
    source = Source("http://mirror.example", "noble", "main", tmp_path / "ubuntu-archive-keyring.gpg")
    with pytest.raises(Unsupported, match="install the package ubuntu-keyring"):
        Apt(tmp_path / "apt", source)


async def test_a_workspace_is_gone_afterwards(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        async with workspace(tmp_path) as directory:
            (directory / "x").write_text("x")
            raise ZeroDivisionError
    assert os.listdir(tmp_path) == []


@pytest.mark.root
@pytest.mark.parametrize("name", ["", "alpine", "busybox:1.36", "debian:../x", "ubuntu:12", "Debian"])
async def test_other_names_are_refused(bench: Bench, name: str) -> None:  # noqa: F811
    async def say(text: str) -> None:
        raise AssertionError(text)

    with pytest.raises(Invalid):
        await bootstrap(bench.images, name, say)
    assert bench.on_disk() == (0, 0, 0)


@pytest.mark.root
async def test_a_mirror_that_is_out_of_reach_leaves_nothing(
    bench: Bench,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    from sampan.engine.bootstrap import bootstrap as module

    keyring = tmp_path / "debian-archive-keyring.gpg"
    keyring.write_bytes(b"")
    dead = [Source("http://127.0.0.1:9/debian", "bookworm", "main", keyring)]
    monkeypatch.setattr(module, "sources", lambda *_: dead)
    said: list[str] = []

    async def say(text: str) -> None:
        said.append(text)

    for name in ("busybox", "debian"):
        with pytest.raises(Unavailable, match=r"apt-get failed: .*127\.0\.0\.1"):
            await bootstrap(bench.images, name, say)
    assert bench.on_disk() == (0, 0, 0) and said[0].startswith(
        "Fetching busybox-static from http://127.0.0.1:9"
    )
