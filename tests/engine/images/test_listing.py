"""`docker images`, inspect and history."""

import pytest

from sampan.errors import Failed, Invalid, NotFound
from tests.engine.images.conftest import Bench

pytestmark = pytest.mark.root


async def fill(bench: Bench) -> None:
    """When they came counts, not when they say they were created."""
    bench.at("2020-01-01T00:00:00Z")
    await bench.add("old:1", created="2023-01-01T00:00:00Z", changes=["LABEL a=1 b=2"], f="1")
    bench.at("2021-01-01T00:00:00Z")
    await bench.add("mid:1", created="2022-01-01T00:00:00Z", f="2")
    bench.at("2022-01-01T00:00:00Z")
    await bench.add("new/app:2", created="2021-01-01T00:00:00Z", f="3")
    bench.at("2023-01-01T00:00:00Z")
    await bench.add("", created="2020-01-01T00:00:00Z", f="4")


def names(bench: Bench, **filters: list[str]) -> list[str]:
    return [row["RepoTags"][0] if row["RepoTags"] else "" for row in bench.images.select(filters)]


ROWS: list[tuple[dict[str, list[str]], list[str]]] = [
    ({}, ["", "new/app:2", "mid:1", "old:1"]),
    ({"dangling": ["true"]}, [""]),
    ({"dangling": ["0"]}, ["new/app:2", "mid:1", "old:1"]),
    ({"label": ["a"]}, ["old:1"]),
    ({"label": ["a=1", "b=2"]}, ["old:1"]),
    ({"label": ["a=2"]}, []),
    ({"reference": ["mid"]}, ["mid:1"]),
    ({"reference": ["*:1"]}, ["mid:1", "old:1"]),
    ({"reference": ["nope", "new/*"]}, ["new/app:2"]),
    ({"before": ["mid:1"]}, ["old:1"]),
    ({"since": ["mid:1"]}, ["", "new/app:2"]),
    ({"since": ["old:1"], "before": ["new/app:2"]}, ["mid:1"]),
    ({"until": ["2021-06-01"]}, ["mid:1", "old:1"]),
]


@pytest.mark.parametrize(("filters", "found"), ROWS)
async def test_filters_choose(bench: Bench, filters: dict[str, list[str]], found: list[str]) -> None:
    await fill(bench)
    assert names(bench, **filters) == found


async def test_bad_filters_are_refused(bench: Bench) -> None:
    with pytest.raises(Invalid, match="invalid filter 'nope'"):
        bench.images.select({"nope": ["x"]})
    with pytest.raises(Invalid, match=r"invalid filter 'dangling=\[x\]'"):
        bench.images.select({"dangling": ["x"]})
    with pytest.raises(NotFound, match="No such image: nope:latest"):
        bench.images.select({"before": ["nope"]})
    with pytest.raises(Failed, match="syntax error in pattern"):
        bench.images.select({"reference": ["["]})


async def test_a_step_of_another_image_is_shown_only_with_all(bench: Bench) -> None:
    step = await bench.add("", a="1")
    child = await bench.commit(step, "child", b="2")
    assert [row["Id"] for row in bench.images.select({})] == [child.id]
    assert {row["Id"] for row in bench.images.select({}, all=True)} == {child.id, step.id}


async def test_a_row_says_what_each_api_version_expects(bench: Bench) -> None:
    image = await bench.add("", created="2020-01-01T00:00:00Z", a="123")
    (row,) = bench.images.select({}, version=(1, 47), shared_size=True)
    assert row == {
        "Containers": -1, "Created": 1577836800, "Id": image.id, "Labels": None, "ParentId": "",
        "RepoDigests": [], "RepoTags": [], "SharedSize": 0, "Size": 3,
    }  # fmt: skip
    (old,) = bench.images.select({}, version=(1, 40))
    assert (old["RepoTags"], old["RepoDigests"], old["VirtualSize"]) == (
        ["<none>:<none>"],
        ["<none>@<none>"],
        3,
    )
    assert bench.images.select({}, version=(1, 51))[0]["Containers"] == 0


async def test_shared_layers_are_counted(bench: Bench) -> None:
    base = await bench.add("base", a="12345")
    child = await bench.commit(base, "child", b="1")
    rows = {row["Id"]: row for row in bench.images.select({}, shared_size=True)}
    assert (rows[base.id]["SharedSize"], rows[child.id]["SharedSize"], rows[child.id]["Size"]) == (5, 5, 6)
    assert bench.images.layers_size() == 6


async def test_inspect_says_what_each_api_version_expects(bench: Bench) -> None:
    image = await bench.add("app", changes=["CMD x", "ENV A=1"], a="1")
    shown = bench.images.inspect("app", (1, 47))
    assert (shown["Id"], shown["RepoTags"], shown["Comment"]) == (image.id, ["app:latest"], "made")
    assert shown["Config"]["Hostname"] == "" and shown["Config"]["Env"] == ["A=1"]
    assert shown["RootFS"] == {"Type": "layers", "Layers": list(image.diff_ids)}
    assert "VirtualSize" not in shown and "Container" not in shown and shown["Created"] == image.created
    assert bench.images.inspect("app", (1, 43))["VirtualSize"] == 1
    assert bench.images.inspect("app", (1, 44))["ContainerConfig"]["Cmd"] is None
    assert "Hostname" not in bench.images.inspect("app", (1, 50))["Config"]


async def test_history_knows_the_images_made_here(bench: Bench) -> None:
    base = await bench.add("base", a="123")
    middle = await bench.commit(base, b="4")
    child = await bench.commit(middle, "child")
    rows = bench.images.history("child")
    assert [(row["Id"], row["Size"], row["Tags"], row["CreatedBy"]) for row in rows] == [
        (child.id, 0, ["child:latest"], "step"),
        (middle.id, 1, None, "step"),
        (base.id, 3, ["base:latest"], ""),
    ]
    saved = await bench.save("child")
    for image in (child, middle, base):
        bench.images.store.delete(image.id)
    await bench.load(saved)
    assert [row["Id"] for row in bench.images.history("child")] == [child.id, "<missing>", "<missing>"]
