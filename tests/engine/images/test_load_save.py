"""Archives: what is saved is loaded again, whatever it is wrapped in, and nothing of a bad one stays."""

import gzip
import io
import json
import tarfile
from typing import Any

import pytest
import zstandard

from sampan.errors import Failed, Invalid, NotFound
from sampan.specs.oci import digest as digests
from sampan.specs.oci.platform import Platform
from sampan.specs.oci.reference import parse
from tests.engine.images.conftest import Bench, read, tar

pytestmark = pytest.mark.root


def pack(*members: tuple[str, bytes | str]) -> bytes:
    """A tar; content that is text makes a symlink."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        for name, content in members:
            info = tarfile.TarInfo(name)
            if isinstance(content, str):
                info.type, info.linkname = tarfile.SYMTYPE, content
                archive.addfile(info)
            else:
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
    return data.getvalue()


def members(data: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        return {
            info.name: (archive.extractfile(info) or io.BytesIO()).read() for info in archive if info.isfile()
        }


def config_of(*layers: bytes, **fields: Any) -> bytes:
    diff_ids = [digests.of(layer) for layer in layers]
    document = {"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": diff_ids}}
    return json.dumps({**document, **fields}, indent=1).encode()


def docker_archive(config: bytes, layers: list[bytes], tags: list[str] | None, **more: Any) -> bytes:
    files = [(f"l{index}/layer.tar", layer) for index, layer in enumerate(layers)]
    manifest = [{"Config": "c.json", "RepoTags": tags, "Layers": [name for name, _ in files], **more}]
    return pack(*files, ("c.json", config), ("manifest.json", json.dumps(manifest).encode()))


LAYERS = [tar(a="1"), tar(b="2")]


@pytest.mark.parametrize("wrap", [bytes, gzip.compress, zstandard.ZstdCompressor().compress])
@pytest.mark.parametrize("layer", [bytes, gzip.compress, zstandard.ZstdCompressor().compress])
async def test_archives_and_layers_come_compressed_or_not(bench: Bench, wrap: Any, layer: Any) -> None:
    config = config_of(*LAYERS)
    (image,) = await bench.load(wrap(docker_archive(config, [layer(data) for data in LAYERS], ["app:1"])))
    assert image.id == digests.of(config) and bench.images.get("app:1").id == image.id
    top, bottom, _ = bench.images.lower_dirs(image)
    assert (read(top, "b"), read(bottom, "a")) == ("2", "1")
    assert bench.lines == [{"stream": "Loaded image: app:1\n"}]
    saved = members(await bench.save("app:1"))
    for digest, data in [(image.id, config), *zip(image.diff_ids, LAYERS, strict=True)]:
        assert saved["blobs/" + digest.replace(":", "/")] == data


async def test_what_is_saved_is_docker_archive_and_oci_layout(bench: Bench) -> None:
    image = await bench.add("app:1", a="1")
    bench.images.tag(image, parse("reg.io/x:2"))
    saved = members(await bench.save("app:1", "reg.io/x", image.id))
    (docker,) = json.loads(saved["manifest.json"])
    assert docker["RepoTags"] == ["app:1", "reg.io/x:2"]
    assert docker["Config"] == f"blobs/sha256/{image.id[7:]}"
    index = json.loads(saved["index.json"])
    assert [entry["annotations"]["io.containerd.image.name"] for entry in index["manifests"]] == [
        "docker.io/library/app:1",
        "reg.io/x:2",
    ]
    manifest = json.loads(saved["blobs/" + index["manifests"][0]["digest"].replace(":", "/")])
    assert manifest["config"]["digest"] == image.id
    assert [layer["digest"] for layer in manifest["layers"]] == list(image.diff_ids)
    assert json.loads(saved["oci-layout"]) == {"imageLayoutVersion": "1.0.0"}
    assert json.loads(saved["repositories"])["app"] == {"1": image.diff_ids[0][7:]}
    for name, data in saved.items():
        if name.startswith("blobs/"):
            assert digests.of(data) == name.removeprefix("blobs/").replace("/", ":")


async def test_saving_twice_gives_the_same_bytes(bench: Bench) -> None:
    await bench.add("b:1", a="1")
    await bench.add("a:1", a="2")
    first = await bench.save("a", "b")
    assert first == await bench.save("a", "b") and len(first) % 512 == 0


async def test_the_oci_layout_alone_is_loaded_too(bench: Bench) -> None:
    image = await bench.add("app:1", a="1")
    saved = members(await bench.save("app:1"))
    bench.images.remove("app:1")
    layout = [(name, data) for name, data in saved.items() if name not in ("manifest.json", "repositories")]
    (again,) = await bench.load(pack(*layout))
    assert again.id == image.id and bench.images.get("app:1").id == image.id


async def test_names_choose_what_is_saved(bench: Bench) -> None:
    image = await bench.add("app:1", a="1")
    bench.images.tag(image, parse("app:2"))
    for name, tags in [
        ("app", ["app:1", "app:2"]),
        ("app:2", ["app:2"]),
        (image.id, None),
        (image.id[7:19], None),
    ]:
        (docker,) = json.loads(members(await bench.save(name))["manifest.json"])
        assert docker["RepoTags"] == tags
    assert json.loads(members(await bench.save())["manifest.json"]) is None
    with pytest.raises(NotFound, match="No such image: nope"):
        await bench.save("app:1", "nope")
    with pytest.raises(Invalid, match="invalid reference format"):
        await bench.save("a:b:c")


async def test_an_image_removed_while_it_is_saved_is_saved_whole(bench: Bench) -> None:
    image = await bench.add("app:1", a="x" * 3_000_000)
    pieces: list[bytes] = []
    async for piece in bench.images.save(["app:1"]):
        pieces.append(piece)
        if len(pieces) == 1:
            bench.images.remove("app:1")
    saved = members(b"".join(pieces))
    assert len(saved["blobs/" + image.diff_ids[0].replace(":", "/")]) > 3_000_000
    assert bench.on_disk() == (0, 0, 0)


async def test_old_archives_link_to_layers_they_share(bench: Bench) -> None:
    config = config_of(*LAYERS)
    manifest = [{"Config": "c.json", "RepoTags": None, "Layers": ["one/layer.tar", "two/layer.tar"]}]
    data = pack(
        ("two/layer.tar", "../real/layer.tar"),
        ("one/layer.tar", LAYERS[0]),
        ("real/layer.tar", LAYERS[1]),
        ("c.json", config),
        ("manifest.json", json.dumps(manifest).encode()),
    )
    (image,) = await bench.load(data)
    assert bench.lines == [{"stream": f"Loaded image ID: {image.id}\n"}]


async def test_a_name_that_is_taken_moves_with_a_word(bench: Bench) -> None:
    before = await bench.add("app:1", a="old")
    await bench.load(docker_archive(config_of(*LAYERS), LAYERS, ["app:1"]))
    assert bench.lines[0]["stream"] == (
        f"The image app:1 already exists, renaming the old one with ID {before.id} to empty string\n"
    )
    assert bench.images.get(before.id).repo_tags == []


async def test_progress_is_told_when_asked_for(bench: Bench) -> None:
    await bench.load(docker_archive(config_of(*LAYERS), LAYERS, ["app:1"]), quiet=False)
    ids = [line["id"] for line in bench.lines if line.get("status") == "Loading layer"]
    assert {digests.of(layer)[7:19] for layer in LAYERS} == set(ids)
    last = [line for line in bench.lines if "progressDetail" in line][-1]
    assert last["progressDetail"]["current"] == last["progressDetail"]["total"] == len(LAYERS[0])


async def test_parents_in_one_archive_stay_parents(bench: Bench) -> None:
    base = await bench.add("base", a="1")
    child = await bench.commit(base, "child", b="2")
    saved = await bench.save("base", "child")
    for image in (child, base):
        bench.images.store.delete(image.id)
    await bench.load(saved)
    assert bench.images.get("child").parent == base.id
    assert bench.actions()[-2:] == [("load", base.id), ("load", child.id)]


async def test_the_wrong_platform_is_refused(bench: Bench) -> None:
    await bench.load(docker_archive(config_of(*LAYERS), LAYERS, ["app:1"]))
    with pytest.raises(NotFound, match=r"does not provide the specified platform \(linux/arm64\)"):
        async for _ in bench.images.save(["app:1"], Platform("linux", "arm64")):
            pass


OTHER = tar(c="3")
BROKEN = [
    ("no tar", b"junk\n"),
    ("nothing in it", pack()),
    ("cut short", docker_archive(config_of(*LAYERS), LAYERS, None)[:2000]),
    ("another layer than its config says", docker_archive(config_of(*LAYERS), [LAYERS[0], OTHER], None)),
    ("fewer layers than its config says", docker_archive(config_of(*LAYERS), LAYERS[:1], None)),
    ("a layer that is no tar", docker_archive(config_of(b"junk"), [b"junk"], None)),
    ("a config that is none", docker_archive(b"[]", [], None)),
    ("a config without layers", docker_archive(b"{}", [], None)),
    ("a name that is none", docker_archive(config_of(*LAYERS), LAYERS, ["A:B"])),
    ("a link to nowhere", pack(("manifest.json", "../../../etc/passwd"))),
]


@pytest.mark.parametrize("data", [row[1] for row in BROKEN], ids=[row[0] for row in BROKEN])
async def test_nothing_of_a_bad_archive_stays(bench: Bench, data: bytes) -> None:
    kept = await bench.add("kept", a="1")
    before = bench.on_disk()
    with pytest.raises((Failed, Invalid)):
        await bench.load(data)
    assert bench.on_disk() == before and [image.id for image in bench.images.all()] == [kept.id]
