"""Images that attack by what they say: volumes, sizes, names, users, and what is copied out of them."""

import gzip
import hashlib
import io
import json
import os
import stat
import tarfile
from pathlib import Path
from typing import Any

import pytest

from tests.support import rootfs
from tests.support.api import Api
from tests.support.client import Client
from tests.support.engine import Sampand

CANARY = "canary-of-the-host"
OCI = "application/vnd.oci.image"


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def layer(*members: tuple[str, bytes, str]) -> bytes:
    """name, kind, link target or content"""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, kind, text in members:
            rootfs.add(
                tar, name, text.encode() if kind == tarfile.REGTYPE else b"", kind=kind, mode=0o755,
                link=text if kind != tarfile.REGTYPE else "",
            )  # fmt: skip
    return buffer.getvalue()


def archive(name: str, layers: list[bytes], **config: Any) -> bytes:
    """As `docker save` writes it."""
    described = {
        "architecture": "amd64",
        "os": "linux",
        "config": config,
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{sha(data)}" for data in layers]},
        "history": [{"created_by": "x"} for _ in layers],
    }
    text = json.dumps(described).encode()
    files = {f"{sha(text)}.json": text, **{f"{n}/layer.tar": data for n, data in enumerate(layers)}}
    manifest = [
        {
            "Config": f"{sha(text)}.json",
            "RepoTags": [name],
            "Layers": [f"{n}/layer.tar" for n in range(len(layers))],
        }
    ]
    files["manifest.json"] = json.dumps(manifest).encode()
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for path, data in files.items():
            rootfs.add(tar, path, data)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "volume",
    ["/../../../../../../../../SECRET", "SECRET", "/way", "/way/..", "/a/../../../SECRET", "/etc/../way/x"],
)
def test_a_volume_of_an_image_is_filled_from_the_image_only(
    api: Api, docker: Client, unique: str, directory: Path, volume: str
) -> None:
    """CVE-2022-23648: its path led out of the image's root, and the host's files into the volume."""
    (directory / "file").write_text(CANARY)
    data = layer(("way", tarfile.SYMTYPE, str(directory)))
    path = volume.replace("SECRET", str(directory).lstrip("/"))
    made = api.post(
        "/images/load", archive(f"{unique}:v", [rootfs.tar(), data], Volumes={path: {}}, Cmd=["sh"])
    )
    assert made.status == 200, made.body
    result = docker(
        "run", "--rm", f"{unique}:v", "sh", "-c", f"cat {path}/file {directory}/file /way/file; ls {path}"
    )
    assert CANARY not in result.out + result.err
    result = docker(
        "run", "--rm", "-v", f"{unique}:{path if path.startswith('/') else '/' + path}", f"{unique}:v", "true"
    )
    result = docker("run", "--rm", "-v", f"{unique}:/x", f"{unique}:v", "sh", "-c", "cat /x/file")
    assert CANARY not in result.out


def test_layers_that_climb_out_change_nothing(api: Api, own: Sampand, unique: str, directory: Path) -> None:
    """CVE-2021-41089 and its kin: files of the host whose modes and contents an archive sets."""
    (directory / "file").write_text(CANARY)
    before = os.stat(directory / "file")
    inside = str(directory).lstrip("/")
    for members in (
        [("../" * 12 + inside + "/file", tarfile.REGTYPE, "changed")],
        [("d", tarfile.SYMTYPE, str(directory)), ("d/file", tarfile.REGTYPE, "changed")],
        [("d", tarfile.SYMTYPE, str(directory)), ("d", tarfile.DIRTYPE, ""), ("d/n", tarfile.REGTYPE, "new")],
        [("h", tarfile.LNKTYPE, f"../../../../../../../../{inside}/file"), ("h", tarfile.REGTYPE, "changed")],
        [("h", tarfile.LNKTYPE, f"/{inside}/file")],
        [(f"{inside}/.wh.file", tarfile.REGTYPE, "")],
        [("d", tarfile.SYMTYPE, str(directory)), ("d/.wh.file", tarfile.REGTYPE, "")],
        [("d", tarfile.SYMTYPE, str(directory)), ("d/.wh..wh..opq", tarfile.REGTYPE, "")],
    ):  # fmt: skip
        api.post("/images/load", archive(f"{unique}:l", [layer(*members)]))
        made = api.post("/containers/create", {"Image": f"{unique}:l", "Cmd": ["x"]})
        if made.status == 201:
            api.request("GET", f"/containers/{made.json['Id']}/export")
            api.delete(f"/containers/{made.json['Id']}", force=1)
    after = os.stat(directory / "file")
    assert (directory / "file").read_text() == CANARY and os.listdir(directory) == ["file"]
    assert (after.st_mode, after.st_ctime_ns, after.st_nlink) == (before.st_mode, before.st_ctime_ns, 1)


def test_copying_out_keeps_to_the_named_place(
    docker: Client, image: str, unique: str, tmp_path: Path
) -> None:
    """CVE-2021-41089: `docker cp` of a container's link changed modes of what it pointed to on the host."""
    victim = tmp_path / "victim"
    victim.write_text("x")
    victim.chmod(0o600)
    docker.ok(
        "run", "--name", unique, image, "sh", "-c", f"ln -s {victim} /l; mkdir /d; ln -s {tmp_path} /d/out"
    )
    for source in ("/l", "/d", "/d/."):
        (tmp_path / "to").mkdir(exist_ok=True)
        docker("cp", f"{unique}:{source}", str(tmp_path / "to"))
    assert stat.S_IMODE(victim.stat().st_mode) == 0o600 and victim.read_text() == "x"


@pytest.mark.parametrize("which", ["manifest.json", "config", "index.json", "oci-layout"])
def test_documents_of_an_archive_are_bounded(own: Sampand, api: Api, unique: str, which: str) -> None:
    """CVE-2023-25153: a document of any size was read into memory."""
    before = _peak(own.pid)
    buffer = io.BytesIO()
    compressed = gzip.GzipFile(fileobj=buffer, mode="wb", compresslevel=1)
    with compressed, tarfile.open(fileobj=compressed, mode="w|") as tar:
        name = "a" * 64 + ".json" if which == "config" else which
        if which == "config":
            manifest = json.dumps([{"Config": name, "RepoTags": [f"{unique}:b"], "Layers": []}]).encode()
            rootfs.add(tar, "manifest.json", manifest)
        if which == "index.json":
            rootfs.add(tar, "oci-layout", b'{"imageLayoutVersion": "1.0.0"}')
        entry = tarfile.TarInfo(name)
        entry.size = SIZE
        tar.addfile(entry, Spaces())
    answer = api.request("POST", "/images/load", buffer.getvalue(), timeout=300)
    assert answer.status != 200 or b"error" in answer.body, answer.body
    assert _peak(own.pid) - before < SIZE // 4
    assert own.running and own.api.alive()


SIZE = 300 << 20


class Spaces(io.BytesIO):
    """More of them than anybody wants to hold."""

    def read(self, count: int | None = -1) -> bytes:
        return b" " * min(SIZE, count or 0)


def _peak(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) << 10


@pytest.mark.parametrize("kind", ["manifest", "index"])
def test_a_document_that_is_index_and_manifest_is_refused(
    own: Sampand, api: Api, unique: str, kind: str
) -> None:
    """CVE-2021-41190: the same bytes, another image for each reader."""
    blobs: dict[str, bytes] = {}

    def blob(data: bytes, media_type: str) -> dict[str, Any]:
        blobs[f"blobs/sha256/{sha(data)}"] = data
        return {"mediaType": media_type, "digest": f"sha256:{sha(data)}", "size": len(data)}

    root = rootfs.tar()
    described = {"architecture": "amd64", "os": "linux", "config": {}, "history": [{"created_by": "x"}]}
    described["rootfs"] = {"type": "layers", "diff_ids": [f"sha256:{sha(root)}"]}
    image = {
        "schemaVersion": 2,
        "config": blob(json.dumps(described).encode(), f"{OCI}.config.v1+json"),
        "layers": [blob(root, f"{OCI}.layer.v1.tar")],
    }
    plain = blob(json.dumps(image).encode(), f"{OCI}.manifest.v1+json")
    both = blob(json.dumps({**image, "manifests": [plain]}).encode(), f"{OCI}.{kind}.v1+json")
    for descriptor, status in ((plain, 200), (both, 404)):
        tag = {"io.containerd.image.name": f"{unique}:{status}"}
        index = {"schemaVersion": 2, "manifests": [{**descriptor, "annotations": tag}]}
        layout = {"oci-layout": b'{"imageLayoutVersion": "1.0.0"}', "index.json": json.dumps(index).encode()}
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as tar:
            for path, data in {**layout, **blobs}.items():
                rootfs.add(tar, path, data)
        api.post("/images/load", buffer.getvalue())
        assert api.get(f"/images/{unique}:{status}/json").status == status


@pytest.mark.parametrize(
    "config",
    [
        {"User": "4294967296"},
        {"Env": ["=x", "A\0B=c"]},
        {"WorkingDir": "/proc/self/fd/9"},
        {"Entrypoint": ["/proc/self/exe"], "Cmd": None},
        {"StopSignal": "SIGNOTHING"},
        {"ExposedPorts": {"99999999/tcp": {}, "x/y": {}}},
        {"Healthcheck": {"Test": ["CMD"], "Interval": -1}},
        {"Labels": {"": "\0"}},
        {"Volumes": {"": {}, "\0": {}, "/": {}}},
        {"Cmd": "text", "Env": "text"},
    ],
    ids=str,
)
def test_a_hostile_config_is_refused_or_harmless(
    own: Sampand, api: Api, docker: Client, unique: str, config: dict[str, Any]
) -> None:
    """CVE-2021-21285: a malformed image ended dockerd."""
    answer = api.post("/images/load", archive(f"{unique}:c", [rootfs.tar()], **config))
    assert answer.status < 500 or "internal error" not in answer.body.decode().lower()
    result = docker("run", "--rm", f"{unique}:c", "id", "-u")
    assert "Traceback" not in result.err and own.running
    if config.get("User"):
        assert result.code != 0
