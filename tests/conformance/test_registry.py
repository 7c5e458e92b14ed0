"""pull, push and what is around them, against Debian's docker-registry, by both clients."""

import asyncio
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.support.client import Client
from tests.support.engine import Sampand
from tests.support.fakeregistry import FakeRegistry, serving, tar_of
from tests.support.poll import until

CONFIG = """\
version: 0.1
log: {{level: error, accesslog: {{disabled: true}}}}
storage: {{filesystem: {{rootdirectory: {root}}}, delete: {{enabled: true}}}}
http: {{addr: 127.0.0.1:{port}}}
"""


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """HOST:PORT of a docker-registry."""
    program = shutil.which("docker-registry")
    if program is None:
        if os.environ.get("CI") == "true":
            pytest.fail("no docker-registry here (make packages)")
        pytest.skip("no docker-registry here (make packages)")
    directory = tmp_path_factory.mktemp("registry")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (directory / "config.yml").write_text(CONFIG.format(root=directory / "root", port=port))
    process = subprocess.Popen(
        [program, "serve", directory / "config.yml"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    host = f"127.0.0.1:{port}"
    until(lambda: answers(host), "docker-registry answers")
    yield host
    process.kill()
    process.wait()


def answers(host: str) -> bool:
    try:
        with urllib.request.urlopen(f"http://{host}/v2/", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


@pytest.fixture
def name(registry: str, unique: str, docker_client: Client) -> Iterator[str]:
    """A repository nobody else uses."""
    whole = f"{registry}/test/{unique}"
    yield whole
    forget(docker_client, whole)


def forget(cli: Client, name: str) -> None:
    """Take the repository's names away; an image that has others stays."""
    shown = "{{.Repository}}:{{.Tag}} {{.Repository}}@{{.Digest}}"
    for line in cli("images", "--digests", "--format", shown, name).lines:
        tag, digest = line.split()
        cli("rmi", digest if tag.endswith("<none>") else tag)


def manifest(name: str) -> tuple[bytes, str]:
    """What the registry has under a name: the bytes and their digest."""
    host, _, rest = name.partition("/")
    path, _, tag = rest.rpartition(":")
    kinds = "application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.manifest.v1+json"
    request = urllib.request.Request(f"http://{host}/v2/{path}/manifests/{tag}", headers={"Accept": kinds})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.read(), answer.headers["Docker-Content-Digest"]


def test_a_pushed_image_is_pulled_again(cli: Client, image: str, name: str) -> None:
    cli.ok("tag", image, f"{name}:1")
    pushed = cli.ok("push", f"{name}:1")
    data, digest = manifest(f"{name}:1")
    assert pushed.splitlines()[-1] == f"1: digest: {digest} size: {len(data)}"
    assert "Pushed" in pushed or "Mounted from " in pushed
    shown = cli.ok("images", "--digests", "--format", "{{.Digest}}", name)
    assert shown == digest
    assert "Layer already exists" in cli.ok("push", f"{name}:1")
    cli.ok("rmi", f"{name}:1")
    assert cli.ok("pull", "-q", f"{name}:1") == f"{name}:1"
    assert cli.ok("run", "--rm", f"{name}:1", "echo", "there") == "there"
    up = cli.ok("pull", f"{name}:1")
    assert f"Status: Image is up to date for {name}:1" in up
    cli.ok("rmi", f"{name}:1")
    assert f"{name}@{digest}" in cli.ok("pull", f"{name}@{digest}")
    cli.ok("rmi", f"{name}@{digest}")


def test_a_layer_is_mounted_from_beside(cli: Client, image: str, name: str, registry: str) -> None:
    cli.ok("tag", image, f"{name}/a:1")
    cli.ok("tag", image, f"{name}/b:1")
    cli.ok("push", f"{name}/a:1")
    assert "Mounted from " in cli.ok("push", f"{name}/b:1")
    cli.ok("rmi", f"{name}/a:1", f"{name}/b:1")


def test_all_tags_go_and_come(cli: Client, image: str, name: str) -> None:
    for tag in ("1", "2"):
        cli.ok("tag", image, f"{name}:{tag}")
    cli.ok("push", "-a", "-q", name)
    cli.ok("rmi", f"{name}:1", f"{name}:2")
    cli.ok("pull", "-a", "-q", name)
    assert sorted(cli.ok("images", "--format", "{{.Tag}}", name).splitlines()) == ["1", "2"]
    cli.ok("rmi", f"{name}:1", f"{name}:2")


def test_refusals(cli: Client, name: str, registry: str) -> None:
    cli.fails("pull", f"{name}:1", says=f"manifest for {name}:1 not found: manifest unknown")
    cli.fails("pull", "127.0.0.1:9/x", says=r"dial tcp 127\.0\.0\.1:9: connect: connection refused")
    cli.fails("push", f"{name}:1", says=f"An image does not exist locally with the tag: {name}")
    cli.fails("pull", "scratch", says="'scratch' is a reserved name")


def test_distribution_inspect(cli: Client, image: str, name: str, engine: Any) -> None:
    cli.ok("tag", image, f"{name}:1")
    cli.ok("push", "-q", f"{name}:1")
    data, digest = manifest(f"{name}:1")
    answer = engine.api.get(f"/distribution/{name}:1/json").json
    assert (answer["Descriptor"]["digest"], answer["Descriptor"]["size"]) == (digest, len(data))
    assert json.loads(data)["mediaType"] == answer["Descriptor"]["mediaType"]
    cli.ok("rmi", f"{name}:1")


# Only here


class Slow(FakeRegistry):
    """Gives half of a large blob, then waits until it may go on."""

    def __init__(self, image: str) -> None:
        super().__init__()
        noise = tar_of(f=random.Random(2).randbytes(8 << 20))
        self.digest = self.image(image, "1", noise, compress=bytes, media_type=PLAIN)
        self.layer = json.loads(self.manifests[image, "1"][1])["layers"][0]["digest"]
        self.half = len(self.blobs[self.layer]) // 2
        self.slow = True
        self.hook = self.stall
        self.left = threading.Event()

    async def stall(self, request: web.Request) -> web.StreamResponse | None:
        if not self.slow or request.method != "GET" or not request.path.endswith(self.layer):
            return None
        response = web.StreamResponse(headers={"Content-Length": str(len(self.blobs[self.layer]))})
        try:
            await response.prepare(request)
            await response.write(self.blobs[self.layer][: self.half])
            await asyncio.Event().wait()
        finally:
            self.left.set()
        return response


PLAIN = "application/vnd.oci.image.layer.v1.tar"


@contextmanager
def in_thread(registry: FakeRegistry) -> Iterator[FakeRegistry]:
    """Serve it on a loop of its own, beside the test."""
    ready, loop, ended = threading.Event(), asyncio.new_event_loop(), asyncio.Event()

    async def serve() -> None:
        async with serving(registry):
            ready.set()
            await ended.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    ready.wait()
    try:
        yield registry
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join()
        loop.close()


@pytest.mark.parametrize("how", ["killed", "stopped"])
def test_a_download_goes_on_after_the_daemons_end(
    own: Sampand, docker_client: Client, unique: str, how: str
) -> None:
    slow = Slow(unique)
    with in_thread(slow):
        name = f"{slow.host}/{unique}:1"
        partial = own.data / f"content/ingest/{slow.layer.removeprefix('sha256:')}.partial"
        with docker_client.background("pull", name):
            until(lambda: partial.exists() and partial.stat().st_size >= 0.98 * slow.half, "half is here")
            if how == "killed":
                own.kill()
            else:
                own.terminate()
        own.start()
        slow.slow = False
        docker_client.ok("pull", "-q", name)
        whole = len(slow.blobs[slow.layer])
        assert slow.sent[slow.layer] <= whole - slow.half + whole // 100
        assert docker_client.ok("images", "-q", name)
        docker_client.ok("rmi", name)


def test_an_interrupt_ends_the_pull(own: Sampand, cli: Client, unique: str) -> None:
    slow = Slow(unique)
    with in_thread(slow):
        name = f"{slow.host}/{unique}:1"
        partial: Path = own.data / f"content/ingest/{slow.layer.removeprefix('sha256:')}.partial"
        with cli.background("pull", name) as process:
            until(lambda: partial.exists() and partial.stat().st_size > 0, "the layer is on its way")
            process.send_signal(signal.SIGINT)
            process.wait(20)
        assert slow.left.wait(20), "the registry is let go"
        assert cli.ok("images", "-q", name) == ""
        slow.slow = False
        cli.ok("pull", "-q", name)
        cli.ok("rmi", name)
