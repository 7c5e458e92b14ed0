"""The cache as a document: what comes back, and what is not believed."""

import base64
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan.builder.solve.cache import portable
from sampan.builder.solve.cache.imports import inline_of
from sampan.builder.solve.cache.locations import Layout
from sampan.builder.solve.cache.portable import Portable, PortableMount
from sampan.errors import Invalid, NotFound

DIGESTS = [f"sha256:{number:064x}" for number in range(6)]
digests = st.lists(st.sampled_from(DIGESTS), min_size=1, max_size=4, unique=True).map(tuple)
records = st.builds(
    Portable,
    keys=st.lists(st.integers(0, 1 << 200).map(lambda n: f"{n:064x}"), min_size=1, max_size=2).map(tuple),
    layers=digests,
    description=st.text(st.characters(codec="utf-8"), max_size=20),
    instruction=st.text(st.characters(codec="utf-8"), max_size=20),
    place=st.tuples(st.just("Dockerfile"), st.sampled_from(["", "build"]), st.integers(0, 99)),
)
mounts = st.builds(
    PortableMount,
    key=st.sampled_from(["a\0b", "c"]),
    id=st.just("c"),
    layer=st.sampled_from(DIGESTS),
    mode=st.integers(0, 0o7777),
)


@given(st.lists(records, max_size=5), st.lists(mounts, max_size=2))
def test_what_is_written_is_read(found: list[Portable], held: list[PortableMount]) -> None:
    document = portable.document(found, held)
    assert portable.load(portable.dump(document)) == document
    assert portable.dump(document) == portable.dump(portable.document(found, held))


@given(st.binary(max_size=200))
def test_any_bytes_are_refused_or_read(data: bytes) -> None:
    try:
        portable.load(data)
    except Invalid:
        pass


GOOD: dict[str, Any] = {
    "version": 1,
    "layers": DIGESTS[:2],
    "records": [{"keys": ["0" * 64], "layers": [0, 1]}],
}


@pytest.mark.parametrize(
    "change",
    [
        {"version": 2},
        {"version": None},
        {"layers": ["sha256:../../etc"]},
        {"layers": "x"},
        {"layers": [1]},
        {"records": [{}]},
        {"records": [{"keys": [], "layers": [0]}]},
        {"records": [{"keys": ["short"], "layers": [0]}]},
        {"records": [{"keys": ["0" * 64], "layers": [2]}]},
        {"records": [{"keys": ["0" * 64], "layers": [-1]}]},
        {"records": [{"keys": ["0" * 64], "layers": [True]}]},
        {"records": [{"keys": ["0" * 64], "layers": [0], "description": 1}]},
        {"records": [{"keys": ["0" * 64], "layers": [0], "place": [1]}]},
        {"records": 7},
        {"mounts": [{"key": "a", "id": "b", "layer": 9, "mode": 0, "uid": 0, "gid": 0}]},
        {"mounts": [{"key": "a", "id": "b", "layer": 0, "mode": -1, "uid": 0, "gid": 0}]},
    ],
)
def test_a_document_is_not_believed(change: dict[str, Any]) -> None:
    assert portable.load(orjson.dumps(GOOD)).layers == tuple(DIGESTS[:2])
    with pytest.raises(Invalid):
        portable.load(orjson.dumps({**GOOD, **change}))


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (b"{}", None),
        (b"[]", None),
        (b"nonsense", None),
        (orjson.dumps({portable.INLINE: 1}), None),
        (orjson.dumps({portable.INLINE: "!!"}), None),
        (orjson.dumps({portable.INLINE: base64.b64encode(b"x").decode()}), b"x"),
        # BuildKit's own is not ours to read.
        (orjson.dumps({"moby.buildkit.cache.v0": "e30="}), None),
    ],
)
def test_a_config_may_hold_a_cache(config: bytes, expected: bytes | None) -> None:
    assert inline_of(config) == expected


async def test_a_layout_is_read_without_following_links(tmp_path: Any) -> None:
    (tmp_path / "secret").write_text("{}")
    layout = tmp_path / "layout"
    layout.mkdir()
    with pytest.raises(NotFound):
        await Layout(layout).manifest({})
    (layout / "index.json").symlink_to(tmp_path / "secret")
    with pytest.raises(NotFound):
        await Layout(layout).manifest({})
    (layout / "index.json").unlink()
    blob = {"mediaType": "x", "digest": DIGESTS[0], "size": 2}
    (layout / "index.json").write_bytes(orjson.dumps({"schemaVersion": 2, "manifests": [blob]}))
    with pytest.raises(NotFound):
        await Layout(layout).manifest({})
    place = layout / "blobs" / "sha256" / DIGESTS[0].removeprefix("sha256:")
    place.parent.mkdir(parents=True)
    place.symlink_to(tmp_path / "secret")
    with pytest.raises(NotFound):
        await Layout(layout).manifest({})
    place.unlink()
    place.write_text("{}")
    with pytest.raises(Invalid, match="not what it says"):
        await Layout(layout).manifest({})
    with pytest.raises(NotFound, match="no cache"):
        await Layout(layout).manifest({"digest": DIGESTS[1]})
