"""A registry and an engine on one store: what one has, the other has, and no byte is copied.

The engine's side are its real image manager and routes, on a socket of their own, without a daemon.
"""

import json
import os
import platform
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from sampan.engine.api import sharing
from sampan.engine.engine import Engine
from sampan.http.app import Api, ApiVersions, Server, bind_unix
from sampan.registry.collect import CollectConfig
from sampan.registry.documents import OCI_INDEX, OCI_MANIFEST
from tests.engine.images.conftest import Bench, bench, tar
from tests.registry.support import Client, Clock, descriptor, image, serving, sha256

__all__ = ["bench"]  # a fixture


@asynccontextmanager
async def engine(bench: Bench) -> AsyncIterator[str]:
    path = str(bench.root / "engine.sock")
    routes = sharing.routes(cast(Engine, SimpleNamespace(images=bench.images)))
    server = Server(Api(routes, ApiVersions((1, 51), (1, 24))))
    await server.listen(bind_unix(path))
    try:
        yield path
    finally:
        await server.stop()


@pytest.fixture
async def client(bench: Bench) -> AsyncIterator[Client]:
    async with engine(bench) as path:
        clock = Clock()
        settings: dict[str, Any] = {"share_engine_store": path, "collect": CollectConfig(grace=10.0)}
        async with serving(bench.root / "registry", clock, **settings) as client:
            yield client


def inode(path: Path) -> int:
    return os.stat(path).st_ino


def config_of(layer: bytes) -> bytes:
    return json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": {"Cmd": ["x"]},
            "rootfs": {"type": "layers", "diff_ids": [sha256(layer)]},
        }
    ).encode()


async def push(client: Client, name: str, layer: bytes) -> bytes:
    config = config_of(layer)
    document = image(layer, config=descriptor(config, "application/vnd.oci.image.config.v1+json"))
    for data in (config, layer):
        await client.push_blob(name.partition(":")[0], data)
    path = "/v2/{}/manifests/{}".format(*name.split(":"))
    assert (await client("PUT", path, document, Content_Type=OCI_MANIFEST)).status == 201
    return document


async def test_an_image_just_made_can_be_pulled_and_no_byte_is_copied(bench: Bench, client: Client) -> None:
    made = await bench.add("team/app:v1", hello="there")
    assert (await client("GET", "/v2/_catalog")).json == {"repositories": ["team/app"]}
    assert (await client("GET", "/v2/team/app/tags/list")).json["tags"] == ["v1"]
    answer = await client("GET", "/v2/team/app/manifests/v1")
    assert answer.status == 200
    assert answer.json["config"]["digest"] == made.id
    for entry in (answer.json["config"], *answer.json["layers"]):
        digest = entry["digest"]
        data = await client("GET", f"/v2/team/app/blobs/{digest}")
        assert sha256(data.body) == digest
        theirs, ours = bench.images.store.blobs.path(digest), client.registry.layout.blob(digest)
        assert inode(theirs) == inode(ours)
    assert list(client.registry.layout.uploads.iterdir()) == []


async def test_a_tag_follows_the_engines_and_goes_with_it(bench: Bench, client: Client) -> None:
    await bench.add("app", hello="one")
    first = (await client("HEAD", "/v2/app/manifests/latest")).headers["Docker-Content-Digest"]
    await bench.add("app", hello="two")
    second = await client("GET", "/v2/app/manifests/latest")
    assert second.headers["Docker-Content-Digest"] != first
    refused = await client("DELETE", "/v2/app/manifests/latest")
    assert (refused.status, "image of the engine" in str(refused.json)) == (405, True)
    form = {"Cookie": f"sampan_form={'t' * 43}", "Content_Type": "application/x-www-form-urlencoded"}
    assert (await client("POST", "/ui/delete/app/latest", "token=" + "t" * 43, **form)).status == 405
    bench.images.remove("app")
    assert (await client("GET", "/v2/app/manifests/latest")).code == "MANIFEST_UNKNOWN"
    layer = second.json["layers"][0]["digest"]
    assert (await client("GET", f"/v2/app/blobs/{layer}")).status == 200  # a pull may be under way
    cast(Clock, client.registry.clock).now += 11
    await client.registry.collector.run()
    assert (await client("GET", f"/v2/app/blobs/{layer}")).status == 404


async def test_a_pushed_image_is_in_the_engine_and_no_byte_is_copied(bench: Bench, client: Client) -> None:
    layer = tar(hello="pushed")
    document = await push(client, "team/new:v1", layer)
    found = bench.images.get("127.0.0.1:5000/team/new:v1")
    assert found.id == sha256(config_of(layer))
    assert bench.images.manifest_of(found) == (OCI_MANIFEST, document)
    assert inode(bench.images.store.blobs.path(sha256(layer))) == inode(
        client.registry.layout.blob(sha256(layer))
    )
    assert (await client("GET", "/v2/team/new/manifests/v1")).body == document
    assert (await client("DELETE", "/v2/team/new/manifests/v1")).status == 202
    assert bench.images.get("127.0.0.1:5000/team/new:v1")


async def test_of_a_pushed_index_the_engine_gets_its_own_platform(bench: Bench, client: Client) -> None:
    mine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    entries = []
    for architecture in ("s390x", mine):
        document = await push(client, f"multi:{architecture}", tar(hello=architecture))
        entries.append(
            {**descriptor(document, OCI_MANIFEST), "platform": {"os": "linux", "architecture": architecture}}
        )
    body = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}).encode()
    assert (await client("PUT", "/v2/multi/manifests/all", body, Content_Type=OCI_INDEX)).status == 201
    assert bench.images.get("127.0.0.1:5000/multi:all").id == sha256(config_of(tar(hello=mine)))


async def test_what_is_no_image_stays_in_the_registry_only(bench: Bench, client: Client) -> None:
    artifact = image(artifactType="x/y", config=descriptor(b"{}", "application/vnd.oci.empty.v1+json"))
    await client.push_blob("art", b"{}")
    assert (await client("PUT", "/v2/art/manifests/x", artifact, Content_Type=OCI_MANIFEST)).status == 201
    broken = await client.push_image("broken", "x", b"no tar")  # its config names no layers
    assert (await client("GET", f"/v2/broken/manifests/{broken}")).status == 200
    assert bench.images.all() == []


async def test_without_its_engine_a_registry_serves_what_it_has(bench: Bench) -> None:
    async with serving(bench.root / "registry", share_engine_store=str(bench.root / "none.sock")) as client:
        layer = tar(hello="x")
        document = await push(client, "app:v1", layer)
        assert (await client("GET", "/v2/app/manifests/v1")).body == document
        assert (await client("GET", "/v2/app/tags/list")).json["tags"] == ["v1"]
