"""Kill -9 at any moment: nothing that was acknowledged is lost, and no revision is given twice."""

import asyncio
import random
import subprocess
import sys
from pathlib import Path

import pytest

from sampan.kube.store import database
from sampan.kube.store.sqlite import SqliteStore

# Writes without end, and says what is acknowledged. It kills itself before the Nth statement of a kind,
# or is killed from outside when N is 0.
WRITER = """
import asyncio, os, random, signal, sys
from pathlib import Path
from sampan.kube.store import transactions, commits
from sampan.kube.store.sqlite import SqliteStore

name, count, seed = sys.argv[2], int(sys.argv[3]), int(sys.argv[4])

def dying(function):
    def call(*args):
        global count
        count -= 1
        if count == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*args)
    return call

class Dying:
    def __init__(self, db): self.db = db
    def __getattr__(self, name): return getattr(self.db, name)
    def execute(self, text, *args):
        if text.startswith(name): step()
        return self.db.execute(text, *args)
    def executescript(self, text):
        if text.startswith(name): step()
        return self.db.executescript(text)

step = dying(lambda: None)
commits.LOG_PAGES = 20
transactions.spare_pages = lambda db: db.execute("PRAGMA freelist_count").fetchone()[0]

async def main():
    store = await SqliteStore.open(Path(sys.argv[1]))
    if count:
        store._commits._db = Dying(store._commits._db)
    chance = random.Random(seed)
    async def write(number):
        while True:
            key = f"/registry/core/pods/ns/{number}-{chance.randrange(5)}"
            value = b"%d" % chance.randrange(1000) * chance.randrange(1, 900)
            if chance.random() < 0.2:
                value = None
            if value is not None or await store.get(key) is not None:
                revision = await store.write(key, value, expected=None)
                os.write(1, b"%d %s %s\\n" % (revision, key.encode(), b"-" if value is None else value))
    async def compact():
        done = 0
        while True:
            await asyncio.sleep(0.002)
            if (revision := await store.revision()) > done + 1:
                done = revision - 1
                await store.compact(done)
                os.write(1, b"compacted %d\\n" % done)
    await asyncio.gather(compact(), *map(write, range(8)))

asyncio.run(main())
"""

Said = dict[int, tuple[str, bytes | None]]


def parse(output: bytes) -> tuple[Said, int]:
    said: Said = {}
    compacted = 0
    for line in output.split(b"\n")[:-1]:  # the last may have been cut off
        words = line.split(b" ")
        if words[0] == b"compacted":
            compacted = int(words[1])
        else:
            assert int(words[0]) not in said, "a revision was given twice"
            said[int(words[0])] = (words[1].decode(), None if words[2] == b"-" else words[2])
    return said, compacted


def run(path: Path, statement: str, count: int, seed: int, seconds: float) -> tuple[Said, int]:
    arguments = [str(path), statement, str(count), str(seed)]
    process = subprocess.Popen([sys.executable, "-c", WRITER, *arguments], stdout=subprocess.PIPE)
    try:
        output = process.communicate(timeout=seconds)[0]
    except subprocess.TimeoutExpired:
        process.kill()
        output = process.communicate()[0]
    assert process.returncode == -9
    return parse(output)


async def check(path: Path, said: Said, compacted: int, before: int) -> int:
    """Every key is as its last acknowledged write left it, or as a later one that nobody was told of did."""
    db = database.open_file(path)
    assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    db.close()
    store = await SqliteStore.open(path)
    try:
        revision = await store.revision()
        assert revision >= max(said, default=before)
        assert all(number > before for number in said)
        last = {key: (number, value) for number, (key, value) in sorted(said.items())}
        for key, (number, value) in last.items():
            entry = await store.get(key)
            found = (entry.revision, entry.value) if entry else None
            if found is not None and found[0] > number:
                assert found[0] not in said
            elif value is not None:
                assert found == (number, value) or found is None
                if found is None:  # deleted by a write that was cut off before it could be told
                    assert revision > number
            else:
                assert found is None
        assert (await store.list("/registry/", revision=revision)).revision == revision
        assert compacted <= revision
        return revision
    finally:
        await store.close()


STEPS = [
    "BEGIN",
    "SELECT (SELECT revision",
    "INSERT INTO history",
    "INSERT INTO current",
    "DELETE FROM current",
]
HOUSE = ["UPDATE meta", "DELETE FROM history", "COMMIT", "PRAGMA wal_checkpoint", "PRAGMA incremental_vacuum"]


@pytest.mark.parametrize("statement", STEPS + HOUSE)
def test_killed_before_each_step(tmp_path: Path, statement: str) -> None:
    revision = database.FIRST
    # Pages are only given back while nobody writes, which is seldom here.
    counts = (1, 2) if "vacuum" in statement else (1, 2, 7, 40)
    for seed, count in enumerate(counts):
        said, compacted = run(tmp_path / "store", statement, count, seed, 10)
        revision = asyncio.run(check(tmp_path / "store", said, compacted, revision))


def test_killed_at_random(tmp_path: Path) -> None:
    chance = random.Random(4)
    revision = database.FIRST
    total = 0
    for seed in range(8):
        said, compacted = run(tmp_path / "store", "-", 0, seed, 0.25 + chance.random() / 4)
        revision = asyncio.run(check(tmp_path / "store", said, compacted, revision))
        total += len(said)
    assert total > 100
