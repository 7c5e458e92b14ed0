"""Results that go to a registry."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from sampan.builder.options import Output
from sampan.errors import Failed, SampanError
from sampan.specs.oci.image import INDEX, LAYER, LAYER_GZIP, LAYER_ZSTD, MANIFEST
from tests.builder.export.rig import Rig
from tests.engine.images.conftest import Bench, bench
from tests.support.fakeregistry import FakeRegistry, serving

__all__ = ["bench"]


@pytest.fixture
async def registry(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FakeRegistry]:
    monkeypatch.setattr("sampan.engine.images.upload.DELAY", 0.01)
    async with serving(FakeRegistry()) as registry:
        yield registry


def manifest(registry: FakeRegistry, tag: str) -> dict[str, Any]:
    media_type, data = registry.manifests["app", tag]
    found: dict[str, Any] = json.loads(data)
    assert found["mediaType"] == media_type
    return found


def layers(document: dict[str, Any]) -> set[str]:
    return {layer["mediaType"] for layer in document["layers"]}


async def test_a_result_is_pushed_and_not_kept(bench: Bench, registry: FakeRegistry) -> None:
    rig = Rig(bench)
    made = await rig.export(
        Output(type="registry", attrs={"annotation.a": "b"}), tags=(f"{registry.host}/app:1",)
    )
    document = manifest(registry, "1")
    assert (document["config"]["digest"], document["annotations"]) == (made.image_id, {"a": "b"})
    assert layers(document) == {LAYER_GZIP} and document["mediaType"] == MANIFEST
    assert rig.requester.asked == [registry.host]
    assert bench.images.store.find(f"{registry.host}/app:1") is None


async def test_an_image_is_pushed_and_kept(bench: Bench, registry: FakeRegistry) -> None:
    name = f"{registry.host}/app:1"
    made = await Rig(bench).export(Output(type="image", attrs={"push": "true"}), tags=(name,))
    digest = made.exporter["containerimage.digest"]
    image = bench.images.get(name)
    assert image.id == made.image_id == made.exporter["containerimage.config.digest"]
    assert image.repo_digests == [f"{registry.host}/app@{digest}"]
    assert json.loads(registry.manifests["app", digest][1]) == manifest(registry, "1")


@pytest.mark.parametrize(
    ("attrs", "expected"),
    [
        ({"compression": "zstd"}, LAYER_ZSTD),
        ({"compression": "uncompressed"}, LAYER),
        ({"compression-level": "9", "force-compression": "true"}, LAYER_GZIP),
    ],
)
async def test_layers_go_in_the_form_asked_for(
    bench: Bench, registry: FakeRegistry, attrs: dict[str, str], expected: str
) -> None:
    rig = Rig(bench)
    name = f"{registry.host}/app:1"
    await rig.export(Output(type="registry"), tags=(name,))  # the registry has another form already
    await rig.export(Output(type="registry", attrs=attrs), tags=(name,))
    assert layers(manifest(registry, "1")) == {expected}


async def test_several_platforms_are_an_index(bench: Bench, registry: FakeRegistry) -> None:
    made = await Rig(bench).export(
        Output(type="registry"), platforms=("linux/amd64", "linux/arm64"), tags=(f"{registry.host}/app:1",)
    )
    index = manifest(registry, "1")
    assert index["mediaType"] == INDEX
    for item in index["manifests"]:
        assert registry.manifests["app", item["digest"]][0] == MANIFEST
    assert made.image_id == made.exporter["containerimage.digest"]


async def test_by_digest_no_tag_is_moved(bench: Bench, registry: FakeRegistry) -> None:
    output = Output(type="registry", attrs={"push-by-digest": "true"})
    made = await Rig(bench).export(output, tags=(f"{registry.host}/app:1",))
    assert ("app", "1") not in registry.manifests
    assert ("app", made.exporter["containerimage.digest"]) in registry.manifests


async def test_a_registry_that_is_not_there(bench: Bench) -> None:
    with pytest.raises(SampanError, match="connection refused"):
        await Rig(bench).export(Output(type="registry"), tags=("localhost:1/app:1",))


async def test_without_a_name_there_is_nowhere_to_push(bench: Bench) -> None:
    with pytest.raises(Failed, match="tag is needed when pushing to registry"):
        await Rig(bench).export(Output(type="registry"))
