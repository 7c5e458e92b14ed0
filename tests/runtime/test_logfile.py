"""The log: Docker's json-file to the byte, our "local", rotation within bounds."""

import gzip
import json
import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan.runtime.logfile import PIECE, STDERR, STDOUT, JsonFormat, Log, open_log
from sampan.specs.golang.time import rfc3339


class Children:
    """In the loop's place: remembers forked children and waits for them when told."""

    def __init__(self) -> None:
        self._callbacks: dict[int, Callable[[int], None]] = {}

    def on_death(self, pid: int, callback: Callable[[int], None]) -> None:
        self._callbacks[pid] = callback

    def forget_death(self, pid: int) -> None:
        del self._callbacks[pid]

    def wait(self) -> None:
        while self._callbacks:
            pid, callback = self._callbacks.popitem()
            callback(os.waitpid(pid, 0)[1])


def log_at(path: Path, children: Children | None = None, **config: Any) -> Log:
    plain = {"driver": "json-file", "path": str(path), "max_size": 0, "max_file": 1, "compress": False}
    return open_log({**plain, **config}, children or Children())  # type: ignore[arg-type]


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


@pytest.mark.parametrize(
    ("data", "written"),
    [
        (
            b'tab\there <b>&"q"\\ \x1b[0m \x01\n',
            rb"tab\u0009here \u003cb\u003e\u0026\"q\"\\ \u001b[0m \u0001\n",
        ),
        (
            b"\x7f \xff\xfeab \xe2\x80\xa8x \xe2\x82 y\n",
            b"\x7f \\ufffd\\ufffdab \\u2028x \\ufffd\\ufffd y\\n",
        ),
        ("größer 三板\n".encode(), "größer 三板\\n".encode()),
        (b"next\r\n", rb"next\r\n"),
        (b"\\n\n", rb"\\n\n"),
        (b"\n", rb"\n"),
    ],
)
def test_a_line_is_escaped_as_docker_escapes_it(tmp_path: Path, data: bytes, written: bytes) -> None:
    log = log_at(tmp_path / "log")
    log.write(STDOUT, data)
    log.close()
    content = (tmp_path / "log").read_bytes()
    assert content.startswith(b'{"log":"' + written + b'","stream":"stdout","time":"20')
    assert content.endswith(b'Z"}\n')


def test_attributes_come_with_every_line(tmp_path: Path) -> None:
    log = log_at(tmp_path / "log", attrs={"b": "2", "a": "1"})
    log.write(STDERR, b"x\ny\n")
    log.close()
    assert b'"stream":"stderr","attrs":{"a":"1","b":"2"},"time":"' in (tmp_path / "log").read_bytes()
    assert [line["attrs"] for line in lines_of(tmp_path / "log")] == [{"a": "1", "b": "2"}] * 2


def docker_messages(data: bytes) -> list[bytes]:
    """What Docker's copier makes of a stream, whatever the pieces it comes in: moby daemon/logger/copier.go."""
    messages = []
    for line in data.splitlines(keepends=True) if b"\r" not in data else _split(data):
        while len(line) > PIECE:
            messages.append(line[:PIECE])
            line = line[PIECE:]
        messages.append(line)
    return messages


def _split(data: bytes) -> list[bytes]:
    pieces = data.split(b"\n")
    return [piece + b"\n" for piece in pieces[:-1]] + ([pieces[-1]] if pieces[-1] else [])


pieces = st.lists(
    st.one_of(
        st.binary(max_size=40),
        st.text("ab\n", max_size=200).map(str.encode),
        st.integers(1, 3 * PIECE).map(lambda n: b"x" * n),
        st.integers(PIECE - 3, PIECE + 3).map(lambda n: b"y" * n + b"\n"),
    ),
    max_size=8,
)


@given(pieces)
def test_messages_do_not_depend_on_how_output_arrives(chunks: list[bytes]) -> None:
    taken: list[bytes] = []

    class Recording:
        def write(self, block: bytes, cut: Callable[[bytes, int], int]) -> None:
            taken.extend(block.splitlines())

    log = Log(JsonFormat({}), Recording())  # type: ignore[arg-type]
    for chunk in chunks:
        for start in range(0, len(chunk), 65536):
            log.write(STDOUT, chunk[start : start + 65536])
    log.finish(STDOUT)
    expected = _split(b"".join(chunks))
    wanted = [message for line in expected for message in docker_messages(line)]
    # Go writes one U+FFFD for each invalid byte.
    texts = [
        "".join(
            "\ufffd" if "\udc80" <= c <= "\udcff" else c for c in message.decode(errors="surrogateescape")
        )
        for message in wanted
    ]
    assert [json.loads(line)["log"] for line in taken] == texts


def test_pieces_of_a_long_line_carry_the_time_of_the_first(tmp_path: Path) -> None:
    log = log_at(tmp_path / "log")
    log.write(STDOUT, b"x" * 20_000)
    log.write(STDOUT, b"x" * 20_000 + b"\nshort\n")
    log.close()
    written = lines_of(tmp_path / "log")
    assert [len(line["log"]) for line in written] == [PIECE, PIECE, 40_001 - 2 * PIECE, 6]
    assert len({line["time"] for line in written[:3]}) == 1


def test_the_unfinished_end_is_written_when_output_ends(tmp_path: Path) -> None:
    log = log_at(tmp_path / "log")
    log.write(STDOUT, b"whole\nrest")
    assert [line["log"] for line in lines_of(tmp_path / "log")] == ["whole\n"]
    log.finish(STDOUT)
    log.close()
    assert [line["log"] for line in lines_of(tmp_path / "log")] == ["whole\n", "rest"]


@pytest.mark.parametrize("compress", [True, False])
def test_rotation_keeps_max_file_files_of_max_size(tmp_path: Path, compress: bool) -> None:
    children = Children()
    log = log_at(tmp_path / "log", children, max_size=10_000, max_file=4, compress=compress)
    for start in range(0, 3000, 100):
        log.write(STDOUT, b"".join(b"%06d\n" % n for n in range(start, start + 100)))
        children.wait()
    log.close()
    suffix = ".gz" if compress else ""
    names = ["log", *(f"log.{n}{suffix}" for n in (1, 2, 3))]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(names)
    numbers: list[int] = []
    for name in reversed(names):
        raw = (tmp_path / name).read_bytes()
        content = gzip.decompress(raw) if name.endswith(".gz") else raw
        assert len(content) < 10_000 + 200
        numbers += [int(json.loads(line)["log"]) for line in content.splitlines()]
    # The last ones, in order, none missing.
    assert numbers == list(range(numbers[0], 3000)) and len(numbers) > 300


def test_rotation_does_not_wait_for_a_slow_compressor(tmp_path: Path) -> None:
    children = Children()
    log = log_at(tmp_path / "log", children, max_size=50_000, max_file=3, compress=True)
    for _ in range(200):
        log.write(STDOUT, b"0123456789abcdef\n" * 200)
    log.close()
    children.wait()
    total = sum(path.stat().st_size for path in tmp_path.iterdir())
    assert total <= 3 * 50_200
    assert {path.name.removesuffix(".gz") for path in tmp_path.iterdir()} == {"log", "log.1", "log.2"}


def test_one_file_only_starts_over(tmp_path: Path) -> None:
    log = log_at(tmp_path / "log", max_size=1000, max_file=1, compress=True)
    for n in range(100):
        log.write(STDOUT, b"%d\n" % n)
    log.close()
    assert [path.name for path in tmp_path.iterdir()] == ["log"]
    assert lines_of(tmp_path / "log")[-1]["log"] == "99\n"
    assert (tmp_path / "log").stat().st_size <= 1100


def test_local_keeps_output_as_it_came_with_its_length_at_both_ends(tmp_path: Path) -> None:
    log = log_at(tmp_path / "deep/log", driver="local")
    log.write(STDOUT, b"a\nb\n")
    log.write(STDERR, b"c")
    log.finish(STDERR)
    log.close()
    data, records = (tmp_path / "deep/log").read_bytes(), []
    while data:
        size, _time, stream = struct.unpack_from("<IQB", data)
        records.append((stream, data[13 : 13 + size]))
        assert struct.unpack_from("<I", data, 13 + size) == (size,)
        data = data[17 + size :]
    assert records == [(STDOUT, b"a\nb\n"), (STDERR, b"c")]


def test_none_writes_nothing(tmp_path: Path) -> None:
    log = log_at(tmp_path / "log", driver="none")
    log.write(STDOUT, b"x\n")
    log.finish(STDOUT)
    log.close()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (0, "1970-01-01T00:00:00Z"),
        (1_500_000_000, "1970-01-01T00:00:01.5Z"),
        (1_700_000_000_000_000_001, "2023-11-14T22:13:20.000000001Z"),
    ],
)
def test_times_are_printed_as_go_prints_them(nanoseconds: int, text: str) -> None:
    assert rfc3339(nanoseconds) == text
