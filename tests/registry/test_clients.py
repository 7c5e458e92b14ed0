"""Other people's clients against the registry: skopeo, podman (Debian packages), oras (PyPI).

The stock docker needs an engine to push: tests/conformance does that, with the whole of Sampan.
"""

import gzip
import hashlib
import io
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

import bcrypt
import pytest

from sampan.registry.documents import OCI_INDEX, OCI_MANIFEST
from tests.registry.process import Served, registry_process
from tests.registry.support import descriptor, sha256

pytestmark = pytest.mark.root  # with the distribution's packages: .ci/packages

CONFIG_FILE = """
[auth]
mode = "token"
[[auth.rule]]
repository = "public/**"
users = ["anonymous"]
actions = ["pull"]
[[auth.rule]]
users = ["bob"]
"""


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    directory = tmp_path_factory.mktemp("clients")
    (directory / "htpasswd").write_text(f"bob:{bcrypt.hashpw(b'secret', bcrypt.gensalt(5)).decode()}\n")
    (directory / "config.toml").write_text(CONFIG_FILE)
    arguments = ("--config", str(directory / "config.toml"), "--htpasswd", str(directory / "htpasswd"))
    with registry_process(directory, *arguments) as served:
        yield served


@pytest.fixture
def layout(tmp_path: Path) -> Path:
    """An OCI layout with one index of two platforms, tagged `x`."""
    blobs = tmp_path / "layout" / "blobs" / "sha256"
    blobs.mkdir(parents=True)

    def add(data: bytes) -> bytes:
        (blobs / hashlib.sha256(data).hexdigest()).write_bytes(data)
        return data

    entries = []
    for architecture in ("amd64", "arm64"):
        tar = io.BytesIO()
        with tarfile.open(fileobj=tar, mode="w") as archive:
            info = tarfile.TarInfo("hello")
            info.size = len(architecture)
            archive.addfile(info, io.BytesIO(architecture.encode()))
        layer = add(gzip.compress(tar.getvalue(), mtime=0))
        config = add(
            json.dumps(
                {
                    "architecture": architecture,
                    "os": "linux",
                    "config": {},
                    "rootfs": {"type": "layers", "diff_ids": [sha256(tar.getvalue())]},
                }
            ).encode()
        )
        manifest = add(
            json.dumps(
                {
                    "schemaVersion": 2,
                    "mediaType": OCI_MANIFEST,
                    "config": descriptor(config, "application/vnd.oci.image.config.v1+json"),
                    "layers": [descriptor(layer, "application/vnd.oci.image.layer.v1.tar+gzip")],
                }
            ).encode()
        )
        platform = {"architecture": architecture, "os": "linux"}
        entries.append({**descriptor(manifest, OCI_MANIFEST), "platform": platform})
    top = add(json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}).encode())
    named = {**descriptor(top, OCI_INDEX), "annotations": {"org.opencontainers.image.ref.name": "x"}}
    directory = tmp_path / "layout"
    (directory / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [named]}))
    (directory / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
    return directory


def run(*command: str, fails: bool = False) -> str:
    assert shutil.which(command[0]), f"{command[0]} is not installed: run .ci/packages"
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert (done.returncode != 0) is fails, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def skopeo(*arguments: str, fails: bool = False) -> str:
    return run("skopeo", "--insecure-policy", *arguments, fails=fails)


def push(registry: Served, layout: Path, name: str, *options: str) -> None:
    to = f"docker://{registry.address}/{name}"
    skopeo("copy", *options, "--dest-tls-verify=false", "--dest-creds=bob:secret", f"oci:{layout}:x", to)


def test_skopeo_copies_an_index_with_all_platforms_there_and_back(
    registry: Served, layout: Path, tmp_path: Path
) -> None:
    push(registry, layout, "public/all:x", "--all")
    source = f"docker://{registry.address}/public/all:x"
    raw = skopeo("inspect", "--raw", "--tls-verify=false", source)
    expected = json.loads((layout / "index.json").read_text())["manifests"][0]["digest"]
    assert sha256(raw.encode()) == expected
    skopeo("copy", "--all", "--src-tls-verify=false", source, f"oci:{tmp_path / 'back'}:x")
    names = {path.name for path in (layout / "blobs" / "sha256").iterdir()}
    assert {path.name for path in (tmp_path / "back" / "blobs" / "sha256").iterdir()} == names


@pytest.mark.parametrize("form", ["oci", "v2s2"])
def test_skopeo_pushes_both_forms_lists_and_deletes_tags(registry: Served, layout: Path, form: str) -> None:
    name = f"public/{form}"
    push(registry, layout, f"{name}:one", "--format", form)
    push(registry, layout, f"{name}:two", "--format", form)
    listed = json.loads(skopeo("list-tags", "--tls-verify=false", f"docker://{registry.address}/{name}"))
    assert listed["Tags"] == ["one", "two"]
    shown = json.loads(skopeo("inspect", "--tls-verify=false", f"docker://{registry.address}/{name}:one"))
    assert (shown["Architecture"], shown["RepoTags"]) == ("amd64", ["one", "two"])
    delete = ("delete", "--tls-verify=false", "--creds=bob:secret", f"docker://{registry.address}/{name}:one")
    skopeo(*delete)
    assert skopeo(*delete, fails=True)


def test_skopeo_mounts_blobs_between_repositories(registry: Served, layout: Path) -> None:
    push(registry, layout, "public/from:x")
    source, target = (f"docker://{registry.address}/public/{name}:x" for name in ("from", "to"))
    skopeo(
        "copy", "--src-tls-verify=false", "--dest-tls-verify=false", "--dest-creds=bob:secret", source, target
    )
    digest = json.loads(skopeo("inspect", "--tls-verify=false", target))["Digest"]
    assert json.loads(skopeo("inspect", "--tls-verify=false", source))["Digest"] == digest


def test_skopeo_is_told_what_is_wrong(registry: Served, layout: Path) -> None:
    push(registry, layout, "private/x:x")
    private = f"docker://{registry.address}/private/x:x"
    assert "authentication required" in skopeo("inspect", "--tls-verify=false", private, fails=True)
    wrong = ("inspect", "--tls-verify=false", "--creds=bob:wrong", private)
    assert "incorrect username or password" in skopeo(*wrong, fails=True)
    missing = f"docker://{registry.address}/public/none:x"
    assert "manifest unknown" in skopeo("inspect", "--tls-verify=false", missing, fails=True)


@pytest.fixture
def short_path() -> Iterator[Path]:
    """podman takes no run root longer than 50 characters."""
    with tempfile.TemporaryDirectory(prefix="pod") as directory:
        yield Path(directory)


def test_podman_logs_in_pulls_pushes_and_searches(registry: Served, layout: Path, short_path: Path) -> None:
    push(registry, layout, "public/pod:x")
    storage = ("--root", str(short_path / "s"), "--runroot", str(short_path / "r"), "--storage-driver", "vfs")
    (short_path / "auth.json").write_text("{}")

    def podman(command: str, *arguments: str, fails: bool = False) -> str:
        login = ("--authfile", str(short_path / "auth.json")) if command != "tag" else ()
        secure = ("--tls-verify=false",) if command in ("login", "pull", "push", "search") else ()
        return run("podman", *storage, command, *login, *secure, *arguments, fails=fails)

    image = f"{registry.address}/public/pod"
    podman("pull", f"{image}:x")
    podman("tag", f"{image}:x", f"{image}:y")
    assert podman("push", f"{image}:y", fails=True)
    assert podman("login", "-u", "bob", "-p", "wrong", registry.address, fails=True)
    podman("login", "-u", "bob", "-p", "secret", registry.address)
    podman("push", f"{image}:y")
    assert f"{image}" in podman("search", f"{registry.address}/pod")
    listed = podman("search", "--list-tags", image)
    assert [line.split()[1] for line in listed.splitlines()[1:]] == ["x", "y"]


ORAS = """
import sys
import oras.client
address, target = sys.argv[1:]
client = oras.client.OrasClient(hostname=address, insecure=True, auth_backend="token")
client.login(hostname=address, username="bob", password="secret", tls_verify=False)
assert client.push(target=target, files=["hello.txt"]).status_code == 201
(pulled,) = client.pull(target=target, outdir="out")
print(open(pulled).read(), client.get_tags(target.rpartition(":")[0]))
"""


def test_oras_pushes_and_pulls_an_artifact(registry: Served, tmp_path: Path) -> None:
    """In a process of its own: it keeps an event loop open that our warnings as errors would see."""
    (tmp_path / "hello.txt").write_text("hello")
    command = [sys.executable, "-c", ORAS, registry.address, f"{registry.address}/public/artifact:v1"]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=tmp_path, env={"HOME": str(tmp_path)}, timeout=60
    )
    assert done.stdout.splitlines()[-1:] == ["hello ['v1']"], done.stderr
