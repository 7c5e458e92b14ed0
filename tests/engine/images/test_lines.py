"""Progress to a slow client: nothing waits for it, and only what is out of date is left out."""

import asyncio
from typing import Any

import pytest

from sampan.engine.images.lines import Lines, Put, with_lines
from sampan.engine.images.progress import progress, status


async def test_progress_nobody_read_gives_way_and_the_rest_keeps_its_order() -> None:
    lines = Lines()
    for line in (
        status("Pulling fs layer", "a"),
        progress("Downloading", "a", 1, 9),
        progress("Downloading", "b", 1, 9),
        progress("Downloading", "a", 5, 9),
        status("Download complete", "a"),
        progress("Extracting", "a", 1, 9),
        progress("Extracting", "a", 9, 9),
    ):
        lines.put(line)
    lines.end()
    sent: list[dict[str, Any]] = []

    async def send(line: dict[str, Any]) -> None:
        sent.append(line)

    await lines.run(send)
    shown = [(line["status"], line["id"], line.get("progressDetail", {}).get("current")) for line in sent]
    assert shown == [
        ("Pulling fs layer", "a", None),
        ("Downloading", "a", 5),
        ("Downloading", "b", 1),
        ("Download complete", "a", None),
        ("Extracting", "a", 9),
    ]


async def test_a_client_that_is_gone_ends_the_work() -> None:
    ended = asyncio.Event()

    async def work(put: Put) -> None:
        put(status("x"))
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async def send(line: dict[str, Any]) -> None:
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await with_lines(send, work)
    assert ended.is_set()


async def test_an_error_comes_after_all_lines() -> None:
    sent: list[str] = []

    async def work(put: Put) -> None:
        put(status("one"))
        put(status("two"))
        raise ValueError("three")

    async def send(line: dict[str, Any]) -> None:
        await asyncio.sleep(0)
        sent.append(line["status"])

    with pytest.raises(ValueError, match="three"):
        await with_lines(send, work)
    assert sent == ["one", "two"]
