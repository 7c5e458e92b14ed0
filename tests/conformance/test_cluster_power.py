"""The power fails while a cluster writes: what its API server had acknowledged is there when it starts again.

As test_power.py does it for the engine: on a disk that writes everything down, of which any part that was not
flushed may be missing afterwards.
"""

import random
import shutil
import sqlite3
import tempfile
import threading
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.kube.attacks.client import Answer, Hostile
from tests.support.cluster import ClusterProcess, free_port
from tests.support.engine import DATA_PARENT
from tests.support.powercut import GONE, Deeds, Key, seeded
from tests.support.recordeddisk import RecordedDisk

CUTS = 12
MEGABYTES = 160
CLIENTS, WRITES = 6, 70
KINDS = {"map": "/api/v1/namespaces/default/configmaps", "secret": "/api/v1/namespaces/default/secrets"}
# What clients and tokens are checked by, and what the store's secrets are sealed with.
LASTING = ("pki/ca.crt", "pki/service-accounts-1.key", "keys/secrets-1.key", "admin.kubeconfig")


@contextmanager
def recorded() -> Iterator[RecordedDisk]:
    directory = Path(tempfile.mkdtemp(prefix="sampan-test-power-", dir=DATA_PARENT))
    try:
        yield RecordedDisk(directory, MEGABYTES)
    finally:
        shutil.rmtree(directory)


@contextmanager
def cluster_on(place: Path, *options: str, port: int = 0) -> Iterator[ClusterProcess]:
    cluster = ClusterProcess(place, port or free_port())
    cluster.up(*options)
    try:
        yield cluster
    finally:
        cluster.down()


class Writer:
    """Creates, changes and deletes objects of its own, one after the other."""

    def __init__(self, deeds: Deeds, cluster: ClusterProcess, number: int, seed: float) -> None:
        self._deeds = deeds
        self._client = Hostile(cluster)
        self._number = number
        self._chance = random.Random(seed)
        self._there: set[Key] = set()

    def run(self) -> None:
        for _ in range(WRITES):
            kind = self._chance.choice(list(KINDS))
            self._write((kind, f"w{self._number}-{self._chance.randrange(6)}"))
        self._client.close()

    def _write(self, key: Key) -> None:
        kind, name = key
        if key in self._there and self._chance.random() < 0.25:
            self._there.discard(key)
            self._deeds.do({key: GONE}, lambda: ok(self._client.send("DELETE", f"{KINDS[kind]}/{name}")))
            return
        text = str(self._chance.random()) * self._chance.choice((1, 20, 1500))
        body: dict[str, Any] = {"metadata": {"name": name}}
        body["data" if kind == "map" else "stringData"] = {"value": text}
        method, path = ("PUT", f"{KINDS[kind]}/{name}") if key in self._there else ("POST", KINDS[kind])
        self._there.add(key)
        self._deeds.do({key: text}, lambda: ok(self._client.json(method, path, body)))


def ok(answer: Answer) -> Answer:
    assert answer.code < 400, (answer.code, answer.body)
    return answer


def test_acknowledged_writes_outlast_a_power_failure() -> None:
    chance = seeded()
    with recorded() as disk:
        deeds = Deeds(disk)
        with disk.mounted(), cluster_on(disk.place, "--controllers", "false") as cluster:
            writers = [Writer(deeds, cluster, number, chance.random()) for number in range(CLIENTS)]
            threads = [threading.Thread(target=one.run) for one in writers]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        assert len(deeds.done) == CLIENTS * WRITES
        for moment in deeds.moments(chance, CUTS):
            check_writes(deeds, moment, chance)


def check_writes(deeds: Deeds, moment: int, chance: random.Random) -> None:
    wanted, open_ = deeds.at(moment)
    with deeds.disk.after_power_cut(moment, chance):
        check_file(deeds.disk.place / "data" / "store.db")
        with cluster_on(deeds.disk.place, "--controllers", "false") as cluster:
            client = Hostile(cluster)
            found = contents(client)
            for key in {*wanted, *open_, *found}:
                value = found.get(key, GONE)
                before = wanted.get(key, GONE)
                assert value in (before, open_.get(key, before)), key
            ok(client.json("POST", KINDS["map"], {"metadata": {"name": "afterwards"}}))
            client.close()


def contents(client: Hostile) -> dict[Key, str]:
    found = {}
    for kind, path in KINDS.items():
        for value in ok(client.send("GET", path)).json["items"]:
            if value["metadata"]["name"].startswith("w"):
                data = value["data"]["value"]
                found[kind, value["metadata"]["name"]] = data if kind == "map" else b64decode(data).decode()
    return found


def check_file(path: Path) -> None:
    """Nothing is half there: every revision has its row, and what is current is the last that was written."""
    db = sqlite3.connect(path)
    try:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        [(compacted,)] = db.execute("SELECT value FROM meta WHERE name='compacted'").fetchall()
        rows = db.execute("SELECT revision, key FROM history ORDER BY revision").fetchall()
        assert [revision for revision, _ in rows] == list(range(compacted + 1, compacted + 1 + len(rows)))
        last = {key: revision for revision, key in rows}
        current = dict(db.execute("SELECT key, revision FROM current WHERE revision>?", (compacted,)))
        assert current.items() <= last.items()
    finally:
        db.close()


def test_a_cluster_starts_after_a_power_failure_in_its_first_start() -> None:
    chance = seeded()
    with recorded() as disk:
        deeds = Deeds(disk)
        with disk.mounted():
            cluster = ClusterProcess(disk.place)
            deeds.do({}, lambda: cluster.up("--controllers", "false"))
            lasting = {name: (cluster.data / name).read_bytes() for name in LASTING}
            cluster.down()
        [first] = deeds.done
        moments = [first.ended, *(chance.randrange(first.began, first.ended) for _ in range(CUTS))]
        for moment in moments:
            again = cluster_on(disk.place, port=cluster.port)
            with disk.after_power_cut(moment, chance), again as cluster:
                client = Hostile(cluster)
                ok(client.json("POST", KINDS["secret"], {"metadata": {"name": "a"}}))
                assert ok(client.send("GET", f"{KINDS['secret']}/a")).json["metadata"]["name"] == "a"
                client.close()
                if moment == first.ended:
                    assert {name: (cluster.data / name).read_bytes() for name in LASTING} == lasting
                # `up` has said where it is to be found; nothing that is half a file may stand there.
                assert cluster.kubeconfig.read_text().startswith("apiVersion:")
