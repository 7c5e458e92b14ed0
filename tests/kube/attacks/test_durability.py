"""Killed at any moment under load, and with no space left: nothing that was acknowledged is lost."""

import json
import os
import random
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.kube.attacks.client import Hostile
from tests.support.cluster import ROOT, ClusterProcess

ROUNDS = int(os.environ.get("SAMPAN_KILL_ROUNDS", "3"))
CLIENTS = 16
MAPS = "/api/v1/namespaces/default/configmaps"
WATCH = f"{MAPS}?watch=true&timeoutSeconds=1&resourceVersion="


class Load:
    """Clients that write until the server is gone, and what it has acknowledged: name -> (version, value)."""

    def __init__(self, cluster: ClusterProcess, known: dict[str, tuple[int, str | None]]) -> None:
        self.cluster = cluster
        self.known = known
        # What was asked for and not answered: it may have happened.
        self.asked: dict[str, str | None] = {}
        self.acknowledged: dict[int, str] = {}
        self.threads = [threading.Thread(target=self._write, args=(number,)) for number in range(CLIENTS)]

    def _write(self, number: int) -> None:
        client = Hostile(self.cluster)
        chance = random.Random()
        with suppress(OSError, ValueError):
            while True:
                self._one(client, f"c{number}-{chance.randrange(4)}", str(chance.random()), chance)
        client.close()

    def _one(self, client: Hostile, name: str, value: str, chance: random.Random) -> None:
        there = self.known.get(name, (0, None))[1] is not None
        body = {"metadata": {"name": name}, "data": {"value": value}}
        if there and chance.random() < 0.2:
            self.asked[name] = None
            answer = client.send("DELETE", f"{MAPS}/{name}")
            version, now = 0, None
        else:
            self.asked[name] = value
            answer = client.json("PUT" if there else "POST", f"{MAPS}/{name}" if there else MAPS, body)
            version, now = int(answer.json["metadata"]["resourceVersion"]), value
        assert answer.code in (200, 201), answer.body
        if version:
            self.acknowledged[version] = name
        self.known[name] = (version, now)
        del self.asked[name]

    def until_killed(self, writes: int) -> None:
        for thread in self.threads:
            thread.start()
        end = time.monotonic() + 60
        while len(self.acknowledged) < writes and time.monotonic() < end:
            time.sleep(0.001)
        self.cluster.kill()
        for thread in self.threads:
            thread.join()


def values(client: Hostile) -> tuple[int, dict[str, str]]:
    found = client.send("GET", MAPS).json
    items = {one["metadata"]["name"]: one.get("data", {}).get("value") for one in found["items"]}
    return int(found["metadata"]["resourceVersion"]), items


def events(client: Hostile, version: int) -> list[tuple[int, str, str]] | None:
    """What has happened since a version; None: that is told to be too long ago, as to start anew."""
    lines = client.send("GET", WATCH + str(version)).body.splitlines()
    found = []
    for one in map(json.loads, lines):
        if one["type"] == "ERROR":
            assert one["object"]["reason"] == "Expired" and one["object"]["code"] == 410 and not found
            return None
        metadata = one["object"]["metadata"]
        found.append((int(metadata["resourceVersion"]), one["type"], metadata["name"]))
    return found


def test_killed_under_load(tmp_path: Path) -> None:
    cluster = ClusterProcess(tmp_path)
    cluster.up()
    known: dict[str, tuple[int, str | None]] = {}
    chance = random.Random()
    try:
        for _ in range(ROUNDS):
            client = Hostile(cluster)
            before, _items = values(client)
            client.close()
            load = Load(cluster, known)
            load.until_killed(chance.randrange(50, 500))
            cluster.up()
            check(cluster, load, before)
    finally:
        cluster.down()


def check(cluster: ClusterProcess, load: Load, before: int) -> None:
    assert len(load.acknowledged) >= 50
    client = Hostile(cluster)
    now, items = values(client)
    assert now >= max(load.acknowledged)
    for name, (_, value) in list(load.known.items()):
        may_be = {value, load.asked.get(name, value)}
        assert items.get(name) in may_be, (name, items.get(name), may_be)
    for name, value in load.asked.items():
        assert items.get(name) in (value, load.known.get(name, (0, None))[1])
    happened = events(client, before)
    if happened is not None:
        versions = [version for version, _, _ in happened]
        assert versions == sorted(set(versions))
        told = {version: name for version, kind, name in happened if kind != "DELETED"}
        assert load.acknowledged.items() <= told.items()
    made = client.json("POST", MAPS, {"metadata": {"generateName": "after-"}}).json["metadata"]
    assert int(made["resourceVersion"]) > now
    assert (int(made["resourceVersion"]), "ADDED", made["name"]) in (events(client, now) or ())
    for name in load.asked:
        found = items.get(name)
        load.known[name] = (0, found)
    client.close()


# In a mount namespace of its own, so that the small file system is nobody else's.
FULL = """
import json, sys, subprocess
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from tests.kube.attacks.client import Hostile
from tests.support.cluster import ClusterProcess
place = Path(sys.argv[1])
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(place)], check=True)
cluster = ClusterProcess(place)
cluster.up()
client = Hostile(cluster)
maps = "/api/v1/namespaces/default/configmaps"
told = {"kept": [], "refused": [], "reads": [], "after": []}
ballast = place / "ballast"
try:
    assert client.json("POST", maps, {"metadata": {"name": "before"}}).code == 201
    with open(ballast, "wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(65536))
        except OSError:
            pass
    for number in range(400):
        name = f"m{number}"
        answer = client.json("POST", maps, {"metadata": {"name": name}, "data": {"a": "x" * 50_000}})
        if answer.code == 201:
            told["kept"].append(name)
        else:
            told["refused"].append([answer.code, answer.json])
        if len(told["refused"]) == 5:
            break
    told["reads"] = [client.send("GET", p).code for p in (maps, maps + "/before", "/api/v1/nodes", "/version")]
    ballast.unlink()
    told["after"] = [client.json("POST", maps, {"metadata": {"name": f"a{n}"}}).code for n in range(3)]
    told["there"] = [one["metadata"]["name"] for one in client.send("GET", maps).json["items"]]
    cluster.kill()
    cluster.up()
    told["again"] = [one["metadata"]["name"] for one in Hostile(cluster).send("GET", maps).json["items"]]
    told["log"] = cluster.log()
finally:
    cluster.down()
print(json.dumps(told))
"""


@pytest.mark.skipif(os.getuid() != 0, reason="mounting needs root")
def test_a_full_disk_refuses_writes_and_is_overcome(tmp_path: Path) -> None:
    line = ["unshare", "--mount", sys.executable, "-c", FULL, str(tmp_path), str(ROOT)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(line, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    assert told["refused"], "the disk was never full"
    for code, refusal in told["refused"]:
        assert refusal["kind"] == "Status" and refusal["code"] == code
        assert code in (500, 503, 507) and "disk is full" in refusal["message"], refusal
    assert told["reads"] == [200] * 4
    assert told["after"] == [201] * 3
    for found in (told["there"], told["again"]):
        assert {"before", "a0", "a1", "a2", *told["kept"]} <= set(found)
    assert "Traceback" not in told["log"]
