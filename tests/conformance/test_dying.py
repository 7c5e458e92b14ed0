"""The daemon is killed at each step of what it does: nothing leaks, and what is there is whole."""

import io
import os
import tarfile
from collections.abc import Iterator
from typing import Any

import pytest

from sampan.engine.networks.defaults import Instance
from sampan.engine.networks.manager import POOL_SIZE
from sampan.linux import netlink, rtnetlink
from sampan.linux.rtnetlink import Link
from tests.support import leftovers, rootfs
from tests.support.api import Answer, Api
from tests.support.dying import DyingSampand
from tests.support.plugin import IMAGE, leavings
from tests.support.poll import until


@pytest.fixture(scope="module")
def dying() -> Iterator[DyingSampand]:
    before = leftovers.Host.now()
    engine = DyingSampand()
    engine.start()
    try:
        answer = engine.api.request("POST", "/images/create", rootfs.tar(), fromSrc="-", repo=IMAGE)
        assert answer.status == 200, answer.body
        yield engine
        found = leavings(engine, before)
    finally:
        if engine.running:
            engine.kill()
        engine.erase()
    assert found == [], "left behind:\n" + "\n".join(found)


def marked(engine: DyingSampand, kind: str) -> set[Link]:
    """The engine's interfaces of one kind."""
    mark = Instance.of(str(engine.exec)).mark
    with netlink.Socket(netlink.NETLINK_ROUTE) as sock:
        return {link for link in rtnetlink.links(sock) if (link.kind, link.alias) == (kind, mark)}


def bridges_of_networks(api: Api) -> set[str]:
    rows = [row for row in api.get("/networks").json if row["Driver"] == "bridge"]
    own = "com.docker.network.bridge.name"
    return {row["Options"].get(own) or f"br-{row['Id'][:12]}" for row in rows}


def check_bridges(engine: DyingSampand) -> None:
    assert {link.name for link in marked(engine, "bridge")} == bridges_of_networks(engine.api)


def plugged(engine: DyingSampand) -> set[Link]:
    """Veth pairs on a bridge: not those that wait for a container."""
    return {link for link in marked(engine, "veth") if link.master}


def wait_for_pool(engine: DyingSampand) -> None:
    """A start takes what is ready, or makes it: with another number of steps."""
    until(lambda: len(marked(engine, "veth") - plugged(engine)) == POOL_SIZE, "pairs are ready")


def ok(answer: Answer) -> Any:
    assert answer.status < 300, (answer.status, answer.body)
    return answer.json if answer.body else None


def create(engine: DyingSampand, name: str, **host: Any) -> Answer:
    body = {"Image": IMAGE, "Cmd": ["sleep", "1000"], "HostConfig": host}
    return engine.api.post("/containers/create", body, name=name)


def remove(engine: DyingSampand, name: str) -> None:
    ok(engine.api.delete(f"/containers/{name}", force=1, v=1))


def test_creating_a_network(dying: DyingSampand) -> None:
    for answer in dying.each_step(lambda: dying.api.post("/networks/create", {"Name": "net"})):
        check_bridges(dying)
        there = dying.api.get("/networks/net").status == 200
        assert there or answer is None
        if there:
            ok(dying.api.delete("/networks/net"))
        check_bridges(dying)


def test_removing_a_network(dying: DyingSampand) -> None:
    ok(dying.api.post("/networks/create", {"Name": "net"}))
    for answer in dying.each_step(lambda: dying.api.delete("/networks/net")):
        check_bridges(dying)
        if answer is None and dying.api.get("/networks/net").status == 404:
            ok(dying.api.post("/networks/create", {"Name": "net"}))
    assert dying.api.get("/networks/net").status == 404


def test_creating_a_volume(dying: DyingSampand) -> None:
    for answer in dying.each_step(lambda: dying.api.post("/volumes/create", {"Name": "vol"})):
        assert answer is None or dying.api.get("/volumes/vol").status == 200
        check_volumes(dying)
        ok(dying.api.delete("/volumes/vol", force=1))


def test_removing_a_volume(dying: DyingSampand) -> None:
    def make() -> None:
        ok(dying.api.post("/volumes/create", {"Name": "vol"}))
        (dying.data / "volumes/vol/_data/precious").touch()

    make()
    for answer in dying.each_step(lambda: dying.api.delete("/volumes/vol")):
        check_volumes(dying)
        if answer is None and dying.api.get("/volumes/vol").status == 404:
            make()
    assert dying.api.get("/volumes/vol").status == 404


def check_volumes(engine: DyingSampand) -> None:
    rows = {row["Name"] for row in engine.api.get("/volumes").json["Volumes"] or []}
    until(lambda: set(os.listdir(engine.data / "volumes")) == rows, f"directories are those of {rows}")


def test_creating_a_container(dying: DyingSampand) -> None:
    for answer in dying.each_step(lambda: create(dying, "box", Binds=["vol:/v", "/anon"])):
        there = dying.api.get("/containers/box/json").status == 200
        assert there or answer is None
        check_volumes(dying)
        rows = {row["Id"] for row in dying.api.get("/containers/json", all=1).json}
        assert set(os.listdir(dying.data / "containers")) == rows
        if there:
            ok(dying.api.post("/containers/box/start"))
            remove(dying, "box")
        ok(dying.api.post("/volumes/prune", filters={"all": ["true"]}))


def test_filling_a_volume(dying: DyingSampand) -> None:
    """With what the image has at its place: all of it or nothing, so that the next one begins anew."""
    with tarfile.open(fileobj=io.BytesIO(rootfs.tar())) as archive:
        programs = {name.removeprefix("bin/") for name in archive.getnames() if name.startswith("bin/")}
    volume = dying.data / "volumes/vol"
    for _ in dying.each_step(lambda: create(dying, "box", Binds=["vol:/bin"])):
        check_volumes(dying)
        assert not volume.exists() or set(os.listdir(volume / "_data")) in (set(), programs)
        if dying.api.get("/containers/box/json").status == 404:
            ok(create(dying, "box", Binds=["vol:/bin"]))
        assert set(os.listdir(volume / "_data")) == programs
        assert os.listdir(volume) == ["_data"]
        remove(dying, "box")
        ok(dying.api.delete("/volumes/vol"))


def test_starting_a_container(dying: DyingSampand) -> None:
    """Also between the request to the launcher and the row that says it runs."""
    ran = 0
    ok(create(dying, "box", PidsLimit=100))
    wait_for_pool(dying)
    for answer in dying.each_step(lambda: dying.api.post("/containers/box/start")):
        assert len(plugged(dying)) == (1 if check_container(dying, "box") else 0)
        ran += answer is None and runs(dying, "box")
        remove(dying, "box")
        until(lambda: not plugged(dying), "its network is gone")
        until(lambda: not cgroups_of_containers(dying), "its cgroup is gone")
        ok(create(dying, "box", PidsLimit=100))
        wait_for_pool(dying)
    assert ran, "a start was cut after the program had begun"
    remove(dying, "box")


def runs(engine: DyingSampand, name: str) -> bool:
    return bool(ok(engine.api.get(f"/containers/{name}/json"))["State"]["Running"])


def check_container(engine: DyingSampand, name: str) -> bool:
    """Whether it runs; all that goes by its cgroup then reaches it, and nothing else."""
    if not runs(engine, name):
        assert engine.api.get(f"/containers/{name}/json").json["NetworkSettings"]["IPAddress"] == ""
        return False
    titles, rows = (engine.api.get(f"/containers/{name}/top").json[key] for key in ("Titles", "Processes"))
    assert [row[titles.index("CMD")] for row in rows] == ["sleep 1000"]
    ok(engine.api.post(f"/containers/{name}/pause"))
    ok(engine.api.post(f"/containers/{name}/unpause"))
    ok(engine.api.post(f"/containers/{name}/update", {"PidsLimit": 200}))
    stats = engine.api.get(f"/containers/{name}/stats", stream=0).json
    assert stats["pids_stats"] == {"current": 1, "limit": 200}
    ok(engine.api.post("/commit", {}, container=name, repo="committed"))
    ok(engine.api.delete("/images/committed"))
    return True


def cgroups_of_containers(engine: DyingSampand) -> list[str]:
    return [text for text in leftovers.cgroups(engine.token) if len(text.rpartition("/")[2]) == 64]


@pytest.mark.parametrize("doing", ["connect", "disconnect"])
def test_connecting_and_disconnecting(dying: DyingSampand, doing: str) -> None:
    def ask(what: str) -> Answer:
        return dying.api.post(f"/networks/net/{what}", {"Container": "box"})

    def connected() -> bool:
        return "net" in dying.api.get("/containers/box/json").json["NetworkSettings"]["Networks"]

    ok(dying.api.post("/networks/create", {"Name": "net"}))
    ok(create(dying, "box"))
    ok(dying.api.post("/containers/box/start"))
    other = {"connect": "disconnect", "disconnect": "connect"}[doing]
    if doing == "disconnect":
        ok(ask("connect"))
    for answer in dying.each_step(lambda: ask(doing)):
        count = 2 if connected() else 1
        assert len(plugged(dying)) == count
        wait_for_pool(dying)  # and no other pair is there
        assert answer is None or connected() == (doing == "connect")
        if answer is None and connected() == (doing == "connect"):
            ok(ask(other))
    remove(dying, "box")
    ok(dying.api.delete("/networks/net"))
