"""What is there after every change, and after a restart."""

import asyncio
import os
import shutil
from collections.abc import Iterator

import pytest

from sampan.db.sqlite import Put
from sampan.engine.images import Import
from sampan.engine.images.ingest import add_local_layer, staging
from sampan.engine.images.store import NewImage
from sampan.errors import Failed, Invalid, NotFound
from sampan.linux import erofs
from sampan.specs.oci.reference import parse
from tests.engine.images.conftest import Bench, names, read, reopen, stream, tar

pytestmark = pytest.mark.root


def place_of(lower: str) -> str:
    parsed = erofs.parse_lower(lower)
    return os.path.dirname(parsed[0] if parsed else lower)


async def test_an_image_is_found_by_every_name_it_has(bench: Bench) -> None:
    image = await bench.add("app:1")
    for name in ("app:1", "docker.io/library/app:1", image.id, image.id[7:], image.id[7:19], image.id[:19]):
        assert bench.images.get(name).id == image.id
    for name, message in [
        ("app", "No such image: app:latest"),
        ("nope:1", "No such image: nope:1"),
        ("0" * 64, "No such image: sha256:" + "0" * 64),
        ("sha256:" + "0" * 64, "No such image: sha256:" + "0" * 64),
        ("app@sha256:" + "0" * 64, "No such image: app@sha256:" + "0" * 64),
    ]:
        with pytest.raises(NotFound) as caught:
            bench.images.get(name)
        assert caught.value.message == message
    with pytest.raises(Invalid, match="must be lowercase"):
        bench.images.get("APP")


async def test_the_beginning_of_two_ids_is_no_image(bench: Bench) -> None:
    seen: dict[str, str] = {}
    for number in range(40):
        image = await bench.add(f"a:{number}")
        first = image.id[7]
        if first in seen:
            with pytest.raises(NotFound):
                bench.images.get(first)
            return
        seen[first] = image.id
    pytest.fail("forty digests with forty first characters")


async def test_layers_are_told_top_first_with_the_init_layer_last(bench: Bench) -> None:
    base = await bench.add("base", a="1")
    child = await bench.commit(base, "child", b="2")
    top, bottom, init = bench.images.lower_dirs(child)
    assert (read(top, "b"), read(bottom, "a")) == ("2", "1")
    assert read(init, ".dockerenv") == "" and child.parent == base.id


async def test_all_is_there_after_a_restart(bench: Bench) -> None:
    base = await bench.add("base", a="1")
    child = await bench.commit(base, "child", b="2")
    again = await reopen(bench)
    found = again.images.get("child")
    assert found == child and again.images.history("child") == again.images.history(child.id)
    await again.images.stop()


async def test_a_restart_removes_what_no_row_names(bench: Bench) -> None:
    await bench.add("app", a="1")
    before = bench.on_disk()
    data = bench.root / "data"
    (data / "layers" / ("ab" * 32)).mkdir()
    (data / "content/blobs/sha256" / ("cd" * 32)).write_text("x")
    (data / "content/ingest/half").write_text("x")
    again = await reopen(bench)
    assert again.on_disk() == before
    await again.images.stop()


async def test_a_layer_that_is_gone_is_unpacked_again(bench: Bench) -> None:
    image = await bench.add("app", a="1")
    (layer, *_) = bench.images.lower_dirs(image)
    shutil.rmtree(place_of(layer))
    again = await reopen(bench)
    assert again.images.get("app") == image and names(layer) == ["a"]
    await again.images.stop()


async def test_an_image_that_cannot_be_mended_is_left_out_and_the_others_stay(bench: Bench) -> None:
    broken, good = await bench.add("broken", a="1"), await bench.add("good", a="2")
    shutil.rmtree(place_of(bench.images.lower_dirs(broken)[0]))
    bench.images.store.blobs.delete(bench.images.store.layers[broken.diff_ids[0]].blob)
    again = await reopen(bench)
    assert again.images.get("good").id == good.id
    with pytest.raises(NotFound):
        again.images.get("broken")
    await again.images.stop()


async def test_a_bad_archive_leaves_nothing(bench: Bench) -> None:
    for data in (b"junk\n", tar(a="x" * 5000)[:3000], tar(**{"n" * 300: "x"})):
        with pytest.raises(Failed):
            await bench.images.import_(stream(data), Import())
    assert bench.on_disk() == (0, 0, 0)


async def test_a_client_that_goes_away_leaves_nothing(bench: Bench) -> None:
    started = asyncio.Event()

    async def endless():  # type: ignore[no-untyped-def]
        data = tar(a="x" * 100_000)
        while True:
            yield data[:-1024]
            started.set()
            await asyncio.sleep(0)

    task = asyncio.create_task(bench.images.import_(endless(), Import()))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert bench.on_disk() == (0, 0, 0)


async def test_an_error_of_the_stream_is_told_and_leaves_nothing(bench: Bench) -> None:
    async def broken():  # type: ignore[no-untyped-def]
        yield tar(a="x" * 100_000)[:5000]
        raise Failed("the server went away")

    with pytest.raises(Failed, match="the server went away"):
        await bench.images.import_(broken(), Import())
    assert bench.on_disk() == (0, 0, 0)


async def test_the_same_layer_is_kept_once(bench: Bench) -> None:
    await asyncio.gather(*(bench.add(f"app:{number}", a="same") for number in range(4)))
    assert bench.on_disk()[0] == 1
    for number in range(3):
        bench.images.remove(f"app:{number}")
    assert bench.on_disk()[0] == 1
    bench.images.remove("app:3")
    assert bench.on_disk() == (0, 0, 0)


async def test_a_base_removed_during_a_commit_leaves_its_layers_to_the_child(bench: Bench) -> None:
    base = await bench.add("base", a="1")

    def slow():  # type: ignore[no-untyped-def]
        loop.call_soon_threadsafe(removed.set)
        going.result(timeout=10)
        yield tar(b="2")

    loop, removed = asyncio.get_running_loop(), asyncio.Event()
    import concurrent.futures

    going: concurrent.futures.Future[None] = concurrent.futures.Future()
    task = asyncio.create_task(bench.images.commit(base, slow(), config=base.config["config"]))
    await removed.wait()
    bench.images.remove("base")
    going.set_result(None)
    child = await task
    assert read(bench.images.lower_dirs(child)[1], "a") == "1"
    again = await reopen(bench)
    assert again.images.get(child.id).diff_ids == child.diff_ids
    await again.images.stop()


async def test_layers_stay_while_a_container_stands_on_them(bench: Bench) -> None:
    image = await bench.add("app", a="1")
    lower = bench.images.lower_dirs(image)
    bench.store.put("containers/c1", {"lower": lower})
    records = bench.images.remove("app", force=True)
    assert records[0] == {"Untagged": "app:latest"} and records[1:] == [{"Deleted": image.id}]
    again = await reopen(bench)
    assert read(lower[0], "a") == "1"
    again.store.delete("containers/c1")
    again.events.emit("container", "destroy", "c1")
    for _ in range(1000):
        if again.on_disk() == (0, 0, 0):
            break
        await asyncio.sleep(0.001)
    assert again.on_disk() == (0, 0, 0)
    await again.images.stop()


async def test_a_name_moves_from_image_to_image(bench: Bench) -> None:
    first, second = await bench.add("app", a="1"), await bench.add("app", a="2")
    assert bench.images.get("app").id == second.id
    assert bench.images.get(first.id).repo_tags == []
    bench.images.tag(bench.images.get(first.id), parse("app"))
    assert bench.images.get("app").id == first.id and bench.images.get(second.id).repo_tags == []
    assert bench.images.get("app").last_tagged > first.last_tagged
    with pytest.raises(Invalid, match="digest"):
        bench.images.tag(first, parse("app@sha256:" + "0" * 64))


async def test_a_layer_made_here_lets_go_of_its_source_when_it_fails(bench: Bench) -> None:
    closed = False

    def source() -> Iterator[bytes]:
        nonlocal closed
        try:
            while True:
                yield b"not a tar".ljust(512, b"!")
        finally:
            closed = True

    async with staging(bench.images.store) as staged:
        with pytest.raises(Failed):
            await add_local_layer(bench.images.store, staged, source())
        assert closed, "the files that were being packed are still open"


async def test_layers_of_no_image_stay_as_long_as_somebody_keeps_them(bench: Bench) -> None:
    kept: set[str] = set()
    bench.images.store.keep_for(lambda: kept)
    store = bench.images.store
    async with staging(store) as staged:
        layer = await add_local_layer(store, staged, iter([tar(f="1")]))
        kept.add(layer.diff_id)
        row = [Put("buildcache/x", {"layers": [layer.diff_id]})]
        assert await store.commit(staged, [], keep=[layer.diff_id], changes=lambda: row) == []
    store.collect()
    assert store.layers[layer.diff_id] == layer and store.layer_files.exists(layer.diff_id)
    assert bench.store.get("buildcache/x") == {"layers": [layer.diff_id]}
    kept.clear()
    store.collect()
    assert layer.diff_id not in store.layers and not store.layer_files.exists(layer.diff_id)


async def test_what_is_there_already_is_not_synced_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = await bench.add("app:1")
    store = bench.images.store
    synced: list[bool] = []
    monkeypatch.setattr(store.layer_files, "sync", lambda: synced.append(True))
    async with staging(store) as staged:
        for diff_id in image.diff_ids:
            store.reuse(staged, diff_id)
        new = NewImage(store.blobs.read(image.id), [parse("app:1")])
        assert [found.id for found in await store.commit(staged, [new])] == [image.id]
    assert synced == []
