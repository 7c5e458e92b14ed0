"""Reading logs written by the shim's own writer, in both formats, across rotations, while they grow."""

import asyncio
import contextlib
import gzip
import json
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan.engine.containers import logfiles
from sampan.engine.containers.logs import LogRequest, Logs, before, fixed, parse_tail, parse_timestamp
from sampan.engine.containers.record import ContainerRecord
from sampan.engine.events import Events
from sampan.errors import Failed, Unsupported
from sampan.paths import Paths
from sampan.runtime.logfile import STDERR, STDOUT, JsonFormat, LocalFormat
from sampan.specs.golang import time as times

ID = "c" * 64
SECOND = 1_000_000_000
BASE = times.parse("2026-01-02T03:04:05Z")
WRITERS: dict[str, Any] = {"json-file": JsonFormat({}), "local": LocalFormat()}
BOTH = LogRequest(stdout=True, stderr=True)


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    made = Paths(tmp_path / "data", tmp_path / "run")
    for directory in (made.tmp, made.container(ID).data, made.container(ID).local_log.parent):
        directory.mkdir(parents=True, exist_ok=True)
    return made


def record(paths: Paths, driver: str, *, tty: bool = False, running: bool = False) -> ContainerRecord:
    made = ContainerRecord(
        id=ID,
        name="n",
        created="",
        image="i",
        image_id="i",
        path="",
        args=[],
        config={"Tty": tty},
        host_config={"LogConfig": {"Type": driver}},
        cgroup=f"/sampan/{ID}",
    )
    made.state.running = running
    return made


def where(paths: Paths, driver: str) -> Path:
    return paths.container(ID).log if driver == "json-file" else paths.container(ID).local_log


def entries(driver: str, *lines: tuple[int, int, bytes]) -> bytes:
    """(second, stream, text) each."""
    return b"".join(WRITERS[driver].encode(stream, text, BASE + at * SECOND) for at, stream, text in lines)


def numbered(driver: str, first: int, last: int) -> bytes:
    return entries(driver, *((n, STDOUT, b"line %d\n" % n) for n in range(first, last)))


async def read(paths: Paths, made: ContainerRecord, request: LogRequest) -> bytes:
    return b"".join([piece async for piece in Logs(paths, Events()).read(made, request)])


def lines_of(data: bytes) -> list[str]:
    return data.decode().splitlines()


@pytest.fixture(params=["json-file", "local"])
def driver(request: pytest.FixtureRequest) -> str:
    return str(request.param)


async def test_frames_name_the_stream(paths: Paths, driver: str) -> None:
    where(paths, driver).write_bytes(
        entries(driver, (0, STDOUT, b"out\n"), (1, STDERR, b"err\n"), (2, STDOUT, b"nonl"))
    )
    data = await read(paths, record(paths, driver), BOTH)
    assert data == b"\1\0\0\0\0\0\0\4out\n\2\0\0\0\0\0\0\4err\n\1\0\0\0\0\0\0\4nonl"


async def test_a_terminals_log_is_raw(paths: Paths, driver: str) -> None:
    where(paths, driver).write_bytes(entries(driver, (0, STDOUT, b"out\n")))
    assert await read(paths, record(paths, driver, tty=True), BOTH) == b"out\n"


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (LogRequest(stdout=True, stderr=False), ["one", "three"]),
        (LogRequest(stdout=False, stderr=True), ["two"]),
        (LogRequest(True, True, tail=2), ["two", "three"]),
        (LogRequest(True, True, tail=0), []),
        (LogRequest(True, True, tail=9), ["one", "two", "three"]),
        (LogRequest(True, True, since=BASE + SECOND), ["two", "three"]),
        (LogRequest(True, True, until=BASE + SECOND), ["one", "two"]),
        (LogRequest(True, True, since=BASE + 1, until=BASE + 2 * SECOND - 1), ["two"]),
        (LogRequest(True, False, timestamps=True, tail=1), ["2026-01-02T03:04:07.000000000Z three"]),
    ],
)
async def test_selection(paths: Paths, driver: str, request_: LogRequest, expected: list[str]) -> None:
    where(paths, driver).write_bytes(
        entries(driver, (0, STDOUT, b"one\n"), (1, STDERR, b"two\n"), (2, STDOUT, b"three\n"))
    )
    assert lines_of(await read(paths, record(paths, driver, tty=True), request_)) == expected


async def test_details_come_between_time_and_line(paths: Paths) -> None:
    line = JsonFormat({"b": "2 3", "a": "1"}).encode(STDOUT, b"x\n", BASE)
    paths.container(ID).log.write_bytes(line)
    request = LogRequest(True, True, timestamps=True, details=True)
    data = await read(paths, record(paths, "json-file", tty=True), request)
    assert data == b"2026-01-02T03:04:05.000000000Z a=1,b=2+3 x\n"


@pytest.mark.parametrize(("tail", "first"), [(-1, 0), (5, 25), (12, 18), (25, 5), (30, 0), (99, 0)])
async def test_rotated_and_compressed_files_are_read_in_order(
    paths: Paths, driver: str, tail: int, first: int
) -> None:
    current = where(paths, driver)
    rotated(current, "2.gz").write_bytes(gzip.compress(numbered(driver, 0, 10)))
    rotated(current, "1").write_bytes(numbered(driver, 10, 20))
    current.write_bytes(numbered(driver, 20, 30))
    data = await read(paths, record(paths, driver, tty=True), LogRequest(True, True, tail=tail))
    assert lines_of(data) == [f"line {n}" for n in range(first, 30)]
    assert list(paths.tmp.iterdir()) == []


async def test_many_lines_in_one_record_are_lines(paths: Paths, driver: str) -> None:
    block = b"".join(b"line %d\n" % n for n in range(10))
    where(paths, driver).write_bytes(entries(driver, (0, STDOUT, block)))
    data = await read(paths, record(paths, driver, tty=True), LogRequest(True, True, tail=3))
    assert lines_of(data) == ["line 7", "line 8", "line 9"]


async def test_a_line_cut_off_by_a_crash_is_passed_over(paths: Paths) -> None:
    good = numbered("json-file", 0, 2)
    paths.container(ID).log.write_bytes(good[:-30] + b"\n" + numbered("json-file", 2, 4))
    data = await read(paths, record(paths, "json-file", tty=True), BOTH)
    assert lines_of(data) == ["line 0", "line 2", "line 3"]


async def test_nothing_logged_yet(paths: Paths, driver: str) -> None:
    assert await read(paths, record(paths, driver), BOTH) == b""


def test_a_driver_that_keeps_nothing(paths: Paths) -> None:
    with pytest.raises(Unsupported, match="configured logging driver does not support reading"):
        Logs(paths, Events()).check_readable(record(paths, "none"))


class Follower:
    """`docker logs -f` running beside the test; `expect` waits for what it has printed."""

    def __init__(self, paths: Paths, driver: str, request: LogRequest) -> None:
        self.events = Events()
        self.record = record(paths, driver, tty=True, running=True)
        self.data = b""
        self._changed = asyncio.Event()
        self.task = asyncio.create_task(self._run(Logs(paths, self.events), request))

    async def _run(self, logs: Logs, request: LogRequest) -> None:
        async for piece in logs.read(self.record, request):
            self.data += piece
            self._changed.set()

    async def expect(self, *lines: str) -> None:
        async with asyncio.timeout(5):
            while lines_of(self.data) != list(lines):
                self._changed.clear()
                await self._changed.wait()

    def stop_container(self) -> None:
        self.record.state.running = False
        self.events.emit("container", "die", ID, {})


@pytest.fixture
async def following(paths: Paths) -> AsyncIterator[Callable[..., Follower]]:
    made: list[Follower] = []

    def follow(driver: str, request: LogRequest = LogRequest(True, True, follow=True)) -> Follower:  # noqa: B008
        made.append(Follower(paths, driver, request))
        return made[-1]

    yield follow
    for follower in made:
        follower.task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await follower.task


def rotated(current: Path, suffix: str) -> Path:
    return current.with_name(f"{current.name}.{suffix}")


def append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


async def test_follow_prints_what_is_added_and_ends_with_the_container(
    paths: Paths, driver: str, following: Callable[..., Follower]
) -> None:
    current = where(paths, driver)
    current.write_bytes(numbered(driver, 0, 1))
    follower = following(driver)
    await follower.expect("line 0")
    append(current, numbered(driver, 1, 2))
    await follower.expect("line 0", "line 1")
    append(current, numbered(driver, 2, 3))
    follower.stop_container()
    async with asyncio.timeout(5):
        await follower.task
    assert lines_of(follower.data) == ["line 0", "line 1", "line 2"]


async def test_follow_goes_across_rotations(
    paths: Paths, driver: str, following: Callable[..., Follower]
) -> None:
    current = where(paths, driver)
    current.write_bytes(numbered(driver, 0, 2))
    follower = following(driver, LogRequest(True, True, follow=True, tail=1))
    await follower.expect("line 1")
    for turn in range(2, 5):
        current.rename(rotated(current, "1"))
        current.write_bytes(numbered(driver, turn, turn + 1))
        await follower.expect(*(f"line {n}" for n in range(1, turn + 1)))


async def test_follow_recognises_its_file_once_compressed(
    paths: Paths, driver: str, following: Callable[..., Follower]
) -> None:
    current = where(paths, driver)
    current.write_bytes(numbered(driver, 0, 2))
    follower = following(driver)
    await follower.expect("line 0", "line 1")
    rotated(current, "1.gz").write_bytes(gzip.compress(current.read_bytes()))
    current.unlink()
    current.write_bytes(numbered(driver, 2, 4))
    await follower.expect(*(f"line {n}" for n in range(4)))


async def test_follow_starts_again_when_the_only_file_is_truncated(
    paths: Paths, driver: str, following: Callable[..., Follower]
) -> None:
    current = where(paths, driver)
    current.write_bytes(numbered(driver, 0, 2))
    follower = following(driver)
    await follower.expect("line 0", "line 1")
    os.truncate(current, 0)
    append(current, numbered(driver, 2, 3))
    await follower.expect("line 0", "line 1", "line 2")


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("", 0),
        ("0", 0),
        ("1136073845", 1136073845 * SECOND),
        ("1136073845.000000001", 1136073845 * SECOND + 1),
        ("1136073845.5", 1136073845 * SECOND + SECOND // 2),
        ("2026-01-02T03:04:05Z", BASE),
        ("2026-01-02T05:04:05.5+02:00", BASE + SECOND // 2),
    ],
)
def test_timestamps(text: str, nanoseconds: int) -> None:
    assert parse_timestamp(text) == nanoseconds


@pytest.mark.parametrize("text", ["abc", "1.x", "2026-13-01T00:00:00Z", "1e3"])
def test_wrong_timestamps(text: str) -> None:
    with pytest.raises(Failed, match=r"strconv\.ParseInt: parsing"):
        parse_timestamp(text)


@pytest.mark.parametrize(
    ("text", "tail"), [("all", -1), ("", -1), ("-3", -1), ("0", 0), ("12", 12), ("x", -1)]
)
def test_tail_numbers(text: str, tail: int) -> None:
    assert parse_tail(text) == tail


@given(st.integers(0, 4 * 10**18), st.integers(0, 4 * 10**18))
def test_times_compare_as_the_numbers_do(a: int, b: int) -> None:
    assert before(times.rfc3339(a), times.rfc3339(b)) == (a < b)
    assert len(fixed(times.rfc3339(a))) == 30


@given(st.binary(max_size=400))
def test_damaged_files_never_fail(data: bytes) -> None:
    for form in logfiles.FORMATS.values():
        _, used = form.split(data)
        assert 0 <= used <= len(data)


def test_attrs_are_kept() -> None:
    line = json.dumps({"log": "x\n", "stream": "stdout", "attrs": {"k": "v"}, "time": "2026-01-01T00:00:00Z"})
    (entry,), _ = logfiles.FORMATS["json-file"].split(line.encode() + b"\n")
    assert entry.attrs == {"k": "v"}
