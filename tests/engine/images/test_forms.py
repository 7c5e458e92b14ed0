"""Layers in either form: chosen at start, beside each other, made anew when they cannot be used."""

import gzip
import io
import lzma
import os
import tarfile
from pathlib import Path

import pytest

from sampan.engine.images import Import, forms
from sampan.errors import Failed, Unsupported
from sampan.images.blobs import BlobStore
from sampan.images.tarread import REGULAR, Entry
from sampan.images.tarwrite import END, header, padding
from sampan.linux import erofs
from tests.engine.images.conftest import Bench, read, stream, tar

pytestmark = pytest.mark.root


async def opened(root: Path, form: str) -> Bench:
    bench = Bench.open(root, form)
    await bench.images.start()
    return bench


async def closed(bench: Bench) -> None:
    await bench.images.stop()
    assert bench.on_disk()[2] == 0
    bench.store.close()


async def test_images_of_both_forms_live_together(tmp_path: Path) -> None:
    bench = await opened(tmp_path, "erofs")
    base = await bench.add("base", a="1")
    await closed(bench)
    bench = await opened(tmp_path, "directory")
    child = await bench.commit(base, "child", b="2")
    top, bottom, _ = bench.images.lower_dirs(child)
    assert erofs.parse_lower(top) is None and erofs.parse_lower(bottom) is not None
    assert read(top, "b") + read(bottom, "a") == "21"
    saved = await bench.save("child")
    await closed(bench)
    bench = await opened(tmp_path / "other", "erofs")
    assert (await bench.load(saved))[0].id == child.id
    await closed(bench)


async def test_layers_that_can_be_mounted_no_more_become_directories(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = await opened(tmp_path, "erofs")
    image = await bench.add("app", a="1")
    before = bench.images.lower_dirs(image)
    await closed(bench)
    monkeypatch.setattr(forms, "try_erofs", lambda directory: "the kernel has no EROFS")
    with pytest.raises(Unsupported, match=r"sampan\.layers=erofs: the kernel has no EROFS"):
        await opened(tmp_path, "erofs")
    bench = await opened(tmp_path, "directory")
    after = bench.images.lower_dirs(bench.images.get("app"))
    assert read(after[0], "a") == "1" and bench.images.current_lowers(before) == after != before
    await closed(bench)


def test_a_file_system_in_memory_is_refused_with_the_reason(tmp_path: Path) -> None:
    assert forms.try_erofs(tmp_path) == ""
    assert "ext4, XFS or btrfs" in forms.try_erofs(Path("/dev/shm"))
    assert not [name for name in os.listdir("/dev/shm") if name.startswith("form-")]


def tar_is_blob(bench: Bench, lower: str) -> bool:
    parsed = erofs.parse_lower(lower)
    assert parsed
    layer = next(iter(bench.images.store.layers.values()))
    return os.path.samefile(parsed[1], bench.images.store.blobs.path(layer.blob))


async def test_an_uncompressed_layer_is_written_once(tmp_path: Path) -> None:
    bench = await opened(tmp_path, "erofs")
    image = await bench.add("app", a="1")
    assert tar_is_blob(bench, bench.images.lower_dirs(image)[0])
    saved = await bench.save("app")
    await closed(bench)
    bench = await opened(tmp_path / "other", "erofs")
    (image,) = await bench.load(saved)
    assert tar_is_blob(bench, bench.images.lower_dirs(image)[0])
    await closed(bench)


@pytest.mark.parametrize("compress", [gzip.compress, lzma.compress])
@pytest.mark.parametrize("size", [10, 3_000_000])
async def test_a_compressed_layer_keeps_its_tar(tmp_path: Path, compress: object, size: int) -> None:
    assert callable(compress)
    bench = await opened(tmp_path, "erofs")
    text = os.urandom(size // 2).hex()
    image = await bench.images.import_(stream(compress(tar(a=text, b="2")), 100_000), Import())
    lower = bench.images.lower_dirs(image)[0]
    assert read(lower, "a") == text and read(lower, "b") == "2"
    assert tar_is_blob(bench, lower) == (compress is lzma.compress)
    with tarfile.open(fileobj=io.BytesIO(await bench.save(image.id))) as archive:
        member = archive.extractfile(f"blobs/sha256/{image.diff_ids[0][7:]}")
        assert member and member.read() == tar(a=text, b="2")
    await closed(bench)


def with_hole() -> bytes:
    """A file of 1 MB with three bytes in it: GNU's oldest sparse format."""
    entry = Entry(b"hole", REGULAR)
    entry.mode, entry.size = 0o644, 3
    block = bytearray(header(entry)[:512])
    block[156:157] = b"S"
    block[257:265] = b"ustar  \0"
    block[386:398], block[398:410] = b"%011o\0" % 4096, b"%011o\0" % 3
    block[483:495] = b"%011o\0" % (1 << 20)
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block) + b"abc" + padding(3) + END


@pytest.mark.parametrize("compress", [bytes, gzip.compress])
async def test_a_layer_that_needs_files_gets_them(tmp_path: Path, compress: object) -> None:
    assert callable(compress)
    bench = await opened(tmp_path, "erofs")
    image = await bench.images.import_(stream(compress(with_hole())), Import())
    lower = bench.images.lower_dirs(image)[0]
    assert erofs.parse_lower(lower) is None
    assert read(lower, "hole") == "\0" * 4096 + "abc" + "\0" * ((1 << 20) - 4099)
    assert sorted(os.listdir(os.path.dirname(lower))) == ["fs"]
    saved = await bench.save(image.id)
    with tarfile.open(fileobj=io.BytesIO(saved)) as archive:
        (name,) = [member.name for member in archive if member.name.endswith(image.diff_ids[0][7:])]
        member = archive.extractfile(name)
        assert member and member.read() == with_hole()
    await closed(bench)


async def test_a_full_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = await opened(tmp_path, "erofs")
    before = bench.on_disk()

    def full(self: object, data: bytes) -> None:
        raise Failed("write blob: No space left on device")

    monkeypatch.setattr("sampan.images.blobs.DigestedFile.write", full)
    for data in (tar(a="x" * 3_000_000), gzip.compress(tar(a="x" * 3_000_000))):
        with pytest.raises(Failed, match="No space left"):
            await bench.images.import_(stream(data, 300_000), Import())
    monkeypatch.undo()
    assert bench.on_disk() == before
    assert isinstance(bench.images.store.blobs, BlobStore)
    await closed(bench)
