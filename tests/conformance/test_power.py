"""The power fails: whatever was acknowledged is there, and works, on the disk as it is found afterwards.

Work is done once, on a disk that writes everything down. Then a daemon is started, several times, on what that
disk may have held at some moment. Which moments, and which writes got through, is chosen at random.
"""

import io
import os
import random
import shutil
import socket
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support import leftovers, rootfs
from tests.support.api import Answer, Api
from tests.support.engine import DATA_PARENT, Sampand
from tests.support.plugin import settled
from tests.support.powercut import GONE, Deeds, Key, seeded
from tests.support.recordeddisk import RecordedDisk

CUTS = 24
MEGABYTES = 192


@dataclass
class Work(Deeds):
    engine: Sampand = field(kw_only=True)

    def ask(self, things: dict[Key, Any], method: str, target: str, body: Any = None, **query: Any) -> None:
        self.do(things, lambda: ok(self.engine.api.request(method, target, body, **query)))

    def create(self, things: dict[Key, Any], name: str, *binds: str, image: str = "first") -> None:
        body = {"Image": image, "Cmd": ["true"], "HostConfig": {"Binds": binds}}
        self.ask({("container", name): "created"} | things, "POST", "/containers/create", body, name=name)

    def run(self, name: str) -> None:
        self.ask({}, "POST", f"/containers/{name}/start")
        ok(self.engine.api.post(f"/containers/{name}/wait"))

    def import_(self, name: str, more: dict[str, bytes]) -> None:
        data = io.BytesIO(rootfs.tar())
        with tarfile.open(fileobj=data, mode="a") as archive:
            for path, content in more.items():
                member = tarfile.TarInfo(path)
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
        query = {"fromSrc": "-", "repo": name}
        self.ask({("image", name): True}, "POST", "/images/create", data.getvalue(), **query)

    def write_file(self, volume: str) -> None:
        """As a program in a container that syncs what it writes."""
        path = self.engine.data / "volumes" / volume / "_data/file"

        def write() -> None:
            path.write_text(volume)
            for name in (path, path.parent):
                descriptor = os.open(name, os.O_RDONLY)
                os.fsync(descriptor)
                os.close(descriptor)

        self.do({("file", f"{volume}/_data/file"): volume}, write)

    def wear_in(self) -> None:
        """Until the database's log is written from its beginning again: while it grows, its syncs sync more."""
        wal, before = self.engine.data / "sampan.db-wal", -1
        while wal.stat().st_size != before:
            before = wal.stat().st_size
            for _ in range(60):
                ok(self.engine.api.post("/images/first/tag", repo="again"))


def ok(answer: Answer) -> Answer:
    assert answer.status < 400, (answer.status, answer.body)
    return answer


def work(here: Work) -> None:
    here.import_("first", {})
    here.wear_in()
    for number in range(5):
        name = f"volume{number}"
        body = {"Name": name, "Labels": {"of": name}}
        here.ask({("volume", name): {"of": name}}, "POST", "/volumes/create", body)
    here.write_file("volume0")
    here.create({}, "plain")
    here.create({}, "keeper", "volume0:/v")
    page = ("file", "made/_data/index.html")
    here.create({("volume", "made"): None, page: "it works\n"}, "maker", "made:/var/www")
    here.ask({("network", "net"): True}, "POST", "/networks/create", {"Name": "net"})
    here.ask({("volume", "volume1"): GONE}, "DELETE", "/volumes/volume1")
    here.run("plain")
    here.run("keeper")
    here.import_("second", {"etc/second": b"x" * 100_000})
    here.create({}, "other", image="second")
    here.ask({("container", "plain"): GONE}, "DELETE", "/containers/plain")
    here.ask({("image", "committed"): True}, "POST", "/commit", {}, container="keeper", repo="committed")
    renamed = {("container", "other"): GONE, ("container", "renamed"): "created"}
    here.ask(renamed, "POST", "/containers/other/rename", name="renamed")
    here.write_file("volume2")
    here.ask(
        {("volume", "volume2"): GONE, ("file", "volume2/_data/file"): GONE}, "DELETE", "/volumes/volume2"
    )
    here.ask({("network", "net"): GONE}, "DELETE", "/networks/net")
    here.create({("volume", "late"): None}, "last", "volume3:/v", "late:/late")


@contextmanager
def engine_on(place: Path) -> Iterator[Sampand]:
    engine = Sampand(data=place / "data")
    engine.start()
    try:
        yield engine
        for row in engine.api.get("/containers/json").json:
            ok(engine.api.delete(f"/containers/{row['Id']}", force=1))
        assert engine.terminate() == 0
    finally:
        if engine.running:
            engine.kill()
        engine.erase()


def test_what_was_acknowledged_outlasts_a_power_failure() -> None:
    chance = seeded()
    before = leftovers.Host.now()
    directory = Path(tempfile.mkdtemp(prefix="sampan-test-power-", dir=DATA_PARENT))
    try:
        disk = RecordedDisk(directory, MEGABYTES)
        with disk.mounted(), engine_on(disk.place) as engine:
            here = Work(disk, engine=engine)
            work(here)
        for moment in here.moments(chance, CUTS):
            check_after(here, moment, chance)
    finally:
        shutil.rmtree(directory)
    assert settled(lambda: leftovers.Host.now().added_since(before)) == []


def check_after(deeds: Deeds, moment: int, chance: random.Random) -> None:
    disk = deeds.disk
    wanted, open_ = deeds.at(moment)
    with disk.after_power_cut(moment, chance), engine_on(disk.place) as engine:
        for (kind, name), value in wanted.items():
            if (kind, name) not in open_:
                CHECKS[kind](engine, name, value)
        known = {name for kind, name in {*wanted, *open_} if kind == "volume"}
        assert {row["Name"] for row in engine.api.get("/volumes").json["Volumes"] or []} <= known
        assert "was gone" not in engine.log.read_text(), "nothing had to be made again"


def check_volume(engine: Sampand, name: str, value: Any) -> None:
    answer = engine.api.get(f"/volumes/{name}")
    assert answer.status == (404 if value is GONE else 200), f"volume {name}: {answer.body!r}"
    assert value is GONE or answer.json["Labels"] == value
    assert (engine.data / "volumes" / name / "_data").is_dir() == (value is not GONE)


def check_file(engine: Sampand, name: str, value: Any) -> None:
    path = engine.data / "volumes" / name
    assert not path.exists() if value is GONE else path.read_text() == value, f"file {name}"


def check_container(engine: Sampand, name: str, value: Any) -> None:
    answer = engine.api.get(f"/containers/{name}/json")
    assert answer.status == (404 if value is GONE else 200), f"container {name}: {answer.body!r}"
    if value is not GONE:
        check_runs(engine.api, name)


def check_runs(api: Api, name: str) -> None:
    ok(api.post(f"/containers/{name}/start"))
    assert ok(api.post(f"/containers/{name}/wait")).json["StatusCode"] == 0


def check_image(engine: Sampand, name: str, value: Any) -> None:
    made = f"of-{name}"
    ok(engine.api.post("/containers/create", {"Image": name, "Cmd": ["true"]}, name=made))
    check_runs(engine.api, made)


def check_network(engine: Sampand, name: str, value: Any) -> None:
    answer = engine.api.get(f"/networks/{name}")
    assert answer.status == (404 if value is GONE else 200), f"network {name}: {answer.body!r}"
    if value is not GONE:
        assert f"br-{answer.json['Id'][:12]}" in {bridge for _, bridge in socket.if_nameindex()}


CHECKS: dict[str, Callable[[Sampand, str, Any], None]] = {
    "volume": check_volume,
    "file": check_file,
    "container": check_container,
    "image": check_image,
    "network": check_network,
}
