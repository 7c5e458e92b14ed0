"""Cache mounts: who shares a directory with whom, what survives a restart, what is removed."""

import asyncio
import os
import shutil
from pathlib import Path

import pytest

from sampan.builder.execute.cachemounts import CacheMounts, Sharing, Wanted
from sampan.db.sqlite import Store
from sampan.errors import Failed
from tests.builder.execute.layering import tar_of


def wanted(sharing: Sharing = "shared", key: str = "k") -> Wanted:
    return Wanted(key=key, id="id", sharing=sharing, mode=0o711, uid=os.getuid(), gid=os.getgid())


def opened(directory: Path) -> CacheMounts:
    def throw(*paths: Path) -> None:
        for path in paths:
            shutil.rmtree(path)

    mounts = CacheMounts(Store(directory / "db"), directory / "mounts", throw)
    mounts.start()
    return mounts


async def test_shared_ones_are_shared(tmp_path: Path) -> None:
    mounts = opened(tmp_path)
    first, second = [await mounts.acquire(wanted(), None) for _ in range(2)]
    other = await mounts.acquire(wanted(key="other"), None)
    assert first == second != other
    assert first[1].stat().st_mode & 0o777 == 0o711


async def test_private_ones_get_one_each_and_have_it_again(tmp_path: Path) -> None:
    mounts = opened(tmp_path)
    first, second = [await mounts.acquire(wanted("private"), None) for _ in range(2)]
    assert first != second
    await mounts.release(second[0])
    assert await mounts.acquire(wanted("private"), None) == second


async def test_a_locked_one_is_waited_for(tmp_path: Path) -> None:
    mounts = opened(tmp_path)
    first = await mounts.acquire(wanted("locked"), None)
    waiting = asyncio.ensure_future(mounts.acquire(wanted("locked"), None))
    await asyncio.wait([waiting], timeout=0.02)
    assert not waiting.done()
    await mounts.release(first[0])
    assert await waiting == first


async def test_one_who_gives_up_waiting_takes_nothing(tmp_path: Path) -> None:
    mounts = opened(tmp_path)
    first = await mounts.acquire(wanted("locked"), None)
    waiting = asyncio.ensure_future(mounts.acquire(wanted("locked"), None))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await mounts.release(first[0])
    assert (await mounts.acquire(wanted("locked"), None)) == first


async def test_a_new_one_begins_with_what_it_is_given(tmp_path: Path) -> None:
    mounts = opened(tmp_path)
    own = f"600 {os.getuid()}:{os.getgid()} text"
    _, directory = await mounts.acquire(wanted(), lambda: iter([tar_of({"a": own})]))
    assert (directory / "a").read_text() == "text"


async def test_they_outlive_the_daemon(tmp_path: Path) -> None:
    mounts = opened(tmp_path)
    name, directory = await mounts.acquire(wanted(), None)
    (directory / "file").write_bytes(bytes(1000))
    await mounts.release(name)
    (tmp_path / "mounts" / "nobody-knows").mkdir()
    again = opened(tmp_path)
    assert [(record.size, record.uses, record.in_use) for record in again.records()] == [(1000, 1, False)]
    assert (await again.acquire(wanted(), None))[1] == directory
    assert os.listdir(tmp_path / "mounts") == [name]


async def test_removing_leaves_what_is_in_use(tmp_path: Path) -> None:
    mounts = opened(tmp_path)
    used, _ = await mounts.acquire(wanted(), None)
    free, directory = await mounts.acquire(wanted(key="other"), None)
    await mounts.release(free)
    mounts.remove([used, free])
    assert [record.name for record in mounts.records()] == [used]
    assert not directory.exists()


async def test_a_failed_beginning_leaves_nothing(tmp_path: Path) -> None:
    mounts = opened(tmp_path)

    def broken():  # type: ignore[no-untyped-def]
        raise Failed("cannot be read")
        yield b""

    with pytest.raises(Failed, match="cannot be read"):
        await mounts.acquire(wanted(), broken)
    assert os.listdir(tmp_path / "mounts") == []
    assert mounts.records() == []
