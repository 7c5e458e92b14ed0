import os
import socket
import stat
import threading
from pathlib import Path

import pytest

from sampan.builder.sources import digests as digests_module
from sampan.builder.sources import scan as scan_module
from sampan.builder.sources.digests import Digests, Table
from sampan.builder.sources.scan import scan
from sampan.errors import Failed, NotFound
from sampan.specs.docker.ignore.patterns import Matcher


def fill(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)


@pytest.fixture(autouse=True)
def no_tick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of tests are young, and ctime cannot be set."""
    monkeypatch.setattr(digests_module, "TICK", -(10**12))


def test_lists_every_kind_of_file_but_sockets(tmp_path: Path) -> None:
    fill(tmp_path, "a", "d/b", "d/e/c")
    (tmp_path / "l").symlink_to("../outside")
    os.mkfifo(tmp_path / "p", 0o640)
    (tmp_path / "d" / "b").chmod(0o4755)
    os.link(tmp_path / "a", tmp_path / "z")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "s"))
        tree = scan(tmp_path)
    assert list(tree.entries) == ["", "a", "d", "d/b", "d/e", "d/e/c", "l", "p", "z"]
    assert stat.S_IMODE(tree.entries["d/b"].mode) == 0o4755
    assert tree.entries["l"].digest == "../outside"
    assert tree.entries["a"].digest == tree.entries["z"].digest
    assert stat.S_ISFIFO(tree.entries["p"].mode)
    assert {(entry.uid, entry.gid) for entry in tree.entries.values()} == {(0, 0)}


def test_owners_are_kept_when_asked(tmp_path: Path) -> None:
    fill(tmp_path, "a")
    assert scan(tmp_path, keep_owners=True).entries["a"].uid == os.getuid()


def test_names_need_not_be_text(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"\xff\xfe")).write_text("x")
    assert list(scan(tmp_path).entries) == ["", "\udcff\udcfe"]


@pytest.mark.parametrize(
    ("patterns", "left"),
    [
        (["b*"], ["", "a", "d", "d/b1", "d/c"]),
        (["**/b*"], ["", "a", "d", "d/c"]),
        (["d"], ["", "a", "b"]),
        (["d", "!d/c"], ["", "a", "b", "d", "d/c"]),
        (["*", "!d/b1"], ["", "d", "d/b1"]),
        (["**"], [""]),
        (["**", "!**/c"], ["", "d", "d/c"]),
        # What a client of BuildKit does with a pattern that comes twice, measured.
        (["d", "!d/c", "d"], ["", "a", "b", "d", "d/c"]),
    ],
)
def test_ignored_files_are_not_seen(tmp_path: Path, patterns: list[str], left: list[str]) -> None:
    fill(tmp_path, "a", "b", "d/b1", "d/c")
    assert list(scan(tmp_path, ignore=Matcher(patterns)).entries) == left


@pytest.mark.parametrize(
    ("paths", "found"),
    [
        (["a"], ["", "a"]),
        (["d/e"], ["", "d", "d/e", "d/e/c"]),
        (["/d/../a", "nothing"], ["", "a"]),
        (["l/c"], ["", "d", "d/e", "d/e/c", "l"]),
        (["m"], ["", "d", "d/e", "d/e/c", "l", "m"]),
        (["*.x"], ["", "q.x"]),
        (["d/*"], ["", "d", "d/b", "d/e", "d/e/c"]),
        (["out"], ["", "out"]),
        # A wildcard that finds nothing leaves not even its directory, as Docker's clients have it.
        (["d/no*"], [""]),
        (["loop"], ["", "loop"]),
        (["."], ["", "a", "d", "d/b", "d/e", "d/e/c", "l", "loop", "m", "out", "q.x"]),
    ],
)
def test_only_what_is_asked_for_is_seen_and_where_links_lead(
    tmp_path: Path, paths: list[str], found: list[str]
) -> None:
    fill(tmp_path, "a", "d/b", "d/e/c", "q.x")
    (tmp_path / "l").symlink_to("d/e")
    (tmp_path / "m").symlink_to("/l")
    (tmp_path / "out").symlink_to("../../../etc")
    (tmp_path / "loop").symlink_to("loop")
    assert list(scan(tmp_path, paths=paths).entries) == found


def test_unchanged_files_are_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root, store = tmp_path / "root", Digests(tmp_path / "digests")
    fill(root, *(f"d{number % 3}/f{number}" for number in range(30)))
    first = scan(root, digests=store)
    read: list[str] = []
    real = scan_module._digest

    def digest(file: int, path: str, stop: threading.Event) -> tuple[os.stat_result, str, int]:
        read.append(path)
        return real(file, path, stop)

    monkeypatch.setattr(scan_module, "_digest", digest)
    assert scan(root, digests=store) == first and read == []
    (root / "d1" / "f4").write_text("other")
    fill(root, "d1/new")
    (root / "d2" / "f2").unlink()
    second = scan(root, digests=store)
    assert sorted(read) == ["d1/f4", "d1/new"]
    assert second.entries["d1/f4"].digest != first.entries["d1/f4"].digest
    read.clear()
    # A look at a part forgets nothing of the rest, also when it learns something.
    scan(root, paths=["d0"], digests=store)
    scan(root, digests=store)
    assert read == []
    (root / "d0" / "f3").write_text("other")
    scan(root, paths=["d0"], digests=store)
    scan(root, ignore=Matcher(["d1", "**/f2*"]), digests=store)
    scan(root, digests=store)
    assert read == ["d0/f3"]


def test_a_damaged_cache_is_forgotten(tmp_path: Path) -> None:
    root, store = tmp_path / "root", Digests(tmp_path / "digests")
    fill(root, "a", "b")
    first = scan(root, digests=store)
    [file] = list((tmp_path / "digests").iterdir())
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)
    assert scan(root, digests=store) == first


def test_what_was_written_this_very_moment_is_not_believed_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(digests_module, "TICK", 10**12)
    fill(tmp_path, "a")
    table = Table(b"")
    info = os.stat(tmp_path / "a")
    table.add(info, "00" * 32, info.st_ctime_ns + 5)
    assert table.changed() is None


def test_large_files_are_read_beside(tmp_path: Path) -> None:
    for number in range(20):
        with open(tmp_path / f"f{number}", "wb") as file:
            file.truncate((1 << 20) + number)  # sparse
    digests = {entry.digest for name, entry in scan(tmp_path).entries.items() if name}
    assert len(digests) == 20


def test_a_file_that_never_holds_still_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path, "log")
    real = scan_module._read_all

    def read_all(file: int, size: int, stop: threading.Event) -> str:
        with open(tmp_path / "log", "a") as log:
            log.write("more")
        return real(file, size, stop)

    monkeypatch.setattr(scan_module, "_read_all", read_all)
    with pytest.raises(Failed, match="log changes while it is read"):
        scan(tmp_path)


def test_nobody_waiting_ends_a_scan(tmp_path: Path) -> None:
    stop = threading.Event()
    stop.set()
    with pytest.raises(Failed, match="canceled"):
        scan(tmp_path, stop=stop)


def test_a_directory_that_becomes_a_link_is_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    fill(root, "d/a")
    fill(outside, "secret")
    real = scan_module._Scanner._open

    def opened(self: scan_module._Scanner, path: str) -> int:
        if path == "d":
            (root / "d").rename(tmp_path / "away")
            (root / "d").symlink_to(outside)
        return real(self, path)

    monkeypatch.setattr(scan_module._Scanner, "_open", opened)
    assert list(scan(root).entries) == ["", "d"]


def test_a_directory_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        scan(tmp_path / "none")
    fill(tmp_path, "file")
    with pytest.raises(Failed):
        scan(tmp_path / "file")
