"""Volumes as rows and directories: names, options, references, what a restart finds."""

import os
import shutil
from pathlib import Path
from typing import Any, cast

import pytest

from sampan.db.sqlite import Store
from sampan.engine.containers.record import ContainerRecord
from sampan.engine.events import Events
from sampan.engine.volumes.ocimounts import by_depth, rootfs_propagation
from sampan.engine.volumes.volumes import ANONYMOUS, Volumes, image_may_have
from sampan.errors import Conflict, Failed, Invalid, NotFound, SampanError
from sampan.paths import Paths
from sampan.storage import volumes as disk


class Box:
    def __init__(self, root: Path) -> None:
        self.paths = Paths(root / "data", root / "run")
        for directory in (self.paths.volumes, self.paths.trash, self.paths.tmp):
            directory.mkdir(parents=True, exist_ok=True)
        self.store = Store(self.paths.database)
        self.events = Events()
        self.records: dict[str, ContainerRecord] = {}
        self.volumes = self.fresh()

    def fresh(self) -> Volumes:
        """As the next daemon would have it. No test here needs images or a launcher."""
        nothing = cast(Any, None)
        return Volumes(
            paths=self.paths, store=self.store, events=self.events, launcher=nothing, images=nothing
        )

    async def container(
        self, id: str, host: dict[str, Any], volumes: dict[str, Any] | None = None
    ) -> ContainerRecord:
        record = ContainerRecord(
            id=id,
            name=id,
            created="",
            image="i",
            image_id="i",
            path="",
            args=[],
            config={"Volumes": volumes},
            host_config=host,
            cgroup=f"/sampan/{id}",
        )
        record.mount_points = await self.volumes.mounts_for(record, self.find)
        self.records[id] = record
        self.store.put(f"containers/{id}", {"id": id, "mount_points": record.mount_points})
        return record

    def find(self, ref: str) -> ContainerRecord:
        if ref not in self.records:
            raise NotFound(f"No such container: {ref}")
        return self.records[ref]

    def happened(self) -> list[tuple[str, str]]:
        return [(e["Action"], e["Actor"]["ID"]) for e in self.events.past(lambda _: True, 0, None)]


@pytest.fixture
def box(tmp_path: Path) -> Box:
    return Box(tmp_path)


def test_creating_twice_returns_the_first(box: Box) -> None:
    first = box.volumes.create("data", labels={"a": "b"})
    second = box.volumes.create("data", labels={"a": "c"})
    assert second == first
    assert (box.paths.volumes / "data/_data").is_dir()
    assert box.happened() == [("create", "data")]


def test_a_volume_without_a_name_is_anonymous(box: Box) -> None:
    volume = box.volumes.create()
    assert len(volume.name) == 64
    assert volume.labels == {ANONYMOUS: ""}


@pytest.mark.parametrize(
    ("name", "driver", "options", "kind", "sentence"),
    [
        ("a/b", "", {}, Invalid, 'create a/b: "a/b" includes invalid characters for a local volume name'),
        ("..", "", {}, Invalid, 'create ..: ".." includes invalid characters'),
        ("a", "", {}, Invalid, "create a: volume name is too short"),
        ("x" * 300, "", {}, Invalid, "name too long"),
        ("ab", "foo", {}, NotFound, 'create ab: error looking up volume plugin foo: plugin "foo" not found'),
        ("ab", "", {"foo": "x"}, Invalid, 'create ab: invalid option: "foo"'),
        ("ab", "", {"type": "x"}, Invalid, 'create ab: missing required option: "device"'),
        ("ab", "", {"device": "x"}, Invalid, 'create ab: missing required option: "type"'),
        ("ab", "", {"o": "x"}, Invalid, 'create ab: missing required option: "device"'),
    ],
)
def test_refused_volumes(
    box: Box, name: str, driver: str, options: dict[str, str], kind: type[SampanError], sentence: str
) -> None:
    with pytest.raises(kind) as refused:
        box.volumes.create(name, driver, options)
    assert sentence in refused.value.message
    assert list(box.paths.volumes.iterdir()) == []


async def test_a_volume_in_use_stays(box: Box) -> None:
    record = await box.container("c1", {"Binds": ["data:/d"]})
    with pytest.raises(Conflict, match=r"remove data: volume is in use - \[c1\]"):
        box.volumes.remove("data", force=True)
    await box.volumes.release(record, remove_anonymous=True)
    box.volumes.remove("data")
    assert list(box.paths.volumes.iterdir()) == []


def test_removing_what_is_not_there(box: Box) -> None:
    box.volumes.remove("nope", force=True)
    with pytest.raises(NotFound, match="get nope: no such volume"):
        box.volumes.remove("nope")


async def test_anonymous_volumes_go_with_their_container_named_ones_stay(box: Box) -> None:
    record = await box.container("c1", {"Binds": ["data:/d", "/anon"]}, {"/img": {}})
    assert len(box.volumes.select({})) == 3
    await box.volumes.release(record, remove_anonymous=True)
    assert [volume.name for volume in box.volumes.select({})] == ["data"]


async def test_volumes_from_shares_and_keeps(box: Box) -> None:
    first = await box.container("c1", {"Binds": ["/anon"]})
    second = await box.container("c2", {"VolumesFrom": ["c1:ro"]})
    assert second.mount_points[0]["Name"] == first.mount_points[0]["Name"]
    assert second.mount_points[0]["RW"] is False
    await box.volumes.release(first, remove_anonymous=True)
    assert len(box.volumes.select({})) == 1


async def test_a_failed_create_leaves_nothing(box: Box) -> None:
    for host in (
        {"Binds": ["data:/d", "a:/x"]},
        {"Binds": ["data:/d"], "VolumesFrom": ["nope"]},
        {"Binds": ["data:/d"], "Mounts": [{"Type": "bind", "Source": "/nonexistent", "Target": "/x"}]},
    ):
        with pytest.raises(SampanError):
            await box.container("c1", host)
    assert box.volumes.select({}) == []
    assert list(box.paths.volumes.iterdir()) == []


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        ({}, ["used", "labelled", "plain"]),
        ({"dangling": ["true"]}, ["labelled", "plain"]),
        ({"dangling": ["false"]}, ["used"]),
        ({"label": ["k"]}, ["labelled"]),
        ({"label": ["k=v"]}, ["labelled"]),
        ({"label": ["k=w"]}, []),
        ({"name": ["la"]}, ["labelled", "plain"]),
        ({"name": ["^pl"]}, ["plain"]),
        ({"driver": ["local"]}, ["used", "labelled", "plain"]),
        ({"driver": ["other"]}, []),
    ],
)
async def test_list_filters(box: Box, filters: dict[str, list[str]], names: list[str]) -> None:
    await box.container("c1", {"Binds": ["used:/d"]})
    box.volumes.create("labelled", labels={"k": "v"})
    box.volumes.create("plain")
    assert [volume.name for volume in box.volumes.select(filters)] == names


@pytest.mark.parametrize(("name", "value"), [("foo", "x"), ("dangling", "x")])
def test_wrong_filters(box: Box, name: str, value: str) -> None:
    with pytest.raises(Invalid, match=f"invalid filter '{name}"):
        box.volumes.select({name: [value]})


async def test_prune_takes_anonymous_ones_unless_told_all(box: Box) -> None:
    await box.container("c1", {"Binds": ["/anon", "used:/u"]})
    box.volumes.create("named")
    loose = box.volumes.create()
    (box.paths.volumes / loose.name / "_data/f").write_bytes(b"x" * 100)
    assert await box.volumes.prune({}) == ([loose.name], 100)
    assert await box.volumes.prune({"all": ["true"]}) == (["named"], 0)
    with pytest.raises(Invalid, match="invalid filter 'until'"):
        await box.volumes.prune({"until": ["1h"]})


async def test_the_next_daemon_knows_volumes_and_users(box: Box) -> None:
    await box.container("c1", {"Binds": ["data:/d"]})
    box.volumes.create("other", labels={"k": "v"}, options={"type": "tmpfs", "device": "tmpfs"})
    after = box.fresh()
    await after.start()
    assert after.get("other") == box.volumes.get("other")
    with pytest.raises(Conflict):
        after.remove("data")


async def test_a_restart_takes_back_a_directory_that_no_row_names(box: Box) -> None:
    nameless = "0f" * 32
    for name in ("found", nameless):
        (box.paths.volumes / name / "_data").mkdir(parents=True)
        (box.paths.volumes / name / "_data/precious").write_text("x")
    after = box.fresh()
    await after.start()
    assert sorted(volume.name for volume in after.select({})) == [nameless, "found"]
    assert (await after.prune({}))[0] == [nameless], "its name says that it was anonymous"


async def test_a_volume_that_lost_its_directory_is_kept_and_not_used(box: Box) -> None:
    box.volumes.create("data", labels={"k": "v"})
    record = await box.container("c1", {"Binds": ["data:/d"]})
    shutil.rmtree(box.paths.volumes / "data")
    box.volumes = box.fresh()
    await box.volumes.start()
    assert box.volumes.get("data").labels == {"k": "v"}
    for use in (box.volumes.oci_mounts(record), box.container("c2", {"Binds": ["data:/d"]})):
        with pytest.raises(
            Failed, match=r"volume data has lost its directory .*/data/_data, and with it its data"
        ):
            await use
    assert await box.volumes.copy_mounts(record) == []
    (box.paths.volumes / "data/_data").mkdir(parents=True)
    assert len(await box.volumes.oci_mounts(record)) == 1, "it was put back"
    shutil.rmtree(box.paths.volumes / "data")
    await box.volumes.release(record, remove_anonymous=False)
    box.volumes.remove("data")
    box.volumes.create("data")
    assert len(await box.volumes.oci_mounts(record)) == 1, "a new one"


async def test_a_volume_that_is_only_a_row_gets_its_directory_again(box: Box) -> None:
    box.volumes.create("remote", options={"type": "tmpfs", "device": "tmpfs"})
    shutil.rmtree(box.paths.volumes / "remote")
    after = box.fresh()
    await after.start()
    assert (box.paths.volumes / "remote/_data").is_dir()
    record = await box.container("c1", {"Binds": ["remote:/d"]})
    assert [mount["type"] for mount in await after.oci_mounts(record)] == ["tmpfs"]


async def test_a_restart_removes_what_a_crash_left_of_a_creation(box: Box) -> None:
    (box.paths.volumes / "half").mkdir()
    (box.paths.volumes / "no-row/_data").mkdir(parents=True)
    after = box.fresh()
    await after.start()
    assert after.select({}) == []
    assert os.listdir(box.paths.volumes) == []


async def test_what_a_start_mounts(box: Box, tmp_path: Path) -> None:
    source = tmp_path / "made/for/you"
    record = await box.container(
        "c1",
        {
            "Binds": [f"{source}:/b:ro", "data:/d/deep"],
            "Mounts": [
                {
                    "Type": "volume",
                    "Source": "opt",
                    "Target": "/o",
                    "VolumeOptions": options("tmpfs", "tmpfs", "size=1m"),
                },
                {
                    "Type": "volume",
                    "Source": "dev",
                    "Target": "/p",
                    "VolumeOptions": options("none", "/etc", "bind,ro"),
                },
                {"Type": "tmpfs", "Target": "/t", "ReadOnly": True, "TmpfsOptions": {"SizeBytes": 1000}},
            ],
            "Tmpfs": {"/d": "exec"},
        },
    )
    mounts = {m["destination"]: m for m in await box.volumes.oci_mounts(record)}
    assert source.is_dir()
    assert list(mounts)[-1] == "/d/deep"
    assert mounts["/b"]["options"] == ["rbind", "rprivate", "rro"]
    assert mounts["/d/deep"]["source"] == str(box.paths.volumes / "data/_data")
    assert (mounts["/o"]["type"], mounts["/o"]["options"]) == ("tmpfs", ["size=1m"])
    assert (mounts["/p"]["source"], mounts["/p"]["options"]) == ("/etc", ["bind", "ro", "rprivate"])
    assert mounts["/t"]["options"] == ["noexec", "nosuid", "nodev", "size=1000", "ro"]
    assert mounts["/d"]["options"] == ["nosuid", "nodev", "exec"]
    assert ("mount", "data") in box.happened()


def options(kind: str, device: str, o: str) -> dict[str, Any]:
    return {"DriverConfig": {"Name": "local", "Options": {"type": kind, "device": device, "o": o}}}


@pytest.mark.parametrize(
    ("mount", "kind", "sentence"),
    [
        (
            {"Type": "bind", "Source": "/etc", "BindOptions": {"ReadOnlyForceRecursive": True}},
            Invalid,
            "mount options conflict: !ReadOnly && BindOptions.ReadOnlyForceRecursive",
        ),
        (
            {"Type": "volume", "Source": "data", "VolumeOptions": {"Subpath": "no/such"}},
            NotFound,
            "no/such: no such file or directory",
        ),
        (
            {"Type": "volume", "Source": "gone", "VolumeOptions": options("none", "/nonexistent", "bind")},
            Failed,
            "failed to mount local volume: mount /nonexistent:",
        ),
    ],
)
async def test_refused_at_start(
    box: Box, mount: dict[str, Any], kind: type[SampanError], sentence: str
) -> None:
    record = await box.container("c1", {"Mounts": [{**mount, "Target": "/x"}]})
    with pytest.raises(kind) as refused:
        await box.volumes.oci_mounts(record)
    assert sentence in refused.value.message


async def test_a_subpath_cannot_leave_its_volume(box: Box) -> None:
    box.volumes.create("data")
    (box.paths.volumes / "data/_data/out").symlink_to("/etc")
    host = {
        "Mounts": [{"Type": "volume", "Source": "data", "Target": "/x", "VolumeOptions": {"Subpath": "out"}}]
    }
    record = await box.container("c1", host)
    with pytest.raises(NotFound, match="cannot access path"):
        await box.volumes.oci_mounts(record)


def test_parents_are_mounted_first() -> None:
    ordered = by_depth({"destination": d} for d in ("/a/b/c", "/x", "/a", "/a/b"))
    assert [m["destination"] for m in ordered] == ["/x", "/a", "/a/b", "/a/b/c"]


MOUNTINFO = """\
1 0 8:1 / / rw shared:1 - ext4 /dev/a rw
2 1 0:5 / /private rw - tmpfs t rw
3 1 0:6 / /slave\\040one rw master:1 - tmpfs t rw
"""


@pytest.mark.parametrize(
    ("source", "mode", "wanted"),
    [
        ("/usr/share", "shared", "shared"),
        ("/usr/share", "rslave", "rslave"),
        ("/slave one", "slave", "rslave"),
    ],
)
def test_propagation_of_the_root(source: str, mode: str, wanted: str) -> None:
    point = {"Type": "bind", "Source": source, "Propagation": mode}
    assert rootfs_propagation([point], MOUNTINFO) == wanted


@pytest.mark.parametrize(
    ("source", "mode", "sentence"),
    [
        ("/private/x", "shared", "path /private/x is mounted on /private but it is not a shared mount"),
        (
            "/private/x",
            "slave",
            "path /private/x is mounted on /private but it is not a shared or slave mount",
        ),
        ("/slave one", "shared", "but it is not a shared mount"),
    ],
)
def test_propagation_a_private_mount_cannot_have(source: str, mode: str, sentence: str) -> None:
    point = {"Type": "bind", "Source": source, "Propagation": mode}
    with pytest.raises(Failed) as refused:
        rootfs_propagation([point], MOUNTINFO)
    assert sentence in refused.value.message


def test_most_volumes_need_no_copy(tmp_path: Path) -> None:
    (tmp_path / "var").mkdir()
    assert image_may_have([str(tmp_path)], "/var/lib/data")
    assert not image_may_have([str(tmp_path)], "/data")


@pytest.mark.parametrize("mounted", [False, True])
def test_what_was_gathered_becomes_the_content_at_once(tmp_path: Path, mounted: bool) -> None:
    disk.create(tmp_path, "data")
    empty = disk.data(tmp_path, "data").stat().st_ino
    beside = disk.start_filling(tmp_path, "data")
    (beside / "sub").mkdir()
    (beside / "file").write_text("x")
    beside.chmod(0o1777)
    disk.finish_filling(tmp_path, "data", mounted=mounted)
    found = disk.data(tmp_path, "data")
    assert sorted(os.listdir(found)) == ["file", "sub"]
    assert found.stat().st_mode & 0o7777 == 0o1777
    assert (found.stat().st_ino == empty) == mounted
    assert os.listdir(tmp_path / "data") == ["_data"]


def test_what_is_there_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    disk.create(tmp_path, "data")
    (disk.start_filling(tmp_path, "data") / "file").write_text("x")
    (disk.data(tmp_path, "data") / "mine").touch()
    disk.finish_filling(tmp_path, "data", mounted=False)
    assert os.listdir(disk.data(tmp_path, "data")) == ["mine"]
