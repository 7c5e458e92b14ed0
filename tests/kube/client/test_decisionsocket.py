"""Decisions are told on a socket, to its owner, one object a connection."""

import asyncio
import os
from contextlib import AsyncExitStack
from pathlib import Path

import orjson
import pytest

from sampan.kube.client import decisionsocket
from sampan.kube.client.decisions import Decision, Decisions


async def ask(path: str, line: bytes) -> bytes:
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(line)
    told = await reader.read()
    writer.close()
    return told


async def ask_nobody(path: str) -> None:
    """Leave a socket behind on which nobody listens."""
    (await asyncio.start_unix_server(lambda *_: None, path)).close()


async def test_an_objects_decisions_are_told(tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    await ask_nobody(path)
    decisions = Decisions()
    decisions.note("u", Decision("scheduler", "Unschedulable", "no cpu", facts={"nodes": 3}))
    async with AsyncExitStack() as stack:
        await decisionsocket.serve(decisions, path, stack)
        assert os.stat(path).st_mode & 0o777 == 0o600
        (told,) = orjson.loads(await ask(path, b"u\n"))
        assert (told["message"], told["facts"]) == ("no cpu", {"nodes": 3})
        assert orjson.loads(await ask(path, b"other\n")) == []


@pytest.mark.parametrize("line", [b"\xff\xfe\n", b"x" * 5000, b"\n"])
async def test_nonsense_hurts_nobody(tmp_path: Path, line: bytes) -> None:
    path = str(tmp_path / "s")
    async with AsyncExitStack() as stack:
        await decisionsocket.serve(Decisions(), path, stack)
        assert await ask(path, line) in (b"", b"[]")
        assert orjson.loads(await ask(path, b"u\n")) == []
