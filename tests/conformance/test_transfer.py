"""Images go to a registry and come back, by both command lines: Debian's docker-registry and Sampan's own."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from tests.conformance.conftest import Start
from tests.conformance.test_network import host_address
from tests.registry.support import OCI_INDEX, OCI_MANIFEST, descriptor, sha256
from tests.support.client import Client
from tests.support.cutting import CutLine
from tests.support.engine import Engine, Sampand
from tests.support.registries import PASSWORD, USER, Registry, secure, serving
from tests.support.rootfs import tar

KINDS = ["docker-registry", "sampan"]
NOT_ALLOWED = "(?i)no basic auth credentials|denied|unauthorized"


@pytest.fixture(scope="module", params=KINDS)
def registry(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with serving(request.param, tmp_path_factory.mktemp("registry")) as registry:
        yield registry


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with serving("sampan", tmp_path_factory.mktemp("registry")) as registry:
        yield registry


@pytest.fixture(scope="module", params=KINDS)
def locked(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with serving(request.param, tmp_path_factory.mktemp("locked"), locked=True) as registry:
        yield registry


def make(cli: Client, image: str, name: str, size: int = 100_000) -> str:
    """An image `name`: the suite's, and a layer with random bytes in /data. What sha256sum says of them."""
    made = cli.ok("create", image, "sh", "-c", f"head -c {size} /dev/urandom >/data; sha256sum /data")
    shown = cli.ok("start", "-a", made)
    cli.ok("commit", made, name)
    cli.ok("rm", made)
    return shown


def pushed(output: str) -> str:
    found = re.search("digest: (sha256:[0-9a-f]{64}) size: [0-9]+", output)
    assert found, output
    return found[1]


def test_an_image_comes_back_as_it_was(cli: Client, image: str, unique: str, registry: Registry) -> None:
    name = registry.image(f"{unique}:1")
    checksum = make(cli, image, name)
    before = cli.inspect(name, "image")
    digest = pushed(cli.ok("push", name))
    assert cli.inspect(name, "image")["RepoDigests"] == [f"{registry.image(unique)}@{digest}"]
    cli.ok("rmi", name)
    shown = cli.ok("pull", name)
    assert f"Digest: {digest}" in shown and f"Status: Downloaded newer image for {name}" in shown
    after = cli.inspect(name, "image")
    for key in ("Id", "Config", "RootFS", "Created", "Architecture"):
        assert after[key] == before[key], key
    assert cli.ok("run", "--rm", name, "sha256sum", "/data") == checksum


def test_what_the_registry_has_is_not_sent_again(
    cli: Client, image: str, unique: str, registry: Registry
) -> None:
    name = registry.image(f"{unique}:1")
    make(cli, image, name)
    before = registry.uploads()
    digest = pushed(cli.ok("push", name))
    begun = registry.uploads(at_least=before + 3)  # two layers and a config
    again = cli.ok("push", name)
    assert pushed(again) == digest and again.count("Layer already exists") == 2
    cli.ok("tag", name, registry.image(f"{unique}:2"))
    assert pushed(cli.ok("push", registry.image(f"{unique}:2"))) == digest
    assert registry.uploads() == begun
    other = registry.image(f"{unique}-other:1")
    cli.ok("tag", name, other)
    shown = cli.ok("push", other)
    assert pushed(shown) == digest and shown.count("Mounted from ") == 2


def test_an_image_is_pulled_by_digest(cli: Client, image: str, unique: str, registry: Registry) -> None:
    name = registry.image(unique)
    make(cli, image, f"{name}:1")
    digest = pushed(cli.ok("push", f"{name}:1"))
    id = cli.inspect(f"{name}:1", "image")["Id"]
    cli.ok("rmi", f"{name}:1")
    for reference in (f"{name}@{digest}", f"{name}:1@{digest}"):
        assert f"Digest: {digest}" in cli.ok("pull", reference)
        found = cli.inspect(f"{name}@{digest}", "image")
        assert (found["Id"], found["RepoDigests"]) == (id, [f"{name}@{digest}"])
        listed = cli.ok("images", "--digests", "--format", "{{.Repository}} {{.Digest}} {{.Tag}}")
        assert f"{name} {digest} <none>" in listed.splitlines()
        assert cli.ok("run", "--rm", f"{name}@{digest}", "echo", "runs") == "runs"
        cli.ok("rmi", f"{name}@{digest}")
    cli.fails("pull", f"{name}@sha256:{'0' * 64}", says="(?i)not found|manifest unknown")


def test_an_unknown_tag_names_the_nearest(
    cli: Client, image: str, unique: str, registry: Registry, engine: Engine
) -> None:
    name = registry.image(unique)
    cli.ok("tag", image, f"{name}:1.36")
    cli.ok("push", f"{name}:1.36")
    result = cli.fails("pull", f"{name}:1.35", says=f"manifest for {name}:1.35 not found: manifest unknown")
    if engine.kind == "sampan":
        assert "nearest tags: 1.36" in result.err


def test_where_no_registry_is_the_way_without_one_is_named(
    cli: Client, image: str, unique: str, engine: Engine
) -> None:
    name = f"127.0.0.1:1/{unique}:1"
    for command in (["pull", name], ["run", "--rm", name, "true"]):
        result = cli.fails(*command, code=125 if "run" in command else 1, says="connection refused")
        if engine.kind == "sampan":
            assert "sampan image bootstrap" in result.err


@pytest.fixture
def user(cli: Client, tmp_path: Path) -> Client:
    """The client with a configuration of its own, which nobody has logged in with."""
    return Client(cli.program, cli.host, cli.label, str(tmp_path / "config"))


def test_a_locked_registry_wants_a_login(user: Client, image: str, unique: str, locked: Registry) -> None:
    name = locked.image(f"{unique}:1")
    user.ok("tag", image, name)
    user.fails("push", name, says=NOT_ALLOWED)
    login = ("login", "-u", USER, "--password-stdin", locked.address)
    user.fails(*login, stdin=b"wrong\n", says="(?i)unauthorized")
    user.fails("pull", name, says=NOT_ALLOWED)
    assert "Login Succeeded" in user.ok(*login, stdin=PASSWORD.encode() + b"\n")
    digest = pushed(user.ok("push", name))
    user.ok("rmi", name)
    assert f"Digest: {digest}" in user.ok("pull", name)
    assert user.ok("logout", locked.address) == f"Removing login credentials for {locked.address}"
    user.ok("rmi", name)
    user.fails("pull", name, says=NOT_ALLOWED)


def test_what_a_registry_holds_is_searched(cli: Client, image: str, unique: str, ours: Registry) -> None:
    name = ours.image(f"{unique}/web:1")
    cli.ok("tag", image, name)
    cli.ok("push", name)
    rows = cli.ok("search", ours.image(unique)).splitlines()
    assert rows[0].split() == ["NAME", "DESCRIPTION", "STARS", "OFFICIAL"]
    assert [row.split()[0] for row in rows[1:]] == [f"{unique}/web"]
    assert len(cli.ok("search", ours.image(f"{unique}-none")).splitlines()) == 1


def test_remote_tags_are_listed(
    sampan_client: Client, docker: Client, image: str, unique: str, registry: Registry
) -> None:
    for tag in ("1", "2"):
        docker.ok("tag", image, registry.image(f"{unique}:{tag}"))
        docker.ok("push", registry.image(f"{unique}:{tag}"))
    assert {"1", "2"} <= set(sampan_client.ok("search", "--tags", registry.image(unique)).split())


def test_the_platform_is_chosen(cli: Client, image: str, unique: str, registry: Registry) -> None:
    ids = put_index(registry, unique)
    name = registry.image(f"{unique}:x")
    for architecture, id in ids.items():
        cli.ok("pull", "--platform", f"linux/{architecture}", name)
        found = cli.inspect(name, "image")
        assert (found["Architecture"], found["Id"]) == (architecture, id)
    cli.fails("pull", "--platform", "linux/s390x", name, says="(?i)no matching manifest for linux/s390x")
    shown = json.loads(cli.ok("manifest", "inspect", "--insecure", name))
    assert [entry["platform"]["architecture"] for entry in shown["manifests"]] == list(ids)


def put_index(registry: Registry, name: str) -> dict[str, str]:
    """An index `x` of two platforms, put into the registry by hand; the image ID of each."""

    def blob(data: bytes) -> bytes:
        status, headers, body = registry.request("POST", f"/v2/{name}/blobs/uploads/")
        assert status == 202, body
        place = headers["Location"].removeprefix(f"http://{registry.address}")
        target = f"{place}{'&' if '?' in place else '?'}digest={sha256(data)}"
        status, _, body = registry.request("PUT", target, data, Content_Type="application/octet-stream")
        assert status == 201, body
        return data

    def manifest(document: dict[str, object], reference: str = "") -> bytes:
        data = json.dumps({"schemaVersion": 2, **document}).encode()
        place = f"/v2/{name}/manifests/{reference or sha256(data)}"
        status, _, body = registry.request("PUT", place, data, Content_Type=str(document["mediaType"]))
        assert status == 201, body
        return data

    layer = blob(tar())
    ids, entries = {}, []
    for architecture in ("amd64", "arm64"):
        platform = {"architecture": architecture, "os": "linux"}
        rootfs = {"type": "layers", "diff_ids": [sha256(layer)]}
        config = blob(json.dumps({**platform, "config": {}, "rootfs": rootfs}).encode())
        ids[architecture] = sha256(config)
        parts = {
            "config": descriptor(config, "application/vnd.oci.image.config.v1+json"),
            "layers": [descriptor(layer)],
        }
        data = manifest({"mediaType": OCI_MANIFEST, **parts})
        entries.append({**descriptor(data, OCI_MANIFEST), "platform": platform})
    manifest({"mediaType": OCI_INDEX, "manifests": entries}, "x")
    return ids


SIZE = 16 << 20


def test_a_cut_pull_fetches_only_the_rest(
    cli: Client, image: str, unique: str, registry: Registry, own: Sampand
) -> None:
    name = registry.image(f"{unique}:1")
    checksum = make(cli, image, name, SIZE)
    cli.ok("push", name)
    cli.ok("rmi", name)
    with CutLine(registry.port) as line:
        far = f"127.0.0.1:{line.port}/{unique}:1"
        line.cut_after(SIZE // 2)
        cli.ok("pull", far)
        assert line.reached.is_set()
        assert SIZE < line.passed < SIZE * 1.01
    assert cli.ok("run", "--rm", far, "sha256sum", "/data") == checksum


HOSTS = {
    "a directory": ("{host}/hosts.toml", '[host."{dead}"]\n[host."{mirror}"]\n'),
    "a pattern": (
        "hosts.toml",
        '[registry."*.invalid".host."{dead}"]\n[registry."*.invalid".host."{mirror}"]\n',
    ),
    "the default": ("_default/hosts.toml", '[host."{mirror}"]\n'),
}


@pytest.fixture
def beside(start: Start, docker: Client, image: str, directory: Path) -> Client:
    """docker with an engine whose configuration is in `directory`."""
    if not (directory / "daemon.json").exists():
        (directory / "daemon.json").write_text("{}")
    engine = start("--config-file", str(directory / "daemon.json"))
    return Client(docker.program, engine.host, docker.label, docker.env["DOCKER_CONFIG"])


def test_mirrors_are_asked_in_order(
    docker: Client, beside: Client, image: str, unique: str, ours: Registry, directory: Path
) -> None:
    docker.ok("tag", image, ours.image(f"{unique}:1"))
    digest = pushed(docker.ok("push", ours.image(f"{unique}:1")))
    for number, (place, text) in enumerate(HOSTS.values()):
        host = f"registry{number}.tests.invalid"
        file = directory / "certs.d" / place.format(host=host)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text.format(dead="http://127.0.0.1:1", mirror=f"http://{ours.address}"))
        assert f"Digest: {digest}" in beside.ok("pull", f"{host}/{unique}:1")
        found = beside.inspect(f"{host}/{unique}:1", "image")
        assert f"{host}/{unique}@{digest}" in found["RepoDigests"]
        # What no mirror has, the registry itself is asked for: only then is it missed.
        beside.fails("pull", f"{host}/{unique}:2", says=f"(?i)no such host|lookup {host}|{host}")
        file.unlink()


def test_mirrors_of_the_hub_stand_in_daemon_json(
    docker: Client, start: Start, image: str, unique: str, ours: Registry, directory: Path
) -> None:
    docker.ok("tag", image, ours.image(f"library/{unique}"))
    digest = pushed(docker.ok("push", ours.image(f"library/{unique}")))
    (directory / "daemon.json").write_text(json.dumps({"registry-mirrors": [f"http://{ours.address}"]}))
    engine = start("--config-file", str(directory / "daemon.json"))
    there = Client(docker.program, engine.host, docker.label, docker.env["DOCKER_CONFIG"])
    assert f"Digest: {digest}" in there.ok("pull", unique)
    assert there.inspect(unique, "image")["RepoTags"] == [f"{unique}:latest"]


def test_a_registry_is_trusted_by_its_directory_in_certs_d(
    docker: Client, beside: Client, image: str, unique: str, directory: Path
) -> None:
    address = host_address()
    authority = trustme.CA()
    issued = authority.issue_cert(address)
    certificate, key = directory / "cert.pem", directory / "key.pem"
    certificate.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    issued.private_key_pem.write_to_path(key)
    beside.ok("load", stdin=docker("save", image).raw)
    with secure(directory / "registry", address, certificate, key) as registry:
        name = registry.image(f"{unique}:1")
        beside.ok("tag", image, name)
        beside.fails("push", name, says="(?i)certificate")
        certs = directory / "certs.d" / registry.address
        certs.mkdir(parents=True)
        authority.cert_pem.write_to_path(certs / "ca.crt")
        digest = pushed(beside.ok("push", name))
        beside.ok("rmi", name)
        assert f"Digest: {digest}" in beside.ok("pull", name)


def test_a_registry_on_the_engines_store_copies_nothing(
    own: Sampand, docker: Client, beside: Client, image: str, unique: str, directory: Path
) -> None:
    checksum = make(docker, image, f"{unique}-made:1", 1 << 20)
    socket = own.host.removeprefix("unix://")
    arguments = (f"--share-engine-store={socket}",)
    with serving("sampan", directory / "registry", arguments=arguments) as registry:
        far = registry.image(f"{unique}-made:1")
        beside.ok("pull", "-q", far)
        digest = beside.inspect(far, "image")["RepoDigests"][0].partition("@")[2]
        assert beside.ok("run", "--rm", far, "sha256sum", "/data") == checksum
        status, _, body = registry.request(
            "GET", f"/v2/{unique}-made/manifests/{digest}", Accept=OCI_MANIFEST
        )
        assert status == 200
        for layer in json.loads(body)["layers"]:
            hexadecimal = layer["digest"].removeprefix("sha256:")
            (there,) = (directory / "registry").glob(f"root/blobs/sha256/*/{hexadecimal}")
            here = own.data / "content/blobs/sha256" / hexadecimal
            assert there.samefile(here), "one file with two names"
        # What is pushed is an image of the engine.
        name = registry.image(f"{unique}-pushed:1")
        beside.ok("tag", far, name)
        beside.ok("push", "-q", name)
        assert docker.ok("run", "--rm", "--pull", "never", name, "sha256sum", "/data") == checksum
        docker.ok("rmi", name, f"{unique}-made:1")
        beside.fails("pull", far, says="(?i)not found|manifest unknown")
