"""Results on their way out, from a store of their own."""

import asyncio
import base64
import errno
import io
import json
import os
import tarfile
import threading
from pathlib import Path
from typing import Any, cast

import pytest

from sampan.builder.export.attributes import Compression
from sampan.builder.export.layers import LayerBlobs, writing
from sampan.builder.options import Output
from sampan.builder.progress import Vertex
from sampan.engine.images.store import Staging
from sampan.errors import Failed, Unsupported
from tests.builder.export.rig import Rig
from tests.engine.images.conftest import Bench, bench
from tests.support.poll import until_async

__all__ = ["bench"]


@pytest.fixture
def rig(bench: Bench) -> Rig:
    return Rig(bench)


async def test_an_image_gets_all_its_names(rig: Rig) -> None:
    made = await rig.export(tags=("app", "app:2"))
    image = rig.bench.images.get("app:2")
    assert image.repo_tags == ["app:2", "app:latest"]
    assert made.image_id == image.id == made.exporter["containerimage.digest"]
    assert made.exporter["image.name"] == "docker.io/library/app,docker.io/library/app:2"
    assert rig.said() == [
        "exporting to image",
        "exporting layers",
        f"writing image {image.id}",
        "naming to docker.io/library/app",
        "naming to docker.io/library/app:2",
    ]
    assert ("tag", "app:2") in rig.bench.actions()
    vertex = [event for event in rig.progress.events if isinstance(event, Vertex)][-1]
    assert vertex.completed and not vertex.error


async def test_the_same_on_another_data_root_is_the_same_image(rig: Rig, tmp_path: Path) -> None:
    other = Bench.open(tmp_path / "other", "directory")
    await other.images.start()
    try:
        one, two = await rig.export(), await Rig(other).export()
        assert one.image_id == two.image_id
        assert (await Rig(other).export(epoch=8)).image_id != one.image_id
    finally:
        await other.images.stop()
        other.store.close()


async def test_squash_makes_one_layer(rig: Rig) -> None:
    made = await rig.export(tags=("app",), squash=True)
    image = rig.bench.images.get(made.image_id)
    assert len(image.diff_ids) == 2
    layer = rig.bench.images.store.layers[image.diff_ids[1]]
    with tarfile.open(rig.bench.images.store.blobs.path(layer.blob)) as archive:
        assert archive.getnames() == ["c"]


def members(data: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        return {
            entry.name: cast(Any, archive.extractfile(entry)).read() for entry in archive if entry.isfile()
        }


@pytest.mark.parametrize("kind", ["oci", "docker"])
async def test_an_archive_can_be_loaded(rig: Rig, kind: Any) -> None:
    made = await rig.export(Output(type=kind, attrs={"dest": "x"}), tags=("app:1",))
    files = members(rig.requester.files[0])
    index = json.loads(files["index.json"])
    assert index["manifests"][0]["digest"] == made.exporter["containerimage.digest"]
    descriptor = json.loads(base64.b64decode(made.exporter["containerimage.descriptor"]))
    assert descriptor["digest"] == made.exporter["containerimage.digest"]
    assert ("manifest.json" in files) == (kind == "docker")
    [image] = await rig.bench.load(rig.requester.files[0])
    assert (image.id, image.repo_tags) == (made.image_id, ["app:1"])


async def test_an_archive_is_the_same_every_time(rig: Rig) -> None:
    await rig.export(Output(type="oci", attrs={"dest": "x", "compression": "zstd"}))
    first = rig.requester.files[0]
    await rig.export(Output(type="oci", attrs={"dest": "x", "compression": "zstd"}))
    assert rig.requester.files[0] == first
    assert b'"application/vnd.oci.image.layer.v1.tar+zstd"' in first


async def test_an_archive_of_several_platforms(rig: Rig) -> None:
    await rig.export(
        Output(type="oci", attrs={"dest": "x", "annotation-index.a": "b", "annotation[linux/arm64].c": "d"}),
        platforms=("linux/amd64", "linux/arm64"),
        tags=("app",),
    )
    files = members(rig.requester.files[0])
    [top] = json.loads(files["index.json"])["manifests"]
    index = json.loads(files["blobs/sha256/" + top["digest"][7:]])
    assert [one["platform"]["architecture"] for one in index["manifests"]] == ["amd64", "arm64"]
    assert index["annotations"] == {"a": "b"}
    arm = json.loads(files["blobs/sha256/" + index["manifests"][1]["digest"][7:]])
    assert arm["annotations"] == {"c": "d"}


async def test_one_platform_may_be_one_of_several(rig: Rig) -> None:
    output = Output(type="oci", attrs={"dest": "x"})
    await rig.export(output, build_args={"BUILDKIT_MULTI_PLATFORM": "1"})
    [top] = json.loads(members(rig.requester.files[0])["index.json"])["manifests"]
    assert top["mediaType"] == "application/vnd.oci.image.index.v1+json"


async def test_a_layout_as_a_directory(rig: Rig) -> None:
    await rig.export(Output(type="oci", attrs={"dest": "x", "tar": "false"}))
    assert {"blobs", "index.json", "oci-layout"} <= set(rig.requester.trees[0])


async def test_files_go_out_as_they_are_or_by_platform(rig: Rig) -> None:
    await rig.export(Output(type="local", attrs={"dest": "x"}), Output(type="tar", attrs={"dest": "y"}))
    assert rig.requester.trees[0] == ["file"]
    assert rig.requester.files[1] == b"a tar of 3"
    several = ("linux/amd64", "linux/arm64")
    await rig.export(
        Output(type="local", attrs={"dest": "x"}), Output(type="tar", attrs={"dest": "y"}), platforms=several
    )
    assert rig.requester.trees[0] == ["linux_amd64", "linux_amd64/file", "linux_arm64", "linux_arm64/file"]
    assert set(members(rig.requester.files[1])) == {"linux_amd64/file", "linux_arm64/file"}


async def test_one_name_cannot_be_several_platforms(rig: Rig) -> None:
    with pytest.raises(Unsupported, match="manifest lists"):
        await rig.export(platforms=("linux/amd64", "linux/arm64"))


@pytest.mark.parametrize("kind", ["oci", "docker", "tar", "local"])
async def test_a_requester_that_goes_away_leaves_nothing(rig: Rig, kind: Any) -> None:
    rig.requester.refuse = Failed("gone")
    with pytest.raises(Failed, match="gone"):
        await rig.export(Output(type=kind, attrs={"dest": "x"}), Output(type="image"), tags=("app",))
    assert not [image for image in rig.bench.images.all() if image.repo_tags == ["app:latest"]]
    vertex = [event for event in rig.progress.events if isinstance(event, Vertex)][-1]
    assert vertex.error == "gone" and vertex.completed


async def test_nothing_is_made_of_a_build_for_its_cache(rig: Rig) -> None:
    made = await rig.export(Output(type="cacheonly"))
    assert (made.image_id, made.exporter) == ("", {})
    assert rig.said() == []


async def test_a_cancelled_compression_stops_at_once(bench: Bench, tmp_path: Path) -> None:
    image = await bench.add("base", f="x" * 5_000_000)
    staged = Staging()
    blobs = LayerBlobs(bench.images.store, staged, tmp_path)
    begun = threading.Event()

    def work() -> None:
        for number in range(10_000):
            begun.set()
            blobs.blob(image.diff_ids[0], Compression("gzip", 9, force=number % 2 == 0))
            blobs._made.clear()

    task = asyncio.create_task(blobs.run(work))
    await until_async(begun.is_set, "it compresses")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 5)


def test_a_full_disk_is_named(tmp_path: Path) -> None:
    with (
        pytest.raises(Failed, match="export: write blob: No space left on device"),
        writing(tmp_path / "blob"),
    ):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
