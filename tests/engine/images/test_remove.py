"""Docker's rules of rmi and prune: every message was asked of Docker 26."""

from collections.abc import Awaitable, Callable

import pytest

from sampan.engine.images import Use
from sampan.errors import Conflict, Failed, Invalid, NotFound
from sampan.specs.oci.reference import parse
from tests.engine.images.conftest import Bench, reopen

pytestmark = pytest.mark.root

RUNNING, STOPPED = Use("f" * 64, True, "app"), Use("a" * 64, False, "app")


async def test_untagging_one_of_two_names_keeps_the_image(bench: Bench) -> None:
    image = await bench.add("app:1", a="1")
    bench.images.tag(image, parse("other:2"))
    assert bench.images.remove("app:1") == [{"Untagged": "app:1"}]
    assert bench.images.get("other:2").id == image.id


async def test_the_last_name_takes_the_image_and_its_layers(bench: Bench) -> None:
    image = await bench.add("app", a="1")
    assert bench.images.remove("app") == [
        {"Untagged": "app:latest"},
        {"Deleted": image.id},
        {"Deleted": image.diff_ids[0]},
    ]
    assert bench.on_disk() == (0, 0, 0)
    assert bench.actions()[-2:] == [("untag", image.id), ("delete", image.id)]


async def test_an_id_takes_the_only_name(bench: Bench) -> None:
    image = await bench.add("app", a="1")
    assert bench.images.remove(image.id[7:19])[0] == {"Untagged": "app:latest"}


async def test_an_id_with_several_names_needs_force(bench: Bench) -> None:
    image = await bench.add("app:1", a="1")
    bench.images.tag(image, parse("other:2"))
    short = image.id[7:19]
    with pytest.raises(Conflict) as caught:
        bench.images.remove(short)
    assert caught.value.message == (
        f"conflict: unable to delete {short} (must be forced) - image is referenced in multiple repositories"
    )
    records = bench.images.remove(short, force=True)
    assert records[:3] == [{"Untagged": "app:1"}, {"Untagged": "other:2"}, {"Deleted": image.id}]


async def test_an_image_in_use_keeps_its_last_name(bench: Bench) -> None:
    image = await bench.add("app", a="1")
    bench.users[image.id] = [STOPPED]
    with pytest.raises(Conflict) as caught:
        bench.images.remove("app")
    assert caught.value.message == (
        f'conflict: unable to remove repository reference "app" (must force) - container {"a" * 12} '
        f"is using its referenced image {image.id[7:19]}"
    )
    bench.images.tag(image, parse("other"))
    assert bench.images.remove("other") == [{"Untagged": "other:latest"}]


@pytest.mark.parametrize(
    ("use", "force", "why"),
    [
        (STOPPED, False, "(must be forced) - image is being used by stopped container aaaaaaaaaaaa"),
        (RUNNING, False, "(cannot be forced) - image is being used by running container ffffffffffff"),
        (RUNNING, True, "(cannot be forced) - image is being used by running container ffffffffffff"),
    ],
)
async def test_an_id_in_use_is_kept(bench: Bench, use: Use, force: bool, why: str) -> None:
    image = await bench.add("app", a="1")
    bench.users[image.id] = [use]
    short = image.id[7:19]
    with pytest.raises(Conflict) as caught:
        bench.images.remove(short, force=force)
    assert caught.value.message == f"conflict: unable to delete {short} {why}"
    assert bench.images.get("app").id == image.id


async def test_force_untags_what_a_running_container_uses_and_keeps_the_image(bench: Bench) -> None:
    image = await bench.add("app", a="1")
    bench.users[image.id] = [RUNNING]
    assert bench.images.remove("app", force=True) == [{"Untagged": "app:latest"}]
    assert bench.images.get(image.id).repo_tags == []


async def test_force_removes_what_a_stopped_container_uses(bench: Bench) -> None:
    image = await bench.add("app", a="1")
    bench.users[image.id] = [STOPPED]
    assert {"Deleted": image.id} in bench.images.remove("app", force=True)


async def test_an_image_with_children_is_only_untagged(bench: Bench) -> None:
    base = await bench.add("base", a="1")
    child = await bench.commit(base, "child", b="2")
    short = base.id[7:19]
    for force in (False, True):
        with pytest.raises(Conflict) as caught:
            bench.images.remove(short, force=force)
        assert caught.value.message == (
            f"conflict: unable to delete {short} (cannot be forced) - image has dependent child images"
        )
    assert bench.images.remove("base") == [{"Untagged": "base:latest"}]
    gone = [record["Deleted"] for record in bench.images.remove("child") if "Deleted" in record]
    assert (gone[0], gone[2], gone[3]) == (child.id, base.id, base.diff_ids[0])
    assert bench.on_disk() == (0, 0, 0)


async def test_noprune_leaves_the_parents(bench: Bench) -> None:
    base = await bench.add("", a="1")
    await bench.commit(base, "child", b="2")
    bench.images.remove("child", prune=False)
    assert bench.images.get(base.id)


async def test_a_digest_goes_with_its_repositorys_last_tag(bench: Bench) -> None:
    image = await bench.add("app:1", a="1")
    digest = "sha256:" + "5" * 64
    bench.images.store.name([(parse(f"app@{digest}"), image.id)])
    image = bench.images.get(image.id)
    assert (image.repo_tags, image.repo_digests) == (["app:1"], [f"app@{digest}"])
    assert bench.images.get(f"app@{digest}").id == bench.images.get(f"app:any@{digest}").id == image.id
    assert bench.images.remove("app:1")[:2] == [{"Untagged": "app:1"}, {"Untagged": f"app@{digest}"}]
    with pytest.raises(NotFound):
        bench.images.get(image.id)


async def test_what_is_not_there_is_not_removed(bench: Bench) -> None:
    with pytest.raises(NotFound, match="No such image: nope:latest"):
        bench.images.remove("nope")


async def test_prune_takes_dangling_images(bench: Bench) -> None:
    kept = await bench.add("app", a="1")
    dangling = await bench.add("", b="22")
    used = await bench.add("", c="3")
    bench.users[used.id] = [STOPPED]
    answer = bench.images.prune({})
    assert answer["ImagesDeleted"] == [{"Deleted": dangling.id}, {"Deleted": dangling.diff_ids[0]}]
    assert answer["SpaceReclaimed"] == 2
    assert bench.images.get(kept.id) and bench.images.get(used.id)
    assert bench.images.prune({}) == {"ImagesDeleted": None, "SpaceReclaimed": 0}
    assert bench.actions()[-1][0] == "prune"


async def test_prune_of_all_takes_what_no_container_uses(bench: Bench) -> None:
    base = await bench.add("base", a="1")
    await bench.commit(base, "child", b="2")
    used = await bench.add("used", c="3")
    bench.users[used.id] = [STOPPED]
    bench.images.prune({"dangling": ["false"]})
    assert [image.id for image in bench.images.all()] == [used.id]


async def test_prune_takes_filters(bench: Bench) -> None:
    bench.at("2020-01-01T00:00:00Z")
    one = await bench.add("", changes=["LABEL a=1 b=2"], created="2030-01-01T00:00:00Z", f="1")
    bench.at("2030-01-01T00:00:00Z")
    two = await bench.add("", created="2020-01-01T00:00:00Z", f="2")
    assert bench.images.prune({"label": ["a=2"]})["ImagesDeleted"] is None
    assert bench.images.prune({"label!": ["a"], "until": ["2025-01-01"]})["ImagesDeleted"] is None
    bench.images.prune({"until": ["2025-01-01"]})
    assert [image.id for image in bench.images.all()] == [two.id]
    bench.images.prune({"label!": ["a"]})
    assert bench.images.all() == [] and one
    for filters in ({"nope": ["x"]}, {"dangling": ["x"]}, {"until": ["x"]}):
        with pytest.raises((Invalid, Failed)):
            bench.images.prune(filters)


async def again(bench: Bench) -> None:
    await bench.add("", created="2020-01-01T00:00:00Z", f="1")


async def stood_upon(bench: Bench) -> None:
    bench.images.store.use(bench.images.all()[0])


@pytest.mark.parametrize("use", [again, stood_upon])
async def test_what_was_used_lately_is_not_old(bench: Bench, use: Callable[[Bench], Awaitable[None]]) -> None:
    bench.at("2020-01-01T00:00:00Z")
    image = await bench.add("", created="2020-01-01T00:00:00Z", f="1")
    bench.at("2021-01-01T00:00:00Z")
    await use(bench)
    bench = await reopen(bench)
    bench.images.prune({"until": ["2020-06-01"]})
    assert [found.id for found in bench.images.all()] == [image.id]
    bench.images.prune({"until": ["2021-06-01"]})
    assert bench.images.all() == []
